"""Load on web servers: a lean client in a process of its own, and how a participant talks to each server."""
