"""Snapshots of a study written again from the warehouse, where a worker found one missing or damaged."""

import logging
from pathlib import Path

from optimizer.domain.bars import Bars, on_common_dates
from optimizer.errors import DamagedSnapshot, NoSnapshot, UserError
from optimizer.market.resampling import load_bars
from optimizer.market.snapshots import is_whole, write_snapshot
from optimizer.market.warehouse.warehouse import Warehouse
from optimizer.storage.documents import OptimizationStudy

log = logging.getLogger(__name__)

#: Errors of a worker that a new snapshot may mend, by their names in its answer.
MENDABLE = frozenset(kind.__name__ for kind in (DamagedSnapshot, NoSnapshot))


def mend_snapshots(study: OptimizationStudy, warehouse: Warehouse, folder: Path) -> bool:
    """Write what is missing or damaged again; False where nothing is, or the warehouse has other bars by now."""
    wanted = [*(study.data_hashes or [study.data_hash]), *study.companion_hashes]
    broken = [data_hash for data_hash in wanted if not is_whole(data_hash, folder)]
    found = {bars.data_hash: bars for bars in present_bars(study, warehouse)} if broken else {}
    mended = bool(broken) and all(data_hash in found for data_hash in broken)
    for data_hash in broken if mended else ():
        write_snapshot(found[data_hash], folder)
    log.warning("snapshots_damaged study=%s n=%s mended=%s", study.study_name, len(broken), mended)
    return mended


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
