"""The errors of this package: inputs and states that the user can mend."""


class StudyError(ValueError):
    """A bad input. The message names the thing and how to mend it; the command line prints it and exits 1."""


class NotYours(StudyError):
    """The trial belongs to somebody else, or nobody has signed in."""


class NotFound(StudyError):
    """There is no such thing."""


class Conflict(StudyError):
    """It cannot be done in the present state; the message says why."""


class TooMany(StudyError):
    """More of this has come from one place than the study takes at present."""

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Unavailable(StudyError):
    """It cannot be done for the moment: the same request may succeed later."""


class FileMoved(Unavailable):
    """A file that is in use is not where it was. It has been logged."""
