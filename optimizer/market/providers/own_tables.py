"""Bars from a firm's own tables, read only: Parquet or CSV files, a DuckDB file, or PostgreSQL (extra `postgres`).

`source=table:NAME` reads the table NAME of the settings. Each has a row per symbol and bar; `columns` names its columns
where they differ from ours. Times with a zone are taken as they are, others are in the zone of the settings, by default
the exchange's; a daily bar belongs to its date there. With an adjusted close the factor is adjusted over plain close;
with a factor of splits alone (`split`) the volume follows it.
"""

from datetime import date, datetime, timedelta

import numpy as np

from optimizer.domain.bars import TimeArray
from optimizer.domain.exchange_of_symbol import WEEKDAYS, calendar_name
from optimizer.errors import NoTimeframe, Phrase
from optimizer.market.calendars import find_calendar
from optimizer.market.formats.timestamps import days_in, in_utc
from optimizer.market.providers.databases import Query, Rows, read_duckdb, read_files, read_postgres
from optimizer.market.providers.online.retry import Trouble, reported
from optimizer.market.providers.table_settings import PREFIX, TableSettings
from optimizer.market.raw_bars import RawBars, find_timeframe, make_history


class OwnTable:
    """Source `table:NAME`."""

    is_live = True
    symbols: tuple[str, ...] = ()

    def __init__(self, name: str, settings: TableSettings) -> None:
        self.name = PREFIX + name
        self._settings = settings

    def fetch(self, symbol: str, *, timeframe: str, start: date | None, end: date | None, now: datetime) -> RawBars:
        """Bars of days start to end. Raises NoTimeframe, ProviderDown or MissingExtra."""
        if find_timeframe(timeframe) != self._settings.timeframe:
            raise NoTimeframe.of_symbol(symbol, timeframe, [self._settings.timeframe])
        since = start - timedelta(days=1) if start else None  # behind every zone
        query = Query(columns=self._settings.names, symbol=symbol, since=since)
        with reported(self.name, symbol, remedy=Phrase("check_table", table=self.name)):
            return self._history(symbol, self._read(query)).between(start, end)

    def _read(self, query: Query) -> Rows:
        at, table = self._settings.at.get_secret_value(), self._settings.table
        if self._settings.is_postgres:
            return read_postgres(at, table, query, source=self.name)
        return read_duckdb(at, table, query) if self._settings.is_database else read_files(at, query)

    def _history(self, symbol: str, rows: Rows) -> RawBars:
        columns: dict[str, np.ndarray] = {**rows.numbers, "time": self._times(symbol, rows)}
        if "split" not in columns and "adjusted" not in columns:
            columns["split"] = np.ones(len(rows.time))
        factor = columns["adjusted"] / columns["close"] if "adjusted" in columns else columns["split"]
        history = make_history(
            symbol, timeframe=self._settings.timeframe, source=self.name, columns=columns, factor=factor
        )
        prices = np.array([history.open, history.high, history.low, history.close, history.factor, history.split])
        is_whole: np.ndarray = np.isfinite(prices).all(axis=0)
        return history.take(is_whole)

    def _times(self, symbol: str, rows: Rows) -> TimeArray:
        """Days of daily bars, else moments in UTC. Raises Trouble for one that its zone does not have."""
        if self._settings.timeframe == "1d":
            return days_in(self._zone(symbol), rows.time) if rows.has_zone else rows.time.astype("datetime64[D]")
        if rows.has_zone or not len(rows.time):
            return rows.time
        if self._settings.zone is None and calendar_name(symbol) == WEEKDAYS:
            raise Trouble(Phrase("no_clock", symbol=symbol), is_passing=False)
        zone = self._zone(symbol)
        moments = in_utc(rows.time, zone)
        if np.isnat(moments).any():
            text = str(rows.time[np.isnat(moments)][0].astype("datetime64[s]")).replace("T", " ")
            raise Trouble(Phrase("unclear_time", text=text, zone=zone), is_passing=False)
        return moments

    def _zone(self, symbol: str) -> str:
        if self._settings.zone is not None:
            return self._settings.zone
        day = date(2020, 1, 1)
        return find_calendar(calendar_name(symbol), day, day).zone
