"""The day's labels: written once per bar, read as they were said, and marked where bars were changed later."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from bot.documents.market_regimes import MarketRegime
from bot.schedules import day_labels
from bot.schedules.bars_in_use import Use, UseKind
from bot.schedules.day_labels import DoubtfulBars, NotStored, RegimeQuery, label_stored, newest, said, store_labels
from optimizer.domain.results.regime_results import TooFewForRegimes
from optimizer.market.feed import Market
from optimizer.market.raw_bars import RawBars, SeriesKey
from optimizer.market.warehouse.warehouse import Warehouse
from tests.optimizer.market.conftest import walk

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("documents")]

NOW = datetime(2024, 1, 2, 23, tzinfo=UTC)
KEY = SeriesKey("GBM", "1d", "file")
QUERY = RegimeQuery(symbol="GBM", source="file")


def clock() -> datetime:
    return NOW


def market_of(*histories: RawBars) -> Iterator[Market]:
    """A market of nothing but stored bars."""
    with Warehouse.open(":memory:", now=NOW, sources=("file",)) as warehouse:
        for history in histories:
            warehouse.upsert(history, now=NOW)
        yield Market(warehouse, (), sources=("file",))


@pytest.fixture
def market() -> Iterator[Market]:
    yield from market_of(walk(900), walk(200, symbol="SHORT"))


def used(*timeframes: str, symbol: str = "GBM") -> dict[SeriesKey, list[Use]]:
    """Uses of a stored series."""
    uses = [Use(kind=UseKind.SCHEDULE, symbol=symbol, timeframe=word, source=None, name="x") for word in timeframes]
    return {KEY._replace(symbol=symbol): uses}


async def test_a_label_is_written_once_per_bar_however_often_the_refresh_is_done_again(market: Market) -> None:
    series = used("1d", "1d", "1w") | used("1d", symbol="SHORT")

    assert await store_labels(market, series, clock) == 2  # a year of the short one is not there
    first = await MarketRegime.find_all().sort("timeframe").to_list()
    assert await store_labels(market, series, clock) == 2

    assert [entry.id for entry in await MarketRegime.find_all().sort("timeframe").to_list()] == [e.id for e in first]
    assert [(entry.symbol, entry.timeframe) for entry in first] == [("GBM", "1d"), ("GBM", "1w")]
    daily = first[0]
    assert daily.as_of.date() == date(2023, 12, 29)
    assert daily.confidence == daily.probabilities[daily.regime]
    assert sum(daily.probabilities.values()) == pytest.approx(1.0)
    assert {"return_21", "volatility_63", "stay_bullish"} <= set(daily.metrics)
    assert not daily.revised


async def test_a_stop_in_the_middle_leaves_the_rest_to_the_next_time(market: Market) -> None:
    (query,) = {RegimeQuery(symbol="GBM", source="file")}
    await newest(market, query, clock)  # the first of two series, and then the bot stops

    assert await store_labels(market, used("1d", "1w"), clock) == 2
    assert await MarketRegime.find_all().count() == 2


async def test_revised_bars_make_a_second_entry_which_is_the_one_that_is_shown(market: Market) -> None:
    before = (await newest(market, QUERY, clock)).said
    history = walk(900)
    closes = history.close.copy()
    closes[500:520] *= 1.05
    changed = replace(history, close=closes, high=np.maximum(history.high, closes))
    market.warehouse.upsert(changed, now=NOW + timedelta(hours=1))
    after = (await newest(market, QUERY, lambda: NOW + timedelta(hours=2))).said

    assert before is not None
    assert after is not None
    assert (before.revised, after.revised) == (False, True)
    assert before.as_of == after.as_of
    assert before.data_hash != after.data_hash
    shown = await said(replace(QUERY, as_of=before.as_of.date()))
    assert shown is not None
    assert shown.id == after.id
    assert await MarketRegime.find_all().count() == 2


async def test_two_that_write_at_once_write_one(market: Market) -> None:
    facts = label_stored(market, QUERY, NOW)
    one, other = await day_labels.store(facts, NOW), await day_labels.store(facts, NOW + timedelta(seconds=1))

    assert one.id == other.id


async def test_what_has_no_label_says_why(market: Market) -> None:
    missing = await newest(market, RegimeQuery(symbol="NOPE"), clock)
    short = await newest(market, RegimeQuery(symbol="SHORT"), clock)

    assert isinstance(missing.error, NotStored)
    assert isinstance(short.error, TooFewForRegimes)
    assert short.error.facts == {"symbol": "SHORT", "have": 200, "need": 253}


def test_bars_that_would_mislead_have_no_label() -> None:
    history = walk(900)
    low = history.low.copy()
    low[700] = history.high[700] * 1.5  # above the high
    for market in market_of(replace(history, low=low)):
        with pytest.raises(DoubtfulBars):
            label_stored(market, QUERY, NOW)
