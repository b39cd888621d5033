"""Convolutions by fewer multiplications: the minimal filtering of Winograd, as Lavin & Gray 2016 use it.

A window of `n × n` inputs gives `m × m` outputs of an `r × r` filter (`n = m + r - 1`) by `n²` multiplications
instead of `m² r²`, between linear transforms of the window, of the filter and of the products.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_POINTS = {
    4: (0.0, 1.0, -1.0),
    6: (0.0, 2 / 3, -2 / 3, 1.5, -1.5),
    7: (0.0, 0.75, -1.0, 1.25, -2.0, -0.5),
}
"""Places of a window → where, besides infinity, the polynomials of a filter and of its input are multiplied.

Of all that were tried, some hundred sets of each size, these round least; 7 need not be symmetric.
"""

FORMS = ((3, 2), (3, 4), (5, 3))
"""Taps, and outputs of a window of them, for which there are points."""

Matrix = npt.NDArray[np.float64]


def transforms(outputs: int, taps: int) -> tuple[Matrix, Matrix, Matrix]:
    """The transforms of inputs (n, n), of filters (n, taps) and of products (outputs, n), n = outputs + taps - 1.

    With them, `products @ ((filters @ f) * (inputs @ d))` is the correlation of `d`, of n values, with `f`.

    >>> inputs, filters, products = transforms(2, 3)
    >>> products @ ((filters @ [1, 2, 3]) * (inputs @ [4, 5, 6, 7]))
    array([32., 38.])
    """
    n = outputs + taps - 1
    products = _values(n, outputs).T
    filters = _values(n, taps)
    inputs = np.linalg.inv(_values(n, n)).T
    inputs[np.abs(inputs) < 1e-12] = 0  # what is 0 but for rounding costs nothing where it is known
    # A factor may move between the two that are multiplied; equal sizes round least.
    factor = np.sqrt(np.abs(inputs).max(axis=1, keepdims=True) / np.abs(filters).max(axis=1, keepdims=True))
    return inputs / factor, filters * factor, products


def _values(points: int, coefficients: int) -> Matrix:
    """Polynomials of so many coefficients → their values at `points` - 1 places and at infinity."""
    finite = np.array(_POINTS[points])[:, None] ** np.arange(coefficients)
    infinite = np.eye(coefficients)[-1:]
    return np.vstack([finite, infinite])
