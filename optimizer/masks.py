"""Conditions as bits: one word holds whether 64 bars meet one, compiled."""

import numpy as np
from numpy.typing import NDArray

from optimizer.compiled import compiled
from optimizer.series import FloatArray


@compiled
def fill_masks(
    row: FloatArray,
    levels: FloatArray,
    sign: float,
    is_strict: bool,
    bank: NDArray[np.uint64],
    slots: NDArray[np.int64],
) -> None:
    """Write one mask a level: bit t says whether sign·row[t] > sign·level (≥ if not strict).

    NaN is on neither side of anything.
    """
    n = row.shape[0]
    for k in range(slots.shape[0]):
        level = sign * levels[k]
        for w in range(n >> 6):
            stretch = row[w << 6 : (w + 1) << 6]
            bank[slots[k], w] = _above(stretch, sign, level) if is_strict else _at_least(stretch, sign, level)
        if n & 63:
            bank[slots[k], n >> 6] = _rest(row[n & ~63 :], sign, level, is_strict)


# The two loops of fixed length are those that become vector code.
@compiled
def _above(stretch: FloatArray, sign: float, level: float) -> np.uint64:
    word = np.uint64(0)
    for j in range(64):
        word |= np.uint64(sign * stretch[j] > level) << np.uint64(j)
    return word


@compiled
def _at_least(stretch: FloatArray, sign: float, level: float) -> np.uint64:
    word = np.uint64(0)
    for j in range(64):
        word |= np.uint64(sign * stretch[j] >= level) << np.uint64(j)
    return word


@compiled
def _rest(stretch: FloatArray, sign: float, level: float, is_strict: bool) -> np.uint64:
    word = np.uint64(0)
    for j in range(stretch.shape[0]):
        value = sign * stretch[j]
        word |= np.uint64(value > level or (value == level and not is_strict)) << np.uint64(j)
    return word
