"""Sums and drawdowns of spans of bars, kept by blocks, are those of every bar, wherever a span begins and ends."""

import math
from itertools import product

import numpy as np
import pytest

from optimizer.domain.study_request import Costs
from optimizer.engine.price_table import PriceTable
from optimizer.engine.spans import CLOSE, Spans, lay_out, passing_spans, peak_and_worst, sums_before
from tests.bars import made_up_bars

TABLE = PriceTable.of(made_up_bars(83, volatility=0.04), Costs())
EDGES = (1, 2, 7, 8, 9, 15, 16, 17, 40, 41, 63, 64, 65, 79, 80, 81, 83)


KEPT = pytest.mark.parametrize(
    "kept", [TABLE.spans, TABLE.spans_of_bars, passing_spans()], ids=["blocks", "bars", "none"]
)


@KEPT
@pytest.mark.parametrize("row", [0, *EDGES])
def test_sums_are_those_of_every_bar_before(row: int, kept: Spans) -> None:
    close = TABLE.prices[CLOSE]
    moves = (close[1:] / close[:-1] - 1.0)[: max(row - 1, 0)]
    found = sums_before(TABLE.prices, False, kept.prefix_sums, row)

    expected = [math.fsum(moves), math.fsum(moves**2), math.fsum(np.minimum(moves, 0.0) * moves)]
    np.testing.assert_allclose(found, expected, rtol=1e-15, atol=1e-18)


@KEPT
def test_peaks_and_falls_are_those_of_every_bar_to_the_last_bit(kept: Spans) -> None:
    close, tree = TABLE.prices[CLOSE], kept.drawdown_tree
    for first, stop in product(EDGES, EDGES):
        if first < stop:
            peaks = np.maximum.accumulate(np.concatenate([[101.0], close[first:stop]]))
            worst = min(1.0, float((close[first:stop] / peaks[:-1]).min()))

            assert peak_and_worst(TABLE.prices, tree, first, stop, 101.0, 1.0) == (peaks[-1], worst)


def test_sums_are_the_same_bits_whatever_is_kept() -> None:
    kinds = TABLE.spans, TABLE.spans_of_bars, passing_spans()
    for row in range(len(TABLE.bars)):
        blocks, bars, passing = (sums_before(TABLE.prices, False, kept.prefix_sums, row) for kept in kinds)
        assert blocks == bars == passing


@pytest.mark.parametrize("wrong", [0.0, -0.0, -1.0, math.nan, math.inf, -math.inf])
def test_one_price_that_is_none_is_found(wrong: float) -> None:
    prices, columns = np.empty((5, 100)), np.full((4, 100), 5e-324)
    assert lay_out(*columns, prices)
    assert (prices[:4] == columns).all()
    assert (prices[4] == 1.0).all()

    columns[2, 77] = wrong
    assert not lay_out(*columns, prices)
