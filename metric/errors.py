"""The errors that this package raises for an input that the user can mend."""


class MetricError(ValueError):
    """A bad input. The message names the thing and how to mend it; the command line prints it and exits 1."""


class MisfitError(MetricError):
    """Tensors that a metric cannot take for its weights. Who read them says from which file they are."""
