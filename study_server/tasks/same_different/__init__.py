"""The same–different task."""

from study_server.tasks.same_different.task import TASK

__all__ = ["TASK"]
