"""Answers of the online sources for three bars, in the shapes that their documentation shows, with made-up numbers."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pydantic import SecretStr

from optimizer.market.providers.online.alpaca import Alpaca
from optimizer.market.providers.online.polygon import Polygon
from optimizer.market.providers.online.retry import Patience
from optimizer.market.providers.online.stooq import Stooq
from optimizer.market.providers.online.tiingo import Tiingo
from optimizer.market.providers.provider import Provider
from tests.optimizer.market.clock import Clock

KEY = "SECRETKEY123"


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """An online source, how it is made for a base address, and what it answers for ACME's days of May 29 to 31, 2024.

    Ten for one after the first day, and a dividend of 2 % after the second: its factors are 0.098, 0.98 and 1.
    """

    name: str
    make: Callable[[str, Patience], Provider]
    bars: str  # path of the bars
    answers: Mapping[str, str]  # by path
    setting: str
    unknown: tuple[int, str]  # status and body for a symbol that it does not have
    nothing: str  # body for days without bars


def patience(clock: Clock, **options: float) -> Patience:
    """Patience that waits by a clock of the test."""
    return Patience(**{"timeout": 2.0, **options}, pause=clock.pause, clock=clock)  # type: ignore[arg-type]


DAYS = ("2024-05-29", "2024-05-30", "2024-05-31")
RAW = ((99.0, 102.0, 98.0, 100.0, 1000.0), (9.5, 10.4, 9.4, 10.0, 12_000.0), (10.1, 10.6, 9.9, 10.5, 11_000.0))
FACTORS = (0.098, 0.98, 1.0)
SPLITS = (0.1, 1.0, 1.0)


def tiingo_rows(*, factors: tuple[float, ...] = FACTORS) -> list[dict[str, object]]:
    """Records of `/tiingo/daily/<ticker>/prices`."""
    return [
        {
            "date": f"{day}T00:00:00.000Z",
            "close": close,
            "high": high,
            "low": low,
            "open": open_,
            "volume": int(volume),
            "adjClose": close * factor,
            "adjHigh": high * factor,
            "adjLow": low * factor,
            "adjOpen": open_ * factor,
            "adjVolume": int(volume),
            "divCash": 0.0,
            "splitFactor": 10.0 if day == DAYS[1] else 1.0,
        }
        for day, (open_, high, low, close, volume), factor in zip(DAYS, RAW, factors, strict=True)
    ]


TIINGO = Recorded(
    name="tiingo",
    make=lambda url, waiting: Tiingo(SecretStr(KEY), url=url, per_minute=6_000_000, patience=waiting),
    bars="/tiingo/daily/ACME/prices",
    answers={"/tiingo/daily/ACME/prices": json.dumps(tiingo_rows())},
    setting="TIINGO_API_KEY",
    unknown=(404, json.dumps({"detail": "Not found."})),
    nothing="[]",
)


def alpaca_page(
    *, token: str | None = None, factors: tuple[float, ...] = (1.0, 1.0, 1.0), at: slice = slice(None)
) -> str:
    """Answer of `/v2/stocks/<symbol>/bars`; a day begins at New York's midnight."""
    rows = [
        {"t": f"{day}T04:00:00Z", "o": o * f, "h": h * f, "l": low * f, "c": c * f, "v": int(v), "n": 99, "vw": c * f}
        for day, (o, h, low, c, v), f in zip(DAYS, RAW, factors, strict=True)
    ]
    return json.dumps({"bars": rows[at], "symbol": "ACME", "next_page_token": token})


ALPACA = Recorded(
    name="alpaca",
    make=lambda url, waiting: Alpaca(
        SecretStr("AKID"), SecretStr(KEY), url=url, per_minute=6_000_000, patience=waiting
    ),
    bars="/v2/stocks/ACME/bars",
    answers={
        "/v2/stocks/ACME/bars?adjustment=raw": alpaca_page(),
        "/v2/stocks/ACME/bars?adjustment=all": alpaca_page(factors=FACTORS),
    },
    setting="ALPACA_KEY_ID, ALPACA_SECRET_KEY",
    unknown=(200, json.dumps({"bars": None, "symbol": "NOPE", "next_page_token": None})),
    nothing=json.dumps({"bars": None, "symbol": "ACME", "next_page_token": None}),
)


def polygon_page(*, next_url: str | None = None, at: slice = slice(None)) -> str:
    """Answer of `/v2/aggs/ticker/…`; a day begins at New York's midnight, in milliseconds."""
    rows = [
        {"v": v, "vw": c, "o": o, "c": c, "h": h, "l": low, "t": 1_716_955_200_000 + place * 86_400_000, "n": 99}
        for place, (o, h, low, c, v) in enumerate(RAW)
    ]
    head = {"ticker": "ACME", "queryCount": 3, "resultsCount": 3, "adjusted": False, "status": "DELAYED"}
    return json.dumps(head | {"results": rows[at]} | ({"next_url": next_url} if next_url else {}))


def polygon_splits() -> str:
    """Answer of `/stocks/v1/splits`."""
    split = {"ticker": "ACME", "execution_date": DAYS[1], "split_from": 1, "split_to": 10}
    more = {"id": "E90a", "adjustment_type": "forward_split", "historical_adjustment_factor": 0.1}
    return json.dumps({"results": [split | more], "status": "OK", "request_id": "3a"})


def polygon_dividends() -> str:
    """Answer of `/stocks/v1/dividends`."""
    paid = {"ticker": "ACME", "ex_dividend_date": DAYS[2], "cash_amount": 0.2, "currency": "USD", "frequency": 4}
    return json.dumps({"results": [paid | {"historical_adjustment_factor": 0.98}], "status": "OK", "request_id": "3b"})


POLYGON = Recorded(
    name="polygon",
    make=lambda url, waiting: Polygon(SecretStr(KEY), url=url, per_minute=6_000_000, patience=waiting),
    bars="/v2/aggs/ticker/ACME",
    answers={
        "/v2/aggs/ticker/ACME": polygon_page(),
        "/stocks/v1/splits": polygon_splits(),
        "/stocks/v1/dividends": polygon_dividends(),
    },
    setting="POLYGON_API_KEY, POLYGON_YEARS",
    unknown=(
        200,
        json.dumps({"ticker": "NOPE", "queryCount": 0, "resultsCount": 0, "adjusted": False, "status": "OK"}),
    ),
    nothing=json.dumps({"ticker": "ACME", "queryCount": 0, "resultsCount": 0, "adjusted": False, "status": "OK"}),
)


def stooq_lines(*, factors: tuple[float, ...] = (1.0, 1.0, 1.0)) -> str:
    """Answer of `/q/d/l/`."""
    lines = [
        ",".join([day, *(f"{price * factor:.6g}" for price in row[:4]), f"{row[4]:.0f}"])
        for day, row, factor in zip(DAYS, RAW, factors, strict=True)
    ]
    return "\r\n".join(["Date,Open,High,Low,Close,Volume", *lines, ""])


STOOQ = Recorded(
    name="stooq",
    make=lambda url, waiting: Stooq(SecretStr(KEY), url=url, per_minute=6_000_000, patience=waiting),
    bars="/q/d/l/",
    answers={"/q/d/l/": stooq_lines(factors=FACTORS), "/q/d/l/?o=1111111": stooq_lines()},
    setting="STOOQ_API_KEY",
    unknown=(200, "No data"),
    nothing="No data",
)

SOURCES = {one.name: one for one in (ALPACA, POLYGON, STOOQ, TIINGO)}
