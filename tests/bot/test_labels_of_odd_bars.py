"""Labels of bars that are odd: splits, gaps, halts, other calendars, and series that no longer grow."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from pydantic import SecretStr

from bot.documents.market_regimes import MarketRegime
from bot.schedules.day_labels import RegimeQuery, label_now, label_stored, newest, store
from optimizer.domain.results.regime_results import DidNotTrade, Regime, TooFewForRegimes
from optimizer.errors import Phrase, UnknownSymbol
from optimizer.learned.regimes import regimes_of
from optimizer.market.feed import Market
from optimizer.market.providers.online.alphavantage import AlphaVantage
from optimizer.market.providers.online.retry import Patience
from optimizer.market.raw_bars import RawBars, make_history
from optimizer.market.warehouse.warehouse import Warehouse
from tests.optimizer.market.conftest import prices, walk
from tests.optimizer.market.local_http import Reply, serve

NOW = datetime(2024, 1, 2, 23, tzinfo=UTC)
QUERY = RegimeQuery(symbol="GBM", source="file")
#: A row within the last year of nine hundred, and one long before it.
LATE, EARLY = 800, 300


@contextmanager
def stored(history: RawBars, *providers: AlphaVantage) -> Iterator[Market]:
    """A market with one stored series."""
    sources = (history.source,)
    with Warehouse.open(":memory:", now=NOW, sources=sources) as warehouse:
        warehouse.upsert(history, now=NOW - timedelta(days=1))
        yield Market(warehouse, providers, sources=sources)


def split_at(history: RawBars, row: int, *, is_adjusted: bool) -> RawBars:
    """The same bars after a split of four for one, which the factors know of or not."""
    before = np.arange(len(history)) < row
    scale = np.where(before, 4.0, 1.0)
    names = ("open", "high", "low", "close")
    factor = np.where(before & is_adjusted, 0.25, 1.0)
    columns = {name: getattr(history, name) * scale for name in names}
    return replace(history, **columns, volume=history.volume / scale, factor=factor, split=factor)


def test_a_split_that_is_adjusted_changes_no_label() -> None:
    with stored(walk(900)) as plain, stored(split_at(walk(900), LATE, is_adjusted=True)) as adjusted:
        one, other = label_stored(plain, QUERY, NOW), label_stored(adjusted, QUERY, NOW)

    assert other.probabilities == pytest.approx(one.probabilities, abs=1e-9)
    assert (other.regime, other.since, other.doubts) == (one.regime, one.since, ())
    assert other.below_high == pytest.approx(one.below_high)


@pytest.mark.parametrize("row", [LATE, EARLY])
def test_a_split_that_is_not_adjusted_moves_few_labels_and_is_told_where_it_falsifies_what_is_told(row: int) -> None:
    with stored(walk(900)) as plain, stored(split_at(walk(900), row, is_adjusted=False)) as unadjusted:
        right = regimes_of(plain.warehouse.load("GBM", timeframe="1d", source="file"))
        wrong = regimes_of(unadjusted.warehouse.load("GBM", timeframe="1d", source="file"))
        told = label_stored(unadjusted, QUERY, NOW)

    differ = np.flatnonzero(right.labels != wrong.labels)
    assert len(differ) <= 0.03 * len(right)
    assert (differ >= row).all()  # nothing before it knows of it
    assert np.allclose(wrong.volatility[-1], right.volatility[-1], rtol=0.1)  # the scale hardly feels one bar
    if row == EARLY:  # what is told looks back a year
        assert told.doubts == ()
        assert told.below_high > -0.5
    else:
        (doubt,) = told.doubts
        assert isinstance(doubt, Phrase)
        assert (doubt.key, doubt.facts["ratio"]) == ("bars_split", "4:1")
        assert told.below_high < -0.6


def test_a_gap_begins_anew_and_is_told_for_a_year() -> None:
    days = np.arange(900)
    with stored(walk(900).take((days < LATE) | (days >= LATE + 25))) as market:
        told = label_stored(market, QUERY, NOW)
    with stored(walk(900).take((days < EARLY) | (days >= EARLY + 25))) as market:
        older = label_stored(market, QUERY, NOW)

    assert told.resumed == walk(900).time[LATE + 25].astype("datetime64[D]").item()
    assert older.resumed is None


@pytest.mark.parametrize("n_still", [30, 900], ids=["at the end", "from the first bar on"])
def test_a_price_that_stands_still_has_no_label(n_still: int) -> None:
    history = walk(900)
    still = np.arange(900) >= 900 - n_still
    flat = {name: np.where(still, 100.0, getattr(history, name)) for name in ("open", "high", "low", "close")}
    with stored(replace(history, **flat)) as market, pytest.raises(DidNotTrade) as found:
        label_stored(market, QUERY, NOW)

    assert found.value.facts == {"symbol": "GBM", "day": "2023-12-29"}


def around_the_clock(n_bars: int) -> RawBars:
    """Daily bars of every day of the week, up to the first of the year."""
    days = np.datetime64("2024-01-01") - np.arange(n_bars)[::-1]
    columns = {"time": days, **prices(np.random.default_rng(4), n_bars, 0.03)}
    return make_history("BTC/USD", source="file", columns=columns)


def test_a_market_that_never_closes_has_a_year_of_365_bars() -> None:
    query = replace(QUERY, symbol="BTC/USD")
    with stored(around_the_clock(365)) as market, pytest.raises(TooFewForRegimes) as found:
        label_stored(market, query, NOW)
    with stored(around_the_clock(900)) as market:
        told = label_stored(market, query, NOW)

    assert found.value.facts == {"symbol": "BTC/USD", "have": 365, "need": 366}
    assert told.as_of == datetime(2024, 1, 1, tzinfo=UTC)
    assert told.n_bars == 900


def hourly(n_bars: int) -> RawBars:
    """Seven hours of each session."""
    sessions = walk(n_bars // 7).time.astype("datetime64[D]").astype("datetime64[m]")
    opens = np.array([14 * 60 + 30 + 60 * hour for hour in range(7)], dtype="timedelta64[m]")
    times = (sessions[:, None] + opens).ravel()
    columns = {"time": times, **prices(np.random.default_rng(8), len(times), 0.004)}
    return make_history("GBM", timeframe="1h", source="file", columns=columns)


def test_bars_within_a_day_need_as_many_of_them_as_a_year_has() -> None:
    query = replace(QUERY, timeframe="1h")
    with stored(hourly(1_400)) as market, pytest.raises(TooFewForRegimes) as found:
        label_stored(market, query, NOW)
    with stored(hourly(7_000)) as market:
        told = label_stored(market, query, NOW)

    assert found.value.facts["have"] == 1_400
    assert 1_700 < int(str(found.value.facts["need"])) < 1_900
    assert told.as_of.hour == 20
    assert told.n_bars == 7_000
    assert told.metrics["stay_bullish"] > 500  # half a year of hours is expected, not of days


def test_a_year_of_bars_is_too_few_and_a_bar_more_is_not() -> None:
    with stored(walk(252)) as market, pytest.raises(TooFewForRegimes):
        label_stored(market, QUERY, NOW)
    with stored(walk(253)) as market:
        told = label_stored(market, QUERY, NOW)

    assert told.regime in Regime
    assert (told.gain, told.gain_interval, told.foretells) == (None, None, False)  # of one bar


GONE = Reply(body='{"Error Message": "Invalid API call."}')


@pytest.mark.parametrize(
    ("answer", "told_as"),
    [(Reply(status=503), "bars_stale_end"), (GONE, "UnknownAtSource")],
    ids=["the source is down", "the source has it no longer"],
)
def test_a_symbol_that_is_no_longer_delivered_keeps_the_label_of_its_last_bar_and_says_why(
    answer: Reply, told_as: str
) -> None:
    later, query = NOW + timedelta(days=90), RegimeQuery(symbol="OLDCO", source="alphavantage")
    with at_a_source(answer, walk(900, symbol="OLDCO", source="alphavantage")) as market:
        kept, told = label_stored(market, query, later), label_now(market, query, later)

    (doubt,) = told.doubts
    assert (doubt.key if isinstance(doubt, Phrase) else type(doubt).__name__) == told_as
    assert replace(told, doubts=()) == kept
    assert told.as_of.date() == date(2023, 12, 29)


def test_a_symbol_that_the_source_never_had_is_unknown() -> None:
    with (
        at_a_source(GONE, walk(900, symbol="OLDCO", source="alphavantage")) as market,
        pytest.raises(UnknownSymbol),
    ):
        label_now(market, RegimeQuery(symbol="NEVER"), NOW)


@contextmanager
def at_a_source(answer: Reply, history: RawBars) -> Iterator[Market]:
    """A market with one stored series of a source that has this answer to everything."""
    with serve() as source:
        source.reply("/query", answer)
        patience = Patience(timeout=20.0, attempts=1)
        provider = AlphaVantage(SecretStr("key"), url=source.url, per_minute=6_000_000, patience=patience)
        with stored(history, provider) as market:
            yield market
        assert source.asked


@pytest.mark.server
@pytest.mark.usefixtures("documents")
async def test_of_two_bots_that_write_at_the_same_moment_one_writes() -> None:
    with stored(walk(900)) as market:
        facts = label_stored(market, QUERY, NOW)
        written = await asyncio.gather(*(store(facts, NOW) for _ in range(8)))

    assert len({entry.id for entry in written}) == 1
    assert await MarketRegime.find_all().count() == 1
    assert not written[0].revised


@pytest.mark.server
@pytest.mark.usefixtures("documents")
async def test_days_without_new_bars_add_no_entry() -> None:
    with stored(walk(900)) as market:
        first = await newest(market, QUERY, lambda: NOW)
        again = await newest(market, QUERY, lambda: NOW + timedelta(days=400))

    assert first.said is not None
    assert again.said is not None
    assert again.said.id == first.said.id
    assert again.said.as_of.date() == date(2023, 12, 29)
