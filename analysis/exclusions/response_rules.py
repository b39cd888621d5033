"""Rules that mark single responses: how and under which conditions they were given."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.exclusions.participants import participant_codes

Mask = NDArray[np.bool_]

# To see two pictures, judge them and press a key takes longer.
FASTEST_MS = 200


def too_fast(responses: pd.DataFrame) -> tuple[Mask, Mask]:
    """Responses that came less than 200 ms after the pair was shown, which is no time to judge it."""
    time = responses["reaction_time_ms"]
    return (time < FASTEST_MS).fillna(False).to_numpy(dtype=bool), time.notna().to_numpy(dtype=bool)


def interrupted(responses: pd.DataFrame) -> tuple[Mask, Mask]:
    """Responses to a pair that was out of sight meanwhile, or the first after the participant came back.

    The participant came back where `visit` is higher than at their trial before.
    """
    hidden = responses["hidden"]
    codes, _ = participant_codes(responses)
    trial = responses["trial"].fillna(0).to_numpy(dtype=np.int64)
    visit = responses["visit"].fillna(0).to_numpy(dtype=np.int64)
    order = np.lexsort((trial, codes))
    known = (codes >= 0) & (trial > 0) & (visit > 0)
    here, before = order[1:], order[:-1]
    returned = np.zeros(len(order), dtype=np.bool_)
    returned[here] = (codes[here] == codes[before]) & known[here] & known[before] & (visit[here] > visit[before])
    return hidden.fillna(False).to_numpy(dtype=bool) | returned, hidden.notna().to_numpy(dtype=bool)


def not_pixel_exact(responses: pd.DataFrame) -> tuple[Mask, Mask]:
    """Responses to a pair that was drawn anew because the window's size or zoom changed while it was shown.

    Until the first frame after such a change, the browser stretches the old picture, and image pixels are not
    whole numbers of device pixels. Where `pixel_scale` or `window_changes` is unknown, so is how the pair was shown.
    """
    changes = responses["window_changes"]
    known = responses["pixel_scale"].notna() & changes.notna()
    return (changes > 0).fillna(False).to_numpy(dtype=bool), known.to_numpy(dtype=bool)
