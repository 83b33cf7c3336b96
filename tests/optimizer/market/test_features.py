"""Features equal an independent reference, see no future, and are never older than their bars."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from optimizer.domain.bars import Bars
from optimizer.errors import UnknownSymbol
from optimizer.indicators.feature_columns import compute
from optimizer.market.warehouse.features import FeatureStore, row_hashes
from optimizer.market.warehouse.schema import FEATURES
from optimizer.market.warehouse.warehouse import Warehouse
from tests.optimizer.market.conftest import NOW, walk


def begun_ema(values: "pd.Series[float]", window: int) -> "pd.Series[float]":
    """An exponential mean that begins with the plain mean of its first window, step by step."""
    found = pd.Series(np.nan, index=values.index)
    first = int(np.argmax(values.notna())) + window - 1
    mean = values.iloc[first - window + 1 : first + 1].mean()
    for row in range(first, len(values)):
        mean = mean if row == first else mean + (values.iloc[row] - mean) * 2 / (window + 1)
        found.iloc[row] = mean
    return found


def wilder_rsi(close: "pd.Series[float]", window: int) -> "pd.Series[float]":
    """Wilder's RSI by its definition: smoothed gains over smoothed gains and losses."""
    change = close.diff()
    found = pd.Series(np.nan, index=close.index)
    gain = change.clip(lower=0).iloc[1 : window + 1].mean()
    loss = (-change).clip(lower=0).iloc[1 : window + 1].mean()
    for row in range(window, len(close)):
        if row > window:
            gain = (gain * (window - 1) + max(change.iloc[row], 0)) / window
            loss = (loss * (window - 1) + max(-change.iloc[row], 0)) / window
        found.iloc[row] = 100 * gain / (gain + loss)
    return found


def reference(bars: Bars) -> dict[str, Any]:
    """The 22 columns again, with pandas and loops."""
    close, volume = pd.Series(bars.close), pd.Series(bars.volume)
    fast, slow = begun_ema(close, 12), begun_ema(close, 26)
    macd = fast - slow
    signal = begun_ema(macd, 9)
    middle, deviation = close.rolling(20).mean(), close.rolling(20).std(ddof=0)
    upper, lower = middle + 2 * deviation, middle - 2 * deviation
    direction = np.sign(close.diff().fillna(0))
    return {
        "rsi_14": wilder_rsi(close, 14),
        "macd": macd,
        "macd_signal": signal,
        "macd_hist": macd - signal,
        "bb_upper": upper,
        "bb_middle": middle,
        "bb_lower": lower,
        "bb_width": (upper - lower) / middle,
        "bb_position": (close - lower) / (upper - lower),
        **{f"sma_{window}": close.rolling(window).mean() for window in (5, 10, 20, 50)},
        "ema_12": fast,
        "ema_26": slow,
        "volume_sma_20": volume.rolling(20).mean(),
        "volume_ratio": volume / volume.rolling(20).mean(),
        "obv": (direction * volume).cumsum(),
        **{f"price_change_{days}d": close.pct_change(days) for days in (1, 5, 20)},
        "hl_range": (pd.Series(bars.high) - pd.Series(bars.low)) / close,
    }


@pytest.mark.parametrize("seed", [0, 1])
def test_every_column_equals_an_independent_reference(seed: int) -> None:
    bars = walk(600, seed=seed).adjusted()
    expected = reference(bars)

    found = compute(bars)

    assert list(found) == list(FEATURES)
    assert len(found) == 22
    for name in FEATURES:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-9, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("name", FEATURES)
def test_no_column_sees_the_future(name: str) -> None:
    bars = walk(300).adjusted()
    whole = compute(bars)[name]

    for stop in (1, 2, 19, 20, 26, 35, 51, 200, 299):
        np.testing.assert_array_equal(compute(bars.cut(0, stop))[name], whole[:stop], err_msg=str(stop))


def test_a_price_that_does_not_move_has_no_band_position() -> None:
    bars = walk(100).adjusted()
    prices: dict[str, Any] = {column: np.full(100, 7.0) for column in ("open", "high", "low", "close")}
    flat = replace(bars, **prices)

    found = compute(flat)

    assert np.isnan(found["bb_position"]).all()
    assert found["bb_width"][-1] == 0
    assert found["obv"][-1] == 0


def test_a_row_hash_covers_all_bars_up_to_it_and_none_after() -> None:
    bars = walk(100).adjusted()
    edited = replace(bars, close=np.where(np.arange(100) == 60, 1.0, bars.close))

    before, after = row_hashes(bars), row_hashes(edited)

    assert before[:60] == after[:60]
    assert all(one != other for one, other in zip(before[60:], after[60:], strict=True))


@pytest.fixture
def store(warehouse: Warehouse) -> FeatureStore:
    for symbol in ("AAA", "BBB"):
        warehouse.upsert(walk(300, symbol=symbol), now=NOW)
    return FeatureStore(warehouse)


def rows_of(warehouse: Warehouse, symbol: str) -> dict[datetime, str]:
    """Hash by time of the stored rows."""
    with warehouse.reading() as cursor:
        return dict(cursor.execute("SELECT time, data_hash FROM features WHERE symbol = ?", [symbol]).fetchall())


def test_stored_features_read_back_to_the_last_bit(store: FeatureStore, warehouse: Warehouse) -> None:
    first = store.read("AAA")
    second = store.read("AAA")

    assert len(rows_of(warehouse, "AAA")) == 300
    for name in FEATURES:
        np.testing.assert_array_equal(second.columns[name], first.columns[name])


def test_a_read_as_of_a_day_has_no_row_after_it(store: FeatureStore) -> None:
    day = walk(300).time[200].item().date()
    store.read("AAA")

    found = store.read("AAA", as_of=day)

    assert len(found) == 201
    assert found.time[-1] == np.datetime64(day, "us")
    for name, column in compute(walk(300).adjusted().cut(0, 201)).items():
        np.testing.assert_array_equal(found.columns[name], column)


def test_a_read_as_of_a_day_does_not_know_a_later_split(store: FeatureStore, warehouse: Warehouse) -> None:
    history = walk(300, symbol="CCC")
    warehouse.upsert(replace(history, factor=np.where(np.arange(300) < 250, 0.5, 1.0)), now=NOW)
    store.read("CCC")

    found = store.read("CCC", as_of=history.time[200].item().date())

    np.testing.assert_array_equal(found.columns["sma_5"], compute(history.adjusted().cut(0, 201))["sma_5"])


def test_editing_one_bar_replaces_exactly_that_symbols_rows_from_that_date(
    store: FeatureStore, warehouse: Warehouse
) -> None:
    store.read("AAA")
    store.read("BBB")
    before = {symbol: rows_of(warehouse, symbol) for symbol in ("AAA", "BBB")}
    history = walk(300, symbol="AAA")
    warehouse.upsert(replace(history, close=np.where(np.arange(300) == 123, 50.0, history.close)), now=NOW)

    found = store.read("AAA")

    after = rows_of(warehouse, "AAA")
    changed = sorted(time for time, data_hash in after.items() if before["AAA"][time] != data_hash)
    assert changed == history.time[123:].tolist()
    assert rows_of(warehouse, "BBB") == before["BBB"]
    np.testing.assert_array_equal(found.columns["sma_5"], compute(warehouse.load("AAA"))["sma_5"])


def test_new_bars_add_rows_and_touch_no_old_one(store: FeatureStore, warehouse: Warehouse) -> None:
    longer = walk(300, symbol="DDD")
    warehouse.upsert(longer.take(slice(0, 290)), now=NOW)
    store.read("DDD")
    before = rows_of(warehouse, "DDD")
    warehouse.upsert(longer, now=NOW)

    store.read("DDD")

    after = rows_of(warehouse, "DDD")
    assert len(after) == 300
    assert all(after[time] == data_hash for time, data_hash in before.items())


def test_features_of_an_unknown_symbol_are_an_error(store: FeatureStore) -> None:
    with pytest.raises(UnknownSymbol):
        store.read("AAB")


@pytest.mark.parametrize("n_bars", [1, 5, 20, 26])
def test_short_histories_have_empty_columns_and_no_error(n_bars: int) -> None:
    found = compute(walk(n_bars).adjusted())

    assert all(len(column) == n_bars for column in found.values())
    assert np.isnan(found["sma_50"]).all()
