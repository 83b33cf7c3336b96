"""Finished studies whose bars were changed after they had been read."""

import asyncio
from collections.abc import Iterable, Sequence

from optimizer.domain.study_results import StudyState
from optimizer.domain.timeframes import parse_timeframe
from optimizer.market.warehouse.changes import BarChange
from optimizer.market.warehouse.warehouse import Warehouse
from optimizer.storage.documents import NEWEST_OF, OptimizationStudy
from optimizer.storage.driver import collection_of
from optimizer.storage.study_queries import EVERY, Query, about, both
from optimizer.studies.snapshot_mending import present_bars

_WITHOUT_SUMMARY = {"summary": 0}


async def find_affected(
    changes: Sequence[BarChange], warehouse: Warehouse, among: Query = EVERY
) -> list[list[OptimizationStudy]]:
    """Return for each change the finished studies of `among` that rest on the bars, newest first, without summaries.

    Such a study was stored before the change was found, its window has returns that changed, and the bars that are
    stored for its days have another hash by now.
    """
    found = [await _with_changed_days(change, among) for change in changes]
    studies = {study.study_name: study for each in found for study in each}
    outdated = await asyncio.to_thread(_outdated, studies.values(), warehouse)
    return [[study for study in each if study.study_name in outdated] for each in found]


async def _with_changed_days(change: BarChange, among: Query) -> list[OptimizationStudy]:
    if not change.changes_returns:
        return []
    first, last = change.days
    query = about([change.symbol]) | {
        "status": str(StudyState.COMPLETE),
        "created_at": {"$lt": change.found_at},
        "window.start_date": {"$lte": last.isoformat()},
        "window.end_date": {"$gte": first.isoformat()},
    }
    found = collection_of(OptimizationStudy).find(both(query, among), _WITHOUT_SUMMARY)
    documents = await found.sort("_id", -1).hint(list(NEWEST_OF["symbols"])).to_list(None)
    studies = [OptimizationStudy.model_validate(document) for document in documents]
    return [study for study in studies if _is_made_of(study, change)]


def _is_made_of(study: OptimizationStudy, change: BarChange) -> bool:
    """Check whether a study's bars may be of a series, or made of it."""
    bases = parse_timeframe(study.spec.timeframe).bases
    return change.timeframe in bases and change.source in study.source.split(", ")


def _outdated(studies: Iterable[OptimizationStudy], warehouse: Warehouse) -> set[str]:
    """Return the names of the studies whose bars are no longer those that are stored for their days."""
    present: dict[tuple[object, ...], list[str]] = {}
    names: set[str] = set()
    for study in studies:
        spec, window = study.spec, study.window
        key = (spec.symbols, spec.companions, spec.timeframe, spec.source, window.end_date, window.stop)
        if key not in present:
            present[key] = [bars.data_hash for bars in present_bars(study, warehouse)]
        if present[key] != [*(study.data_hashes or [study.data_hash]), *study.companion_hashes]:
            names.add(study.study_name)
    return names
