"""What the stimuli of a study were made from, where it is still at hand."""

from __future__ import annotations

from pathlib import Path

from study_server.errors import StudyError
from study_server.tasks.two_afc.check import Originals
from study_server.tasks.two_afc.distorted_photographs import Distort, PhotographOriginals
from study_server.tasks.two_afc.ready_triplets import PREFIX, open_triplets


def originals_of(source: str, distort: Distort | None = None) -> Originals:
    """The originals of a source as settings name it: `triplets:PATH`, or a source of photographs.

    distort: what distorted the photographs; without it there are only the references to compare with.
    """
    if not source.startswith(PREFIX):
        return PhotographOriginals(source, distort)
    try:
        return open_triplets(Path(source.removeprefix(PREFIX))).originals
    except StudyError:  # they are not there any more, or not as they were
        return lambda rows: iter(())
