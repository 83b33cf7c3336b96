"""Conditions as bit masks, 64 bars per word, compiled."""

import numpy as np
from numpy.typing import NDArray

from optimizer.compiled import compiled, compiled_part
from optimizer.domain.bars import FloatArray


@compiled_part
def fill_masks(
    indicators: FloatArray,
    first: int,
    which: NDArray[np.int64],
    levels: FloatArray,
    slots: NDArray[np.int64],
    sign: float,
    is_strict: bool,
    bank: NDArray[np.uint64],
) -> None:
    """Write the mask of indicator `which[k]` against `levels[k]` into row `slots[k]` of `bank`, for each k.

    `indicators` (count, n_bars) are those numbered from `first` on; any other k is passed over. Bit t is
    sign·indicator[t] > sign·level (≥ if not strict); NaN compares as false.
    """
    for k in range(levels.shape[0]):
        if not first <= which[k] < first + indicators.shape[0]:
            continue
        fill_mask(indicators[which[k] - first], levels[k], sign, is_strict, bank[slots[k]])


@compiled_part
def fill_mask(indicator: FloatArray, level: float, sign: float, is_strict: bool, mask: NDArray[np.uint64]) -> None:
    """Write one mask: bit t is sign·indicator[t] > sign·level (≥ if not strict)."""
    n = indicator.shape[0]
    level = sign * level
    for w in range(n >> 6):
        values = indicator[w << 6 : (w + 1) << 6]
        mask[w] = _above(values, sign, level) if is_strict else _at_least(values, sign, level)
    if n & 63:
        mask[n >> 6] = _last_word(indicator[n & ~63 :], sign, level, is_strict)


# Loops of fixed length, so that they compile to vector instructions.
@compiled_part
def _above(values: FloatArray, sign: float, level: float) -> np.uint64:
    word = np.uint64(0)
    for j in range(64):
        word |= np.uint64(sign * values[j] > level) << np.uint64(j)
    return word


@compiled_part
def _at_least(values: FloatArray, sign: float, level: float) -> np.uint64:
    word = np.uint64(0)
    for j in range(64):
        word |= np.uint64(sign * values[j] >= level) << np.uint64(j)
    return word


@compiled_part
def _last_word(values: FloatArray, sign: float, level: float, is_strict: bool) -> np.uint64:
    word = np.uint64(0)
    for j in range(values.shape[0]):
        value = sign * values[j]
        word |= np.uint64(value > level or (value == level and not is_strict)) << np.uint64(j)
    return word


#: Operations of `combine`.
BOTH, EITHER, BEFORE, LASTING, WITHIN = range(5)


@compiled
def combine(operation: int, pairs: NDArray[np.int64], n_bars: int, first: int, bank: NDArray[np.uint64]) -> None:
    """Write the result of an operation for each pair into the rows of `bank` from `first` on.

    The upper half of a pair is the row of a mask, the lower half another row (both, either) or a number of bars.
    Bits after the last bar are zero in what is written.
    """
    n_words = (n_bars + 63) >> 6
    for k in range(pairs.shape[0]):
        one, other, out = bank[pairs[k] >> 32], pairs[k] & 0xFFFFFFFF, bank[first + k]
        if operation == BOTH:
            for w in range(n_words):
                out[w] = one[w] & bank[other, w]
        elif operation == EITHER:
            for w in range(n_words):
                out[w] = one[w] | bank[other, w]
        elif operation == BEFORE:
            _shift(one, other, n_words, out)
        else:
            _run(one, other, n_words, operation == LASTING, out)
        if n_bars & 63:
            out[n_words - 1] &= (np.uint64(1) << np.uint64(n_bars & 63)) - np.uint64(1)


@compiled
def _shift(mask: NDArray[np.uint64], n_bars: int, n_words: int, out: NDArray[np.uint64]) -> None:
    """Write the mask of what held `n_bars` bars before; `out` may be the mask itself, since it is written backwards."""
    whole, rest = n_bars >> 6, n_bars & 63
    for w in range(n_words - 1, -1, -1):
        word = np.uint64(0)
        if w >= whole:
            word = mask[w - whole] << np.uint64(rest)
        if rest and w > whole:
            word |= mask[w - whole - 1] >> np.uint64(64 - rest)
        out[w] = word


@compiled
def _run(mask: NDArray[np.uint64], n_bars: int, n_words: int, is_all: bool, out: NDArray[np.uint64]) -> None:
    """Write the mask of what held on all, or any, of the last `n_bars` bars, doubling the length of the run."""
    out[:n_words] = mask[:n_words]
    shifted = np.empty(n_words, dtype=np.uint64)
    have = 1
    while have < n_bars:
        step = min(have, n_bars - have)
        _shift(out, step, n_words, shifted)
        for w in range(n_words):
            out[w] = out[w] & shifted[w] if is_all else out[w] | shifted[w]
        have += step


def pack_mask(holds: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Words of a mask from one boolean per bar."""
    padded = np.zeros((len(holds) + 63) // 64 * 64, dtype=bool)
    padded[: len(holds)] = holds
    return np.packbits(padded, bitorder="little").view("<u8").astype(np.uint64)


def unpack_mask(mask: NDArray[np.uint64], n_bars: int) -> NDArray[np.bool_]:
    """Booleans, one per bar, from the words of a mask."""
    octets = mask.astype("<u8").view(np.uint8)
    return np.unpackbits(octets, bitorder="little")[:n_bars].astype(bool)


def one_bar_later(masks: NDArray[np.uint64], n_bars: int) -> NDArray[np.uint64]:
    """Masks (n_masks, n_words) of which each bar has what the bar before it had; nothing holds on the first."""
    shifted = [np.concatenate([[False], unpack_mask(mask, n_bars)[:-1]]) for mask in masks]
    found = np.zeros_like(masks)
    for row, holds in enumerate(shifted):
        words = pack_mask(holds)
        found[row, : len(words)] = words
    return found
