"""Photographs, crops and the stimulus manifest."""
