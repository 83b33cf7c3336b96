"""Snapshots of a study brought back from MongoDB or the warehouse, where one is missing or damaged here."""

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

from optimizer.domain.bars import Bars, on_common_dates
from optimizer.errors import DamagedSnapshot, NoSnapshot, UserError
from optimizer.market.resampling import load_bars
from optimizer.market.snapshots import is_whole, write_snapshot
from optimizer.market.warehouse.warehouse import Warehouse
from optimizer.storage.copies.shared_snapshots import SnapshotNotKept, fetch_snapshots
from optimizer.storage.documents import OptimizationStudy

log = logging.getLogger(__name__)

#: Errors of a worker that a new snapshot may mend, by their names in its answer.
MENDABLE = frozenset(kind.__name__ for kind in (DamagedSnapshot, NoSnapshot))


async def mend_snapshots(study: OptimizationStudy, warehouse: Warehouse, folder: Path, *, is_shared: bool) -> bool:
    """Bring back what is missing or damaged; False where nothing is, or neither MongoDB nor the warehouse has it.

    Where bars are shared, the study may have been stored by a bot on another machine, whose place this one has taken.
    """
    wanted = [*(study.data_hashes or [study.data_hash]), *study.companion_hashes]
    broken = await asyncio.to_thread(_broken, wanted, folder)
    mended = is_shared and bool(broken) and await _fetch(broken, folder)
    if broken and not mended:
        mended = await asyncio.to_thread(_write_again, broken, study, warehouse, folder)
    if broken:
        log.warning("snapshots_damaged study=%s n=%s mended=%s", study.study_name, len(broken), mended)
    return mended


def _broken(hashes: Sequence[str], folder: Path) -> list[str]:
    return [data_hash for data_hash in hashes if not is_whole(data_hash, folder)]


async def _fetch(hashes: Sequence[str], folder: Path) -> bool:
    try:
        await fetch_snapshots(hashes, folder)
    except (NoSnapshot, DamagedSnapshot, SnapshotNotKept):
        return False
    return True


def _write_again(hashes: Sequence[str], study: OptimizationStudy, warehouse: Warehouse, folder: Path) -> bool:
    """Write them from the warehouse; False where it has other bars by now."""
    found = {bars.data_hash: bars for bars in present_bars(study, warehouse)}
    if not all(data_hash in found for data_hash in hashes):
        return False
    for data_hash in hashes:
        write_snapshot(found[data_hash], folder)
    return True


def present_bars(study: OptimizationStudy, warehouse: Warehouse) -> list[Bars]:
    """Bars of each symbol that the warehouse has now for the days of the study; none where it lacks them."""
    spec, window = study.spec, study.window
    try:
        many = [
            load_bars(warehouse, symbol, timeframe=spec.timeframe, source=spec.source, end=window.end_date)
            for symbol in spec.symbols
        ]
        many = on_common_dates(many) if spec.is_shared else many
        others = [
            load_bars(warehouse, symbol, timeframe=spec.timeframe, end=window.end_date) for symbol in spec.companions
        ]
    except UserError:
        return []
    return [*(bars.cut(0, window.stop) for bars in many), *others]
