"""A new warehouse in the place of a damaged one.

Bars that a source delivers are fetched again when they are next needed; bars from files come back from the snapshots of
studies, as far as there are any, adjusted as they were there.
"""

import logging
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from optimizer.domain.bars import Bars
from optimizer.domain.timeframes import TIMEFRAMES
from optimizer.errors import DamagedSnapshot, DamagedWarehouse
from optimizer.market.raw_bars import RawBars, SeriesKey
from optimizer.market.snapshots import read_snapshot
from optimizer.market.warehouse.damage import set_aside
from optimizer.market.warehouse.warehouse import SOURCES, Warehouse

log = logging.getLogger(__name__)


def open_or_rebuild(
    path: Path, *, snapshots: Path, fetched: Collection[str], now: datetime, sources: Sequence[str] = SOURCES
) -> Warehouse:
    """Open the warehouse; a damaged file is set aside, and a new one filled from snapshots.

    `fetched` are the sources whose bars come from a provider, which are not restored.
    Raises WarehouseLocked, WarehouseTooNew, or Unavailable for what is no DuckDB file at all.
    """
    try:
        return Warehouse.open(path, sources=sources, now=now)
    except DamagedWarehouse:
        aside = set_aside(path, now)
        warehouse = Warehouse.open(path, sources=sources, now=now)
        restored = restore(warehouse, snapshots, fetched=fetched, now=now)
        log.error("data_file_damaged file=%s set_aside=%s series_restored=%s", path, aside, len(restored))
        return warehouse


def restore(warehouse: Warehouse, snapshots: Path, *, fetched: Collection[str], now: datetime) -> tuple[SeriesKey, ...]:
    """Store the series of the snapshots that no source delivers; returns their keys."""
    newest: dict[SeriesKey, Bars] = {}
    for bars in _readable(snapshots):
        key = SeriesKey(bars.symbol, bars.timeframe, bars.source)
        # One snapshot of each: prices of two may be adjusted to different days.
        is_stored = bars.timeframe in TIMEFRAMES and bars.source not in fetched  # others are made of stored ones
        if is_stored and (key not in newest or _reach(newest[key]) < _reach(bars)):
            newest[key] = bars
    warehouse.upsert_all([_as_raw(bars) for bars in newest.values()], now=now)
    return tuple(sorted(newest))


def _readable(snapshots: Path) -> Iterator[Bars]:
    for file in sorted(snapshots.glob("*.parquet")):
        try:
            yield read_snapshot(file.stem, snapshots)
        except DamagedSnapshot:
            log.warning("snapshot_left_out file=%s", file.name)


def _reach(bars: Bars) -> tuple[np.datetime64, int]:
    return bars.time[-1], len(bars)


def _as_raw(bars: Bars) -> RawBars:
    """Adjusted bars as if traded: with factors of one they are read back as they are."""
    ones = np.ones(len(bars))
    return RawBars(
        symbol=bars.symbol,
        timeframe=bars.timeframe,
        source=bars.source,
        time=bars.time.astype("datetime64[us]"),
        open=bars.open,
        high=bars.high,
        low=bars.low,
        close=bars.close,
        volume=bars.volume,
        factor=ones,
        split=ones,
    )
