"""What tasks have in common whose stimuli are pairs: a crop of a photograph, and the same crop shifted."""
