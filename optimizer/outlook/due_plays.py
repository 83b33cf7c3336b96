"""Plays of the forecasts that are due: which bars they need, and which of them will not come.

Runs in a thread of the bot, which alone may read the warehouse; the plays themselves are a worker's.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import groupby
from pathlib import Path

from optimizer.domain.bars import Bars, on_common_dates
from optimizer.domain.exchange_of_symbol import calendar_name
from optimizer.domain.kept_forecasts import ForecastPart, ForecastRow, Play, PlayedPart
from optimizer.errors import UserError
from optimizer.market.calendars import as_moment, find_calendar
from optimizer.market.feed import Market
from optimizer.market.snapshots import write_snapshot

log = logging.getLogger(__name__)

#: Sessions after a forecast's last day until which its bars are waited for.
PATIENCE = 30


@dataclass(frozen=True, kw_only=True)
class DuePlays:
    """Plays with the rows that each of them scores, rows that wait for bars, and rows whose bars will not come."""

    plays: Sequence[tuple[Play, Sequence[ForecastRow]]]
    waiting: Sequence[ForecastRow]
    unknowable: Sequence[ForecastRow]


class BarsOfParts:
    """Bars of parts, each series read and written as a snapshot once."""

    def __init__(self, market: Market, snapshots: Path, now: datetime) -> None:
        self._market = market
        self._snapshots = snapshots
        self._now = now
        self._series: dict[tuple[str, str, str | None], Bars] = {}
        self._parts: dict[tuple[object, ...], tuple[PlayedPart, Bars]] = {}

    def find(self, part: ForecastPart) -> tuple[PlayedPart, Bars]:
        """Return a part with the snapshots of its bars, and the bars of its first symbol. Raises as `get_bars`."""
        spec = part.spec
        key = (spec.symbols, spec.companions, spec.timeframe, part.source)
        if key not in self._parts:
            each = [self._bars(symbol, spec.timeframe, part.source) for symbol in spec.symbols]
            many = on_common_dates(each) if len(each) > 1 else each
            hashes = tuple(write_snapshot(bars, self._snapshots) for bars in many)
            others = tuple(
                write_snapshot(self._bars(symbol, spec.timeframe, ""), self._snapshots) for symbol in spec.companions
            )
            self._parts[key] = PlayedPart(part=part, data_hashes=hashes, companion_hashes=others), many[0]
        found, bars = self._parts[key]
        return found.model_copy(update={"part": part}), bars

    def _bars(self, symbol: str, timeframe: str, source: str) -> Bars:
        """Return the newest bars of a symbol: of its source, or where several are named of the first that has it."""
        named = None if not source or ", " in source else source
        key = (symbol, timeframe, named)
        if key not in self._series:
            self._series[key] = self._market.get_bars(symbol, timeframe=timeframe, source=named, now=self._now)
        return self._series[key]


def due_plays(rows: Iterable[ForecastRow], market: Market, snapshots: Path, now: datetime) -> DuePlays:
    """Find the bars of due rows; a series that cannot be had leaves its rows waiting, for a while."""
    bars = BarsOfParts(market, snapshots, now)
    plays, waiting, unknowable = list[tuple[Play, Sequence[ForecastRow]]](), list[ForecastRow](), list[ForecastRow]()
    for _, group in groupby(rows, key=lambda row: (row.forecast_id, row.horizon_bars)):
        same = list(group)
        play = _play(same[0], bars)
        if play is not None:
            plays.append((play, same))
        else:
            (unknowable if _is_overdue(same[0], now) else waiting).extend(same)
    return DuePlays(plays=plays, waiting=waiting, unknowable=unknowable)


def _play(row: ForecastRow, bars: BarsOfParts) -> Play | None:
    """Return the play of a row; None where a part's bars are not all there."""
    try:
        found = [bars.find(part) for part in row.parts]
    except UserError as error:
        log.warning("forecast_waits forecast=%s kind=%s", row.forecast_id, type(error).__name__)
        return None
    n_there = max(len(each) - each.row_at(row.as_of + timedelta(days=1)) for _, each in found)
    if n_there < row.horizon_bars:
        return None
    return Play(of=row.kind, after=row.as_of, n_bars=row.horizon_bars, parts=tuple(part for part, _ in found))


def _is_overdue(row: ForecastRow, now: datetime) -> bool:
    """Check whether more sessions than PATIENCE have closed since a row's last day."""
    last = datetime.combine(row.target_date, time(), UTC)
    calendar = find_calendar(calendar_name(row.parts[0].spec.symbol), last.date(), now.date())
    return int(((calendar.closes > as_moment(last)) & (calendar.closes <= as_moment(now))).sum()) > PATIENCE + 1
