"""Yahoo through the real yfinance, against answers served on this machine."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optimizer.errors import ProviderDown, UnknownAtSource, UnknownTimeframe
from optimizer.market.feed import Market
from optimizer.market.providers.online.retry import Patience
from optimizer.market.providers.online.yahoo import Yahoo
from optimizer.market.providers.registry import ProviderSettings, make_providers
from optimizer.market.warehouse.warehouse import Warehouse
from tests.optimizer.market.local_http import Reply, Source, serve
from tests.refused import refused

NOW = datetime(2024, 6, 3, 23, tzinfo=UTC)
CHART = "/v8/finance/chart/"
OPENS = [datetime(2024, 5, day, 13, 30, tzinfo=UTC) for day in (28, 29, 30, 31)]


@pytest.fixture
def source() -> Iterator[Source]:
    with serve() as served:
        served.reply("/v1/test/getcrumb", Reply(body="crumb", kind="text/plain"))
        yield served


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture(scope="session")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all: yfinance keeps the first that a process names."""
    return tmp_path_factory.mktemp("yahoo")


@pytest.fixture
def yahoo(source: Source, cache_folder: Path, waits: list[float]) -> Yahoo:
    return Yahoo(cache_folder=cache_folder, url=source.url, patience=Patience(timeout=2.0, pause=waits.append))


def chart(symbol: str, **changes: Any) -> str:
    """A chart answer of four daily bars; `changes` replace columns."""
    columns: dict[str, list[float | None]] = {
        "open": [100.0, 101.5, 99.0, 102.25],
        "high": [102.0, 103.0, 100.5, 104.0],
        "low": [99.5, 100.0, 98.0, 101.0],
        "close": [101.0, 100.5, 100.0, 103.0],
        "volume": [1000.0, 1100.0, 900.0, 1500.0],
    }
    adjusted = changes.pop("adjclose", [100.0, 99.505, 99.0099, 103.0])
    times = changes.pop("times", [int(moment.timestamp()) for moment in OPENS])
    hours = {"timezone": "EDT", "start": times[0], "end": times[-1] + 23_400, "gmtoffset": -14400}
    meta = {
        "symbol": symbol,
        "currency": "USD",
        "instrumentType": "EQUITY",
        "exchangeTimezoneName": changes.pop("zone", "America/New_York"),
        "timezone": "EDT",
        "gmtoffset": -14400,
        "dataGranularity": "1d",
        "priceHint": 2,
        "validRanges": ["1d", "5d", "1mo", "max"],
        "regularMarketTime": times[-1] + 23_400,
        "firstTradeDate": times[0],
        "currentTradingPeriod": dict.fromkeys(("pre", "regular", "post"), hours),
        "tradingPeriods": [[hours]],
    }
    indicators = {"quote": [columns | changes], "adjclose": [{"adjclose": adjusted}]}
    result = {"meta": meta, "timestamp": times, "indicators": indicators}
    return json.dumps({"chart": {"result": [result], "error": None}})


def refusal(description: str) -> str:
    """A chart answer without bars."""
    return json.dumps({"chart": {"result": None, "error": {"code": "Not Found", "description": description}}})


def test_daily_bars_carry_their_exchange_date_and_adjustment(source: Source, yahoo: Yahoo) -> None:
    source.reply(CHART, Reply(body=chart("YDAY")))

    history = yahoo.fetch("YDAY", timeframe="1d", start=date(2024, 5, 28), end=None, now=NOW)

    assert [str(day) for day in history.time.astype("datetime64[D]")] == [f"{moment:%Y-%m-%d}" for moment in OPENS]
    assert history.time[0] == np.datetime64("2024-05-28T00:00", "us")
    assert history.close.tolist() == [101.0, 100.5, 100.0, 103.0]
    np.testing.assert_allclose(history.factor, [100 / 101, 99.505 / 100.5, 99.0099 / 100, 1.0])
    assert history.volume.tolist() == [1000.0, 1100.0, 900.0, 1500.0]


def test_only_the_wanted_days_are_asked_for(source: Source, yahoo: Yahoo) -> None:
    source.reply(CHART, Reply(body=chart("YWANT")))

    history = yahoo.fetch("YWANT", timeframe="1d", start=date(2024, 5, 29), end=date(2024, 5, 30), now=NOW)

    asked = source.queries(CHART)[-1]
    assert datetime.fromtimestamp(int(asked["period1"]), UTC).date() == date(2024, 5, 29)
    assert (asked["interval"], len(history)) == ("1d", 2)


def test_days_without_prices_are_left_out(source: Source, yahoo: Yahoo) -> None:
    gap = {name: [10.0, None, 11.0, 12.0] for name in ("open", "high", "low", "close", "volume")}
    source.reply(CHART, Reply(body=chart("YGAP", **gap, adjclose=[10.0, None, 11.0, 12.0])))

    history = yahoo.fetch("YGAP", timeframe="1d", start=date(2024, 5, 28), end=None, now=NOW)

    assert history.close.tolist() == [10.0, 11.0, 12.0]


def test_intraday_bars_are_in_utc(source: Source, yahoo: Yahoo) -> None:
    first = int(datetime(2024, 5, 31, 13, 30, tzinfo=UTC).timestamp())
    source.reply(CHART, Reply(body=chart("YMIN", times=[first + 60 * place for place in range(4)])))

    history = yahoo.fetch("YMIN", timeframe="1m", start=None, end=None, now=NOW)

    assert history.time[0] == np.datetime64("2024-05-31T13:30", "us")
    assert (np.diff(history.time) == np.timedelta64(60, "s")).all()
    assert history.factor.tolist() == [1.0] * 4


def test_seoul_sessions_keep_their_own_date(source: Source, yahoo: Yahoo) -> None:
    times = [int(datetime(2024, 5, day, 0, 0, tzinfo=UTC).timestamp()) for day in (28, 29, 30, 31)]
    source.reply(CHART, Reply(body=chart("005930.KS", times=times, zone="Asia/Seoul")))

    history = yahoo.fetch("005930.KS", timeframe="1d", start=date(2024, 5, 28), end=None, now=NOW)

    assert [str(day) for day in history.time.astype("datetime64[D]")] == [f"2024-05-{day}" for day in (28, 29, 30, 31)]


def test_an_unknown_symbol_is_said_to_be_unknown_there(source: Source, yahoo: Yahoo) -> None:
    source.reply(CHART, Reply(body=refusal("No data found, symbol may be delisted"), status=404))

    with refused(UnknownAtSource, match="`yahoo` does not know the symbol `YNONE`"):
        yahoo.fetch("YNONE", timeframe="1d", start=None, end=None, now=NOW)


BUSY = Reply(body="Too Many Requests", status=429, kind="text/plain")
PAGE = Reply(body="<html><body>Will return shortly</body></html>", kind="text/html")


@pytest.mark.parametrize(
    ("symbol", "bad", "reason"),
    [
        ("YBUSY", BUSY, "too many requests"),
        ("YPAGE", PAGE, "page"),
        ("YHALF", Reply(body=chart("YHALF")[:150]), "half an answer"),
        ("YVOID", Reply(body=""), "page, or half an answer"),
        ("YBARE", Reply(body='{"chart": {"result": [], "error": null}}'), "not as expected"),
        ("YCUT", Reply(body=chart("YCUT")[:150], promised=9000), "cannot be reached"),
    ],
)
def test_a_source_in_trouble_is_named_with_the_reason(
    source: Source, yahoo: Yahoo, symbol: str, bad: Reply, reason: str
) -> None:
    source.reply(CHART, bad)

    with refused(ProviderDown, match=reason) as error:
        yahoo.fetch(symbol, timeframe="1d", start=date(2024, 5, 28), end=None, now=NOW)

    assert (error.value.facts["provider"], error.value.facts["symbol"]) == ("yahoo", symbol)


# After a refusal yfinance itself asks a second time, with other cookies.
@pytest.mark.parametrize(("symbol", "bad", "times"), [("YBUSY2", BUSY, 4), ("YPAGE2", PAGE, 2)])
def test_a_passing_trouble_is_tried_again_with_growing_waits(
    source: Source, yahoo: Yahoo, waits: list[float], symbol: str, bad: Reply, times: int
) -> None:
    source.reply(CHART, *[bad] * times, Reply(body=chart(symbol)))

    assert len(yahoo.fetch(symbol, timeframe="1d", start=date(2024, 5, 28), end=None, now=NOW)) == 4
    assert waits == [1.0, 2.0]


def test_a_server_that_is_not_there_is_named(cache_folder: Path, waits: list[float]) -> None:
    with serve() as gone:
        url = gone.url
    yahoo = Yahoo(cache_folder=cache_folder, url=url, patience=Patience(timeout=1.0, pause=waits.append))

    with refused(ProviderDown, match="cannot be reached"):
        yahoo.fetch("YGONE", timeframe="1d", start=None, end=None, now=NOW)


def test_a_server_that_never_answers_is_given_up(source: Source, cache_folder: Path, waits: list[float]) -> None:
    source.reply(CHART, Reply(body=chart("YSLOW"), delay=30))
    patience = Patience(timeout=0.3, attempts=1, pause=waits.append)
    yahoo = Yahoo(cache_folder=cache_folder, url=source.url, patience=patience)

    with refused(ProviderDown, match=r"cannot be reached \(.*Timeout"):
        yahoo.fetch("YSLOW", timeframe="1d", start=None, end=None, now=NOW)


def test_an_unknown_timeframe_asks_nobody(source: Source, yahoo: Yahoo) -> None:
    with pytest.raises(UnknownTimeframe):
        yahoo.fetch("YDAY", timeframe="2w", start=None, end=None, now=NOW)
    assert source.asked == []


def test_the_first_command_asks_yahoo_even_if_the_sample_is_stored(
    source: Source, cache_folder: Path, tmp_path: Path
) -> None:
    source.reply(CHART + "AAPL", Reply(body=chart("AAPL")))
    providers = make_providers(ProviderSettings(cache_folder=cache_folder, yahoo_url=source.url))
    with Warehouse.open(tmp_path / "market.duckdb", sources=("yahoo", "file")) as warehouse:
        market = Market(warehouse, providers, sources=("yahoo", "file"))
        market.get_bars("AAPL", source="sample", now=NOW)
        assert not source.queries(CHART)

        bars = market.get_bars("AAPL", now=NOW)

    assert (bars.source, len(bars)) == ("yahoo", 4)
