"""Parts of a change: bars that moved together by a split or a dividend, corrected bars, and corrected volumes.

Bars are compared as adjusted, since a factor that moves all of them changes no return.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.bars import FloatArray
from optimizer.market.raw_bars import SPLIT_STEP
from optimizer.market.warehouse.changes import FACTOR_TOLERANCE, TOLERANCE, ChangeKind

#: Relative scatter of bars that one event moves, where prices as traded moved, where factors did, and where none did.
_PRICE_NOISE, _FACTOR_NOISE, _NOISE = 5e-3, 5e-4, 2 * FACTOR_TOLERANCE
#: Move of all prices above which their rounding counts.
_LARGE_MOVE = 0.01

Rows = NDArray[np.bool_]


class Part(NamedTuple):
    """Changed rows of the bars that two histories have in common."""

    kind: ChangeKind
    rows: Rows
    largest: float  # largest relative change of the adjusted close
    changes_returns: bool


def parts_of(pairs: Mapping[str, np.ndarray], *, follows: bool) -> Iterator[Part]:
    """Yield the parts of a change. `pairs` are the common bars in time order, (n_bars,) each.

    They have the ratios new to old of `closes` and `factors`, the largest relative change of open, high and low
    against the close (`bent`), and whether anything `differs`. `follows` is True if no stored bar is older, or if
    those that are move with the first common one.
    """
    differs: Rows = pairs["differs"]
    if not differs.any():
        return
    closes, factors = _known(pairs["closes"]), _known(pairs["factors"])
    scale, noise = closes * factors, _noise(closes[differs], factors[differs])
    common = float(np.median(scale[differs]))
    is_odd = differs & ((np.abs(scale - common) > noise * common) | (_known(pairs["bent"], 0.0) > 2 * noise))
    is_moved = differs & ~is_odd
    if abs(common - 1) <= _NOISE:  # nothing but volumes
        yield from _part(ChangeKind.VOLUME, is_moved, scale, changes_returns=False)
    elif follows and _are_the_older(is_moved, is_odd):
        kind = ChangeKind.SPLIT if abs(np.log(common)) > np.log1p(SPLIT_STEP) else ChangeKind.DIVIDEND
        yield from _part(kind, is_moved, scale, changes_returns=bool((~differs).any()))
    else:
        is_odd, common = differs, 1.0
    yield from _part(ChangeKind.CORRECTION, is_odd, scale / common, changes_returns=True)


def _noise(closes: FloatArray, factors: FloatArray) -> float:
    """Return how far bars that one event moved may be apart: sources round prices and factors."""
    price, factor = abs(np.median(closes) - 1), abs(np.median(factors) - 1)
    if price > _LARGE_MOVE:
        return _PRICE_NOISE
    return _FACTOR_NOISE if price > TOLERANCE or factor > FACTOR_TOLERANCE else _NOISE


def _are_the_older(is_moved: Rows, is_odd: Rows) -> bool:
    """Check whether moved bars are all those before some bar, but for corrected ones, which are fewer."""
    rows, is_still = np.flatnonzero(is_moved), ~is_moved & ~is_odd
    return len(rows) > max(int(is_odd.sum()), 1) and not is_still[: rows[-1]].any()


def _part(kind: ChangeKind, rows: Rows, scale: FloatArray, *, changes_returns: bool) -> Iterator[Part]:
    if rows.any():
        yield Part(kind, rows, float(np.abs(scale[rows] - 1).max()), changes_returns)


def _known(ratios: FloatArray, otherwise: float = 2.0) -> FloatArray:
    """Return ratios with those of a price of zero replaced: it is no price, so all of it changed."""
    return np.where(np.isfinite(ratios), ratios, otherwise)
