"""What the dashboard calls what a study is made of: the task's own words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from study_server.tasks.dashboard import StratumWords
from study_server.tasks.task import Task


@dataclass(frozen=True)
class Names:
    """`answers`: answer → in a chart; `called`: answer → above a column of what was answered so."""

    stimulus: str
    stimuli: str
    strata: StratumWords
    answers: Mapping[str, str]
    called: Mapping[str, str]

    @classmethod
    def of(cls, task: Task[Any]) -> Self:
        """Those of a task."""
        said = task.dashboard
        return cls(
            task.nouns.stimulus,
            task.nouns.stimuli,
            said.strata,
            {answer: said.answers.get(answer, answer) for answer in task.answers},
            {answer: said.called.get(answer, answer) for answer in task.answers},
        )

    @property
    def a_stimulus(self) -> str:
        """With its article."""
        return f"{'an' if self.stimulus[:1] in tuple('aeio') else 'a'} {self.stimulus}"
