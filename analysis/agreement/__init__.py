"""How well the distances of metrics agree with the judgments of people."""
