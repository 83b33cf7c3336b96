"""Conditions as bits: one word holds whether 64 bars meet one, compiled."""

import numpy as np
from numpy.typing import NDArray

from optimizer.compiled import compiled
from optimizer.domain.bars import FloatArray


@compiled
def fill_masks(
    rows: FloatArray,
    done: int,
    which: NDArray[np.int64],
    levels: FloatArray,
    slots: NDArray[np.int64],
    sign: float,
    is_strict: bool,
    bank: NDArray[np.uint64],
) -> None:
    """Write the mask of row `which[k]` against `levels[k]` into `slots[k]`, for each k whose row is in `rows`.

    `rows` holds the rows numbered from `done` on. Bit t says whether sign·row[t] > sign·level (≥ if
    not strict). NaN is on neither side of anything.
    """
    for k in range(levels.shape[0]):
        if not done <= which[k] < done + rows.shape[0]:
            continue
        mask_row(rows[which[k] - done], levels[k], sign, is_strict, bank[slots[k]])


@compiled
def mask_row(row: FloatArray, level: float, sign: float, is_strict: bool, mask: NDArray[np.uint64]) -> None:
    """Write one mask: bit t says whether sign·row[t] > sign·level (≥ if not strict)."""
    n = row.shape[0]
    level = sign * level
    for w in range(n >> 6):
        stretch = row[w << 6 : (w + 1) << 6]
        mask[w] = _above(stretch, sign, level) if is_strict else _at_least(stretch, sign, level)
    if n & 63:
        mask[n >> 6] = _rest(row[n & ~63 :], sign, level, is_strict)


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


def pack_mask(holds: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Booleans, one a bar, as the words of a mask."""
    padded = np.zeros((len(holds) + 63) // 64 * 64, dtype=bool)
    padded[: len(holds)] = holds
    return np.packbits(padded, bitorder="little").view("<u8").astype(np.uint64)


def unpack_mask(mask: NDArray[np.uint64], n_bars: int) -> NDArray[np.bool_]:
    """The words of a mask as booleans, one a bar."""
    octets = mask.astype("<u8").view(np.uint8)
    return np.unpackbits(octets, bitorder="little")[:n_bars].astype(bool)
