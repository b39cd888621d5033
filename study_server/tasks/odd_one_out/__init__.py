"""Odd-one-out: which of three images differs? A crop and its shifted version, one of them twice."""

from study_server.tasks.odd_one_out.task import TASK

__all__ = ["TASK"]
