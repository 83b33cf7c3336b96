"""The indicator cache answers only for the same bars and all the same parameters."""

from datetime import UTC, datetime, timedelta

import numpy as np

from optimizer.indicators import rsi, sma
from optimizer.market.bars import Warehouse
from optimizer.market.indicator_cache import IndicatorCache, params_key
from optimizer.series import Bars, FloatArray
from tests.optimizer.market.conftest import walk


class Counted:
    """An indicator that counts how often it is computed."""

    def __init__(self) -> None:
        self.n = 0

    def __call__(self, bars: Bars) -> FloatArray:
        self.n += 1
        return rsi(bars.close, 14)


def test_a_second_request_is_answered_without_computing(warehouse: Warehouse) -> None:
    cache, compute, bars = IndicatorCache(warehouse), Counted(), walk().adjusted()

    first = cache.get(bars, "rsi", {"window": 14}, compute)
    second = cache.get(bars, "rsi", {"window": 14}, compute)

    assert compute.n == 1
    assert (cache.hits, cache.misses, cache.hit_ratio) == (1, 1, 0.5)
    np.testing.assert_array_equal(first, second)


def test_other_parameters_names_or_bars_are_computed_anew(warehouse: Warehouse) -> None:
    cache, compute, bars = IndicatorCache(warehouse), Counted(), walk().adjusted()

    cache.get(bars, "rsi", {"window": 14}, compute)
    cache.get(bars, "rsi", {"window": 15}, compute)
    cache.get(bars, "rsi", {"window": 14, "smoothing": "wilder"}, compute)
    cache.get(bars, "other", {"window": 14}, compute)
    cache.get(bars.cut(0, 499), "rsi", {"window": 14}, compute)
    cache.get(walk(symbol="X").adjusted(), "rsi", {"window": 14}, compute)

    assert (compute.n, cache.hit_ratio) == (6, 0.0)


def test_the_order_of_parameters_does_not_matter() -> None:
    assert params_key({"fast": 12, "slow": 26}) == params_key({"slow": 26.0, "fast": 12})


def test_an_indicator_of_several_columns_keeps_its_shape(warehouse: Warehouse) -> None:
    cache, bars = IndicatorCache(warehouse), walk().adjusted()

    for _ in range(2):
        both = cache.get(bars, "pair", {}, lambda bars: np.vstack([sma(bars.close, 5), sma(bars.close, 9)]))

    assert both.shape == (2, 500)
    np.testing.assert_array_equal(both[1], sma(bars.close, 9))


def test_old_indicators_can_be_forgotten(warehouse: Warehouse) -> None:
    cache, compute, bars = IndicatorCache(warehouse), Counted(), walk().adjusted()
    cache.get(bars, "rsi", {"window": 14}, compute)

    assert cache.prune(datetime.now(UTC) - timedelta(days=1)) == 0
    assert cache.prune(datetime.now(UTC) + timedelta(days=1)) == 1
    cache.get(bars, "rsi", {"window": 14}, compute)
    assert compute.n == 2
