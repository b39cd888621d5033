"""The psychometric function: how likely a pair is called different, by shift."""

from analysis.psychometric.maximum_likelihood import PsychometricFit, fit

__all__ = ["PsychometricFit", "fit"]
