"""What a study of selected images can say, and what it cannot."""

from __future__ import annotations

import pandas as pd

from analysis.exclusions.marking import accepted
from analysis.tasks.registry import task_of


def selection_note(responses: pd.DataFrame) -> str | None:
    """Of a tidy response table, a sentence or two where its images were selected by metrics; None where drawn."""
    if "selection" not in responses:
        return None
    kept = accepted(responses)
    images = kept.drop_duplicates(task_of(kept).picture)["selection"]
    grounds = images.dropna().value_counts().sort_index()
    if grounds.empty:
        return None
    numbers = " and ".join(f"{number} of {ground}" for ground, number in grounds.items())
    drawn = int(images.isna().sum())
    return (
        f"The images were selected because two metrics disagree on them at equal shift ({numbers}"
        + (f", beside {drawn} that were drawn" if drawn else "")
        + "; A > B: metric A sees more in the image than B, compared with other images). What they tell is with which "
        "of these two people agree where the two differ. Levels of agreement, of the threshold and of Table 1 are "
        "those of selected images, and not of photographs as they come; other metrics' scores rest on images that were "
        "chosen without them."
    )
