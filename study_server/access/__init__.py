"""Who asks, and how often they may: sessions, and limits of requests."""
