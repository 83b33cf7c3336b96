"""Changes of stored bars of every kind, with what rests on them."""

from datetime import UTC, datetime
from typing import Any

from bot.schedules.change_effects import ChangeEffects, RestingChampion
from optimizer.market.warehouse.changes import BarChange, ChangeKind

FOUND = datetime(2026, 11, 22, 22, 31, tzinfo=UTC)
CHAMPION = RestingChampion(
    symbol="AAPL", strategy="rsi", study="opt-1c2d", command="/optimize AAPL rsi 200 maxdd<20", channel_id="C012AB3CD"
)


def change(kind: ChangeKind, **facts: Any) -> BarChange:
    """A change of two days in November."""
    first, last = (datetime(2026, 11, day, tzinfo=UTC) for day in (18, 20))
    plain: dict[str, Any] = {
        "symbol": "AAPL", "timeframe": "1d", "source": "yahoo", "found_at": FOUND, "kind": kind, "first": first,
        "last": last, "n_bars": 2, "largest": 0.0312, "changes_returns": True,
    }  # fmt: skip
    return BarChange(**plain | facts)


def effects(one: BarChange, **facts: Any) -> ChangeEffects:
    """The change, with nothing that rests on it unless named."""
    plain: dict[str, Any] = {"champions": (), "studies": (), "commands": ()}
    return ChangeEffects(change=one, **plain | facts)


RESTING: dict[str, Any] = {
    "champions": (CHAMPION,), "studies": ("opt-1c2d", "opt-7f3a"), "commands": ("/optimize AAPL rsi 200 maxdd<20",),
}  # fmt: skip
_DAY = datetime(2026, 11, 18, tzinfo=UTC)
ONE_BAR: dict[str, Any] = {"last": _DAY, "n_bars": 1}
CORRECTION = change(ChangeKind.CORRECTION)
#: One of each sentence.
ROWS = (
    effects(CORRECTION, **RESTING),
    effects(change(ChangeKind.CORRECTION, **ONE_BAR, largest=0.0), studies=[f"opt-{n}{n}" for n in range(10, 17)]),
    effects(change(ChangeKind.CORRECTION, n_bars=1258, largest=0.00021)),
    effects(change(ChangeKind.ADDED, **ONE_BAR, largest=None, timeframe="1h")),
    effects(change(ChangeKind.REMOVED, largest=None)),
    effects(change(ChangeKind.SPLIT, n_bars=1258, largest=0.75, changes_returns=False)),
    effects(change(ChangeKind.SPLIT, n_bars=1258, largest=0.5), **RESTING),
    effects(change(ChangeKind.DIVIDEND, n_bars=1258, largest=0.0071, changes_returns=False)),
    effects(change(ChangeKind.VOLUME, changes_returns=False)),
)
POSTED = (
    effects(
        CORRECTION,
        champions=(CHAMPION,),
        studies=("opt-1c2d",),
        schedules=("sch-2b",),
        commands=("/optimize AAPL rsi 200 maxdd<20", "/optimize run sch-2b"),
    ),
    effects(
        change(ChangeKind.ADDED, **ONE_BAR, symbol="BTC-USDT", timeframe="1h", source="binance", largest=None),
        schedules=[f"sch-{n}a" for n in range(1, 7)],
        commands=[f"/optimize run sch-{n}a" for n in range(1, 7)],
    ),
)
