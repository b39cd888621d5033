"""The web side: stimuli → assignment → trials → responses. Imports neither torch nor pandas."""
