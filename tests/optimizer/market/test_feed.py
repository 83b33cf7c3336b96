"""The feed asks a source only for what the warehouse lacks, and never mixes old and new scale."""

import gc
import subprocess
import sys
import textwrap
import weakref
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optimizer.errors import (
    MissingExtra,
    MissingKey,
    NoBars,
    NoTimeframe,
    OnlyAtSource,
    ProviderDown,
    UnknownAtSource,
    UnknownSource,
    UnknownSymbol,
    UnknownTimeframe,
    UserError,
)
from optimizer.market.feed import Market, closed_bars
from optimizer.market.providers.sample import Sample
from optimizer.market.raw_bars import RawBars, make_history
from optimizer.market.warehouse.changes import ChangeKind
from optimizer.market.warehouse.warehouse import Warehouse
from tests.optimizer.market.conftest import walk
from tests.refused import refused

EVENING = datetime(2023, 12, 15, 23, tzinfo=UTC)  # a Friday, after the close in New York


class Exchange:
    """A live source that has the whole walk and remembers the days it was asked for."""

    name = "yahoo"
    is_live = True
    symbols: tuple[str, ...] = ()

    def __init__(self, history: RawBars) -> None:
        self.history = replace(history, source=self.name)
        self.asked: list[tuple[date | None, date | None]] = []
        self.trouble: UserError | None = None

    def fetch(self, symbol: str, *, timeframe: str, start: date | None, end: date | None, now: datetime) -> RawBars:
        self.asked.append((start, end))
        if self.trouble:
            raise self.trouble
        if symbol != self.history.symbol:
            raise UnknownAtSource(word=symbol, source=self.name)
        return self.history.between(start, end).between(None, now)


@pytest.fixture
def exchange() -> Exchange:
    return Exchange(walk(1000))


@pytest.fixture
def market(warehouse: Warehouse, exchange: Exchange) -> Market:
    return Market(warehouse, [Sample(), exchange])


def last_day(bars: Any) -> str:
    """The date of the last bar."""
    return str(bars.time[-1].astype("datetime64[D]"))


def test_the_first_request_fetches_all_and_the_next_ones_nothing(market: Market, exchange: Exchange) -> None:
    first = market.get_bars("GBM", now=EVENING)
    second = market.get_bars("GBM", start=date(2022, 1, 1), now=EVENING + timedelta(hours=1))

    assert exchange.asked == [(None, None)]
    assert last_day(first) == "2023-12-15"
    assert len(second) < len(first)


def test_a_weekend_brings_nothing_new_and_so_asks_nobody(market: Market, exchange: Exchange) -> None:
    market.get_bars("GBM", now=EVENING)
    market.get_bars("GBM", now=EVENING + timedelta(days=2))

    assert len(exchange.asked) == 1


def test_after_a_session_only_the_last_days_are_asked_for(market: Market, exchange: Exchange) -> None:
    market.get_bars("GBM", now=EVENING)

    bars = market.get_bars("GBM", now=EVENING + timedelta(days=4))

    assert exchange.asked[1:] == [(date(2023, 12, 5), None)]
    assert last_day(bars) == "2023-12-19"
    np.testing.assert_array_equal(bars.close, exchange.history.close[: len(bars)])


def test_a_session_that_is_still_open_is_not_stored(market: Market, exchange: Exchange) -> None:
    noon = datetime(2023, 12, 18, 17, tzinfo=UTC)

    assert last_day(market.get_bars("GBM", now=noon)) == "2023-12-15"
    assert last_day(market.get_bars("GBM", now=noon + timedelta(hours=5))) == "2023-12-18"


def test_an_intraday_bar_that_is_still_open_is_not_stored() -> None:
    times = np.arange(np.datetime64("2023-12-15T14:30"), np.datetime64("2023-12-15T16:00"), np.timedelta64(30, "m"))
    history = make_history("GBM", timeframe="30m", source="yahoo", columns=walk(3).columns() | {"time": times})

    closed = closed_bars(history, datetime(2023, 12, 15, 15, 45, tzinfo=UTC))

    assert len(closed) == 2


def test_bars_that_come_twice_or_unsorted_are_put_in_order(market: Market, exchange: Exchange) -> None:
    history = exchange.history
    rows = np.concatenate([np.arange(500, 1000), np.arange(500), [999]])
    exchange.history = replace(history.take(rows), close=np.append(history.take(rows[:-1]).close, 123.0))

    bars = market.get_bars("GBM", now=EVENING + timedelta(days=30))

    np.testing.assert_array_equal(bars.time, history.time.astype("datetime64[ns]"))
    np.testing.assert_array_equal(bars.close[:-1], history.close[:-1])
    assert bars.close[-1] == 123.0


def test_intraday_bars_are_asked_for_while_the_exchange_is_open(warehouse: Warehouse) -> None:
    times = np.arange(np.datetime64("2023-12-15T14:30"), np.datetime64("2023-12-15T21:00"), np.timedelta64(30, "m"))
    columns = walk(len(times)).columns() | {"time": times}
    exchange = Exchange(make_history("GBM", timeframe="30m", source="yahoo", columns=columns))
    market = Market(warehouse, [exchange])

    lengths = [
        len(market.get_bars("GBM", timeframe="30m", now=datetime(2023, 12, 15, hour, minute, tzinfo=UTC)))
        for hour, minute in ((16, 0), (16, 10), (16, 31), (21, 0), (23, 0))
    ]

    assert lengths == [3, 3, 4, 13, 13]
    assert len(exchange.asked) == 3


def test_a_past_window_that_is_stored_needs_no_source(market: Market, exchange: Exchange) -> None:
    market.get_bars("GBM", now=EVENING)
    exchange.trouble = ProviderDown(provider="yahoo", symbol="GBM", reason="no network", remedy="")

    bars = market.get_bars("GBM", end=date(2023, 6, 30), now=EVENING + timedelta(days=100))

    assert last_day(bars) == "2023-06-30"
    assert len(exchange.asked) == 1


def test_a_source_that_is_down_leaves_the_stored_bars_usable(market: Market, exchange: Exchange) -> None:
    market.get_bars("GBM", now=EVENING)
    exchange.trouble = ProviderDown(provider="yahoo", symbol="GBM", reason="no network", remedy="")
    later = EVENING + timedelta(days=10)

    assert last_day(market.get_bars("GBM", now=later)) == "2023-12-15"
    with refused(ProviderDown, match="no network"):
        market.get_bars("GBM", end=date(2023, 12, 22), now=later)
    with refused(ProviderDown, match="no network"):
        market.refresh("GBM", now=later)


def split_in_half(history: RawBars) -> dict[str, Any]:
    """The columns of a source that has adjusted all prices for a split."""
    prices = {name: getattr(history, name) / 2 for name in ("open", "high", "low", "close")}
    return {**prices, "volume": history.volume * 2}


def test_a_split_is_noticed_in_the_overlap_and_everything_is_read_again(market: Market, exchange: Exchange) -> None:
    market.get_bars("GBM", now=EVENING)
    exchange.history = replace(exchange.history, **split_in_half(exchange.history))

    changes = market.refresh("GBM", now=EVENING + timedelta(days=4))

    bars = market.get_bars("GBM", now=EVENING + timedelta(days=4))
    assert changes.kind is ChangeKind.SPLIT
    assert changes.ratio == pytest.approx(0.5)
    assert exchange.asked[1:] == [(date(2023, 12, 5), None), (None, None)]
    np.testing.assert_array_equal(bars.close, exchange.history.close[: len(bars)])


def test_a_re_read_that_fails_stores_nothing_of_the_new_scale(
    market: Market, exchange: Exchange, warehouse: Warehouse
) -> None:
    before = market.get_bars("GBM", now=EVENING).data_hash
    whole = exchange.fetch

    def only_once(symbol: str, *, timeframe: str, start: date | None, end: date | None, now: datetime) -> RawBars:
        history = whole(symbol, timeframe=timeframe, start=start, end=end, now=now)
        exchange.trouble = ProviderDown(provider="yahoo", symbol="GBM", reason="cut off", remedy="")
        return history

    exchange.history = replace(exchange.history, **split_in_half(exchange.history))
    flaky = Exchange(exchange.history)
    flaky.fetch = only_once  # type: ignore[method-assign]

    with pytest.raises(ProviderDown):
        Market(warehouse, [flaky]).refresh("GBM", now=EVENING + timedelta(days=4))

    assert warehouse.load("GBM").data_hash == before


def test_a_dividend_and_a_correction_are_told_apart(market: Market, exchange: Exchange) -> None:
    market.get_bars("GBM", now=EVENING)
    paid = np.where(exchange.history.time < np.datetime64("2023-12-18"), 0.99, 1.0)
    exchange.history = replace(exchange.history, factor=paid)

    assert market.refresh("GBM", now=EVENING + timedelta(days=4)).kind is ChangeKind.DIVIDEND

    close = exchange.history.close.copy()
    close[exchange.history.time == np.datetime64("2023-12-18")] *= 1.001
    exchange.history = replace(exchange.history, close=close)

    changes = market.refresh("GBM", now=EVENING + timedelta(days=5))
    assert changes.kind is ChangeKind.CORRECTION
    assert changes.first_changed == datetime(2023, 12, 18, tzinfo=UTC)


def test_the_sample_needs_no_network_and_is_stored_once(market: Market, exchange: Exchange) -> None:
    bars = market.get_bars("AAPL", source="sample", now=EVENING)

    assert (bars.source, len(bars)) == ("sample", 3270)
    assert market.get_bars("AAPL", source="sample", now=EVENING).data_hash == bars.data_hash
    assert exchange.asked == []


def test_a_stored_sample_does_not_hide_a_live_source(warehouse: Warehouse) -> None:
    exchange = Exchange(replace(walk(1000), symbol="AAPL"))
    market = Market(warehouse, [Sample(), exchange], sources=("yahoo", "file"))
    market.get_bars("AAPL", source="sample", now=EVENING)

    assert market.get_bars("AAPL", now=EVENING).source == "yahoo"
    assert market.get_bars("AAPL", source="sample", now=EVENING).source == "sample"


def test_a_stored_sample_that_the_settings_name_last_does_not_hide_a_live_source(warehouse: Warehouse) -> None:
    exchange = Exchange(replace(walk(1000), symbol="AAPL"))
    market = Market(warehouse, [Sample(), exchange], sources=("yahoo", "sample"))
    market.get_bars("AAPL", source="sample", now=EVENING)

    assert market.get_bars("AAPL", now=EVENING).source == "yahoo"


def test_bars_of_a_source_that_the_settings_do_not_name_are_used_when_it_is_typed(
    warehouse: Warehouse, exchange: Exchange
) -> None:
    market = Market(warehouse, [Sample(), exchange], sources=("yahoo", "file"))
    market.get_bars("MSFT", source="sample", now=EVENING)

    with refused(OnlyAtSource, match="The bars of `MSFT` come from `sample`, .* add `source=sample`"):
        market.get_bars("MSFT", now=EVENING)
    with refused(OnlyAtSource, match="The bars of `IBM` come from `sample`"):  # listed there, not stored yet
        market.get_bars("IBM", now=EVENING)
    assert warehouse.coverage("MSFT", source="sample") is not None


def test_a_timeframe_that_is_not_stored_names_those_that_are(warehouse: Warehouse) -> None:
    times = np.arange(np.datetime64("2023-12-15T14:30"), np.datetime64("2023-12-15T21:00"), np.timedelta64(60, "m"))
    columns = walk(len(times)).columns() | {"time": times}
    market = Market(warehouse, [Sample()])
    for timeframe in ("1h", "5m"):
        warehouse.upsert(make_history("OWNCO", timeframe=timeframe, source="file", columns=columns))
    warehouse.upsert(make_history("HOURLY", timeframe="1h", source="file", columns=columns))

    with refused(NoTimeframe, match="^`HOURLY` has hourly bars only. Use `timeframe=1h`.$"):
        market.get_bars("HOURLY", now=EVENING)
    with refused(NoTimeframe, match="^`OWNCO` has no daily bars; it has: 5m, 1h. Use `timeframe=` with one of them.$"):
        market.get_bars("OWNCO", now=EVENING)
    for source in (None, "sample"):
        with refused(NoTimeframe, match="^`AAPL` has daily bars only, and weeks .* made of them. Use `timeframe=1d`.$"):
            market.get_bars("AAPL", timeframe="1h", source=source, now=EVENING)
    known = "1m, 5m, 15m, 30m, 1h, 2h, 4h, 1d, 1w, 1mo"
    with refused(UnknownTimeframe, match=f"^There is no timeframe called `3d`. I know: {known}.$"):
        market.get_bars("AAPL", timeframe="3d", now=EVENING)


def test_only_the_sample_stands_in_for_a_source_that_is_down_and_is_called_so(
    market: Market, warehouse: Warehouse, exchange: Exchange
) -> None:
    exchange.trouble = ProviderDown(provider="yahoo", symbol="AAPL", reason="no network", remedy="")

    bars, report = market.checked_bars("AAPL", now=EVENING)

    assert bars.source == "sample"
    assert (report.findings[0].kind, report.findings[0].facts["down"]) == ("stand_in", "yahoo")
    assert market.checked_bars("AAPL", source="sample", now=EVENING)[1].findings == report.findings[1:]
    with pytest.raises(ProviderDown):
        market.get_bars("AAPL", source="yahoo", now=EVENING)
    with pytest.raises(ProviderDown):
        market.get_bars("TSLA", now=EVENING)  # which the sample lacks
    n_asked = len(exchange.asked)
    market.get_bars("AAPL", now=EVENING + timedelta(seconds=50))
    assert len(exchange.asked) == n_asked  # it rests for a minute
    market.get_bars("AAPL", now=EVENING + timedelta(seconds=70))
    assert len(exchange.asked) == n_asked + 1
    with pytest.raises(ProviderDown):  # nor may another source, which may cost money
        Market(warehouse, [exchange, Sample()], sources=("yahoo", "file")).get_bars("AAPL", now=EVENING)


def test_the_error_of_a_source_that_is_down_keeps_no_bars_of_those_who_met_it(
    market: Market, exchange: Exchange
) -> None:
    exchange.trouble = ProviderDown(provider="yahoo", symbol="AAPL", reason="no network", remedy="")

    answers = [weakref.ref(market.checked_bars("AAPL", now=EVENING)[0]) for _ in range(3)]
    gc.collect()

    assert [answer() for answer in answers] == [None] * 3


def test_bars_come_with_a_stored_report_that_tells_how_old_they_are(market: Market, warehouse: Warehouse) -> None:
    _, fresh = market.checked_bars("GBM", now=EVENING)
    _, old = market.checked_bars("GBM", end=date(2023, 6, 30), now=EVENING)

    assert (fresh.findings, old.findings) == ((), ())
    with warehouse.reading() as cursor:
        hashes = cursor.execute("SELECT data_hash FROM quality_reports WHERE symbol = 'GBM'").fetchall()
    assert {data_hash for (data_hash,) in hashes} == {fresh.data_hash, old.data_hash}


def test_stale_bars_of_a_source_that_is_down_carry_a_warning(market: Market, exchange: Exchange) -> None:
    market.get_bars("GBM", now=EVENING)
    exchange.trouble = ProviderDown(provider="yahoo", symbol="GBM", reason="no network", remedy="")

    _, report = market.checked_bars("GBM", now=EVENING + timedelta(days=10))

    assert [finding.kind for finding in report.warnings] == ["stale_end"]


def test_a_source_whose_package_is_missing_is_passed_over_unless_it_is_named(warehouse: Warehouse) -> None:
    exchange = Exchange(walk(10))
    exchange.trouble = MissingExtra(source="yahoo", extra="yahoo")
    market = Market(warehouse, [exchange, Sample()])

    assert market.get_bars("AAPL", now=EVENING).source == "sample"
    with refused(UnknownSymbol, match="Did you mean `AAPL`"):
        market.get_bars("APPL", now=EVENING)
    with refused(MissingExtra, match=r"optimize-bot\[yahoo\]"):
        market.get_bars("005930.KS", now=EVENING)
    with refused(MissingExtra, match=r"optimize-bot\[yahoo\]"):
        market.get_bars("AAPL", source="yahoo", now=EVENING)


WITHOUT = """
    import sys
    sys.modules["{package}"] = None  # as if it were not installed
    from datetime import UTC, datetime
    from pathlib import Path
    from optimizer.errors import MissingExtra
    from optimizer.market.providers.registry import ProviderSettings, make_providers
    from reports.render import renderer_of
    tables = {{"prices": {{"at": "postgresql://db/prices", "table": "bars"}}}}
    settings = ProviderSettings(cache_folder=Path("unused"), tables=tables)
    providers = {{one.name: one for one in make_providers(settings)}}
    try:
        now = datetime(2024, 1, 2, tzinfo=UTC)
        providers["{source}"].fetch("{symbol}", timeframe="1d", start=None, end=None, now=now)
    except MissingExtra as error:
        sys.stdout.write(renderer_of("en").phrase(error))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "source", "symbol", "extra"),
    [
        ("bokeh_sampledata", "sample", "AAPL", "sample"),
        ("yfinance", "yahoo", "AAPL", "yahoo"),
        ("FinanceDataReader.naver.data", "krx", "005930.KS", "krx"),
        ("ccxt", "binance", "BTC-USDT", "ccxt"),
        ("psycopg", "table:prices", "AAPL", "postgres"),
    ],
)
def test_a_missing_package_is_named_with_its_extra(package: str, source: str, symbol: str, extra: str) -> None:
    script = textwrap.dedent(WITHOUT.format(package=package, source=source, symbol=symbol))

    output = subprocess.run(
        [sys.executable, "-c", script], cwd=Path(__file__).parents[3], capture_output=True, check=True
    )

    assert f"optimize-bot[{extra}]".encode() in output.stdout


def test_sources_are_tried_in_their_order(warehouse: Warehouse, exchange: Exchange) -> None:
    market = Market(warehouse, [Sample(), exchange], sources=("yahoo", "sample"))

    assert market.get_bars("AAPL", now=EVENING).source == "sample"
    assert len(exchange.asked) == 1


@pytest.mark.parametrize(
    ("error", "wanted"),
    [
        (UnknownSymbol, {"symbol": "APPL"}),
        (UnknownAtSource, {"symbol": "APPL", "source": "yahoo"}),
        (UnknownSource, {"symbol": "AAPL", "source": "yaho"}),
        (UnknownTimeframe, {"symbol": "AAPL", "timeframe": "3d"}),
        (MissingKey, {"symbol": "AAPL", "source": "tiingo"}),
        (NoBars, {"symbol": "AAPL", "source": "sample", "start": date(2020, 1, 1)}),
    ],
)
def test_what_cannot_be_had_is_an_error_of_its_own_kind(
    market: Market, error: type[UserError], wanted: dict[str, Any]
) -> None:
    with pytest.raises(error) as raised:
        market.get_bars(wanted.pop("symbol"), **wanted, now=EVENING)
    assert type(raised.value) is error


def test_a_source_that_may_have_the_symbol_but_is_down_is_named(market: Market, exchange: Exchange) -> None:
    exchange.trouble = ProviderDown(provider="yahoo", symbol="NEW", reason="no network", remedy="")

    with refused(ProviderDown, match="`NEW`"):
        market.get_bars("NEW", now=EVENING)
    with refused(ProviderDown, match="`OTHER`"):  # though it rests since it did not deliver the one before
        market.get_bars("OTHER", now=EVENING)


def test_a_source_that_is_down_does_not_hide_which_bars_are_stored(market: Market, exchange: Exchange) -> None:
    market.get_bars("AAPL", source="sample", now=EVENING)
    exchange.trouble = ProviderDown(provider="yahoo", symbol="AAPL", reason="no network", remedy="Try again.")

    with refused(ProviderDown, match="or use the bars that are stored: `timeframe=1d`"):
        market.get_bars("AAPL", timeframe="4h", now=EVENING)


def test_longer_bars_are_made_of_the_longest_stored_ones_and_judged_by_them(market: Market) -> None:
    daily, report = market.checked_bars("AAPL", now=EVENING)
    weekly, of_weekly = market.checked_bars("AAPL", timeframe="1w", now=EVENING)

    assert (weekly.timeframe, of_weekly.timeframe) == ("1w", "1d")
    assert of_weekly.findings == report.findings
    assert len(weekly) == pytest.approx(len(daily) / 4.83, rel=0.01)
    assert weekly.high.max() == daily.high.max()
