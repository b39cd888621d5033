"""Shares of people in NumPy files, as BAPPS has them beside its images."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from study_server.errors import StudyError


def read_share(path: Path) -> float:
    """The one number of a NumPy file, the share of people who preferred the second image, in [0, 1].

    Of one in single precision the shortest decimal number that it stands for: 0.2, not 0.20000000298.
    Raises StudyError for a file that is no array of one number, and for a number outside [0, 1].
    """
    name = f"{path.parent.name}/{path.name}"
    try:
        with path.open("rb") as file:  # NumPy would leave it open where it raises
            array = np.load(file, allow_pickle=False)
    except Exception as error:  # of a damaged file, NumPy raises whatever comes
        raise StudyError(
            f"{name} cannot be read as a NumPy file ({error}): save one number there with numpy.save"
        ) from error
    if not isinstance(array, np.ndarray) or array.size != 1 or array.dtype.kind not in "fiub":
        found = f"an array {array.dtype} of shape {array.shape}" if isinstance(array, np.ndarray) else "several arrays"
        raise StudyError(f"{name} holds {found}: one number is expected, the share of people who preferred the second")
    number = array.reshape(-1)[0]
    share = float(str(number)) if array.dtype.kind == "f" else float(number)
    if not 0 <= share <= 1:
        raise StudyError(f"{name} holds {share:g}: a share of people from 0 to 1 is expected")
    return share
