"""Which answers are about one photograph: what intervals draw anew, as several crops of one are alike."""

from __future__ import annotations

import pandas as pd


def photographs(responses: pd.DataFrame) -> pd.Series:
    """The photograph of each answer, by the name of its first image; the image where the photograph is unknown."""
    image = responses["image"]
    if "photograph" not in responses or responses["photograph"].isna().all():
        return image
    first = image.groupby(responses["photograph"]).min()
    return responses["photograph"].map(first).astype("string").fillna(image)
