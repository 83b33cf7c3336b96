"""Korean stocks through the real FinanceDataReader, against answers served on this machine."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from types import ModuleType

import pytest

from optimizer.errors import NoTimeframe, ProviderDown, UnknownAtSource
from optimizer.market.providers.online.krx import Krx
from optimizer.market.warehouse.changes import ChangeKind
from optimizer.market.warehouse.warehouse import Warehouse
from tests.optimizer.market.clock import Clock
from tests.optimizer.market.local_http import Reply, Source, serve
from tests.optimizer.market.recorded import patience
from tests.refused import refused

NOW = datetime(2024, 6, 3, 23, tzinfo=UTC)
PATH = "/sise.nhn"
Made = Callable[..., Krx]
LINES = (
    "20240529|77200|77800|75700|75200|26000000",
    "20240530|0|0|0|75200|0",
    "20240531|73900|74800|73500|73500|31000000",
)


def chart(*lines: str) -> str:
    """A chart of Naver's, as XML."""
    items = "\n".join(f'<item data="{line}" />' for line in lines)
    head = (
        '<chartdata symbol="005930" name="삼성전자" count="6000" timeframe="day" precision="0" origintime="19900103">'
    )
    return f'<?xml version="1.0" encoding="UTF-8" ?>\n<protocol>\n{head}\n{items}\n</chartdata>\n</protocol>\n'


@pytest.fixture
def source() -> Iterator[Source]:
    with serve() as served:
        served.reply(PATH, Reply(body=chart(*LINES), kind="text/xml"))
        yield served


@pytest.fixture
def make(finance_data_reader: ModuleType, source: Source) -> Made:
    def made(url: str | None = None, **options: float) -> Krx:
        return Krx(url=url or source.url, patience=patience(Clock(), **options))

    return made


def test_days_with_a_trade_have_the_dates_of_the_exchange(make: Made, source: Source) -> None:
    history = make().fetch("005930.KS", timeframe="1d", start=None, end=None, now=NOW)

    assert (history.symbol, history.source, history.n_left_out) == ("005930.KS", "krx", 1)
    assert history.time.tolist() == [datetime(2024, 5, 29), datetime(2024, 5, 31)]
    assert (history.open.tolist(), history.close.tolist()) == ([77200, 73900], [75200, 73500])
    assert (history.high.tolist(), history.low.tolist()) == ([77800, 74800], [75700, 73500])
    assert (history.volume.tolist(), history.factor.tolist()) == ([26_000_000, 31_000_000], [1, 1])
    assert source.queries(PATH)[0]["symbol"] == "005930"


def test_days_outside_the_window_are_left_out(make: Made) -> None:
    history = make().fetch("005930.KS", timeframe="1d", start=date(2024, 5, 31), end=None, now=NOW)

    assert history.close.tolist() == [73500]


@pytest.mark.parametrize("symbol", ["005930", "AAPL", "7203.T", "00593.KS"])
def test_what_is_no_korean_symbol_asks_nobody(make: Made, source: Source, symbol: str) -> None:
    with pytest.raises(UnknownAtSource):
        make().fetch(symbol, timeframe="1d", start=None, end=None, now=NOW)
    assert source.asked == []


def test_a_code_that_is_not_listed_is_unknown_there_and_nothing_is_printed(
    make: Made, source: Source, capsys: pytest.CaptureFixture[str]
) -> None:
    source.reply(PATH, Reply(body=chart(), kind="text/xml"))

    with refused(UnknownAtSource, match="`krx` does not know the symbol `999999.KQ`"):
        make().fetch("999999.KQ", timeframe="1d", start=None, end=None, now=NOW)
    assert capsys.readouterr().out == ""


def test_there_are_daily_bars_only(make: Made) -> None:
    with refused(NoTimeframe, match="`005930.KS` has daily bars only"):
        make().fetch("005930.KS", timeframe="1h", start=None, end=None, now=NOW)


@pytest.mark.parametrize(
    ("reply", "reason", "n_asked"),
    [
        (Reply(status=429), "too many requests", 3),
        (Reply(status=429, headers={"Retry-After": "3600"}), "too many requests", 1),
        (Reply(status=503), "error 503", 3),
        (Reply(status=403), "error 403", 1),
        (Reply(body="<html>점검 중</html>", kind="text/html"), "a web page", 3),
        (Reply(body=""), "delivers nothing", 3),
        (Reply(body=chart(*LINES)[:250], kind="text/xml"), "half an answer", 3),
        (Reply(body=chart(*LINES)[:250], promised=9000), "cannot be reached", 3),
        (Reply(body=chart("20240529|dear|1|1|1|1")), "not as documented", 1),
        (Reply(body=chart("29 May|1|1|1|1|1")), "not as expected", 1),
        (Reply(body=chart("20240529|1|1|1|1")), "not as expected", 1),
    ],
)
def test_a_source_in_trouble_is_named_and_only_passing_trouble_is_tried_again(
    make: Made, source: Source, reply: Reply, reason: str, n_asked: int
) -> None:
    source.reply(PATH, reply)

    with refused(ProviderDown, match=f"`krx` did not deliver `005930.KS`: .*{reason}"):
        make().fetch("005930.KS", timeframe="1d", start=None, end=None, now=NOW)

    assert len(source.asked) == n_asked


def test_a_server_that_never_answers_or_is_not_there_is_given_up(make: Made, source: Source) -> None:
    source.reply(PATH, Reply(delay=30))
    with serve() as gone:
        pass

    with refused(ProviderDown, match="time-out"):
        make(timeout=0.3, attempts=1).fetch("005930.KS", timeframe="1d", start=None, end=None, now=NOW)
    with refused(ProviderDown, match="cannot be reached"):
        make(url=gone.url).fetch("005930.KS", timeframe="1d", start=None, end=None, now=NOW)


def test_a_split_is_a_changed_history(make: Made, source: Source, warehouse: Warehouse) -> None:
    days = [f"202405{day}|{price}|{price}|{price}|{price}|1000" for day, price in ((29, 2000), (30, 2050), (31, 2100))]
    halved = [f"202405{day}|{price}|{price}|{price}|{price}|2000" for day, price in ((29, 40), (30, 41), (31, 42))]
    source.reply(PATH, Reply(body=chart(*days)), Reply(body=chart(*halved)))
    before, after = (make().fetch("005930.KS", timeframe="1d", start=None, end=None, now=NOW) for _ in range(2))
    warehouse.upsert(before, now=NOW)

    changes = warehouse.replace(after, now=NOW)

    assert (changes.kind, changes.ratio) == (ChangeKind.SPLIT, pytest.approx(0.02))
    assert warehouse.load("005930.KS", source="krx").close.tolist() == [40, 41, 42]
