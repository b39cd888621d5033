"""The experimenter's side: what comes in, who takes part, and what to do about it. Behind a login."""
