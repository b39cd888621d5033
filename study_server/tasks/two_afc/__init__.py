"""The two-alternative task, on triplets."""

from study_server.tasks.two_afc.task import TASK

__all__ = ["TASK"]
