"""Rules that mark single responses: how and under which conditions they were given."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis.columns.participants import participant_codes
from analysis.columns.rule_columns import Responses, integers, is_below, is_true, known

Mask = NDArray[np.bool_]

# To see two pictures, judge them and press a key takes longer.
FASTEST_MS = 200


def too_fast(responses: Responses) -> tuple[Mask, Mask]:
    """Responses that came less than 200 ms after the pair was shown, which is no time to judge it."""
    return is_below(responses, "reaction_time_ms", FASTEST_MS), known(responses, "reaction_time_ms")


def interrupted(responses: Responses) -> tuple[Mask, Mask]:
    """Responses to a pair that was out of sight meanwhile, or the first after the participant came back.

    The participant came back where `visit` is higher than at their trial before.
    """
    codes, _ = participant_codes(responses)
    trial, visit = integers(responses, "trial"), integers(responses, "visit")
    order = np.lexsort((trial, codes))
    told = (codes >= 0) & (trial > 0) & (visit > 0)
    here, before = order[1:], order[:-1]
    returned = np.zeros(len(order), dtype=np.bool_)
    returned[here] = (codes[here] == codes[before]) & told[here] & told[before] & (visit[here] > visit[before])
    return is_true(responses, "hidden") | returned, known(responses, "hidden")


def page_altered(responses: Responses) -> tuple[Mask, Mask]:
    """Responses to a pair in whose trial something changed how the page looked, such as an extension's styles.

    The pair was not shown while that was noticed, and was shown anew after it.
    """
    return is_true(responses, "page_altered"), known(responses, "page_altered")


def not_pixel_exact(responses: Responses) -> tuple[Mask, Mask]:
    """Responses to a pair that was drawn anew because the window's size or zoom changed while it was shown.

    Until the first frame after such a change, the browser stretches the old picture, and image pixels are not
    whole numbers of device pixels. Where `pixel_scale` or `window_changes` is unknown, so is how the pair was shown.
    """
    return integers(responses, "window_changes") > 0, known(responses, "pixel_scale") & known(
        responses, "window_changes"
    )
