"""Long series of a summary, stored in a document of their own: lists and rankings read studies without them.

A study of an earlier version has them in its summary, until `move_curves` has moved them.
"""

import logging
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from optimizer.domain.packed_series import packed_dates, packed_numbers
from optimizer.domain.study_results import StudySummary
from optimizer.storage.documents import OptimizationStudy, StudyCurves
from optimizer.storage.driver import collection_of
from optimizer.storage.outage import patiently

log = logging.getLogger(__name__)

#: Studies of earlier versions that are read at a time: each is large.
_BATCH = 20
#: Long fields of a summary, and of its folds, with what stands there instead.
OF_SUMMARY: Mapping[str, Any] = MappingProxyType(
    {
        "curve": {"dates": [], "winner": [], "buy_and_hold": []},
        "bootstrap_sharpes": [],
        "surface": None,
        "scatter": [],
    }
)
OF_FOLDS: Mapping[str, Any] = MappingProxyType({"returns": [], "dates": []})
#: Fields of these documents, and of the curve in them, that are stored packed.
_PACKED: Mapping[str, Callable[[Any], bytes]] = MappingProxyType(
    {
        "dates": packed_dates,
        **dict.fromkeys(("winner", "buy_and_hold", "bootstrap_sharpes", "returns"), packed_numbers),
    }
)


def split(summary: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split a summary in types of JSON into the part that stays in the study, and its series.

    What an early version did not store is in neither part.
    """
    kept, series = _taken(summary, OF_SUMMARY)
    if (folds := summary.get("walk_forward")) is not None:
        kept["walk_forward"], of_folds = _taken(folds, OF_FOLDS)
        series |= of_folds
    return kept, series


def _taken(whole: Mapping[str, Any], names: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    return {**whole, **{name: names[name] for name in names if name in whole}}, {
        name: whole[name] for name in names if name in whole
    }


async def store_curves(study_name: str, series: Mapping[str, Any]) -> None:
    """Store the series of a study's summary in place of earlier ones."""
    collection, document = collection_of(StudyCurves), {"study": study_name, **_packed(series)}
    await patiently(lambda: collection.replace_one({"study": study_name}, document, upsert=True), what="curves")


def _packed(series: Mapping[str, Any]) -> dict[str, Any]:
    """The same series with the long ones as bytes."""
    packed = {name: pack(series[name]) for name, pack in _PACKED.items() if name in series}
    return {**series, **packed} | ({"curve": _packed(series["curve"])} if "curve" in series else {})


async def with_curves(study: OptimizationStudy) -> OptimizationStudy:
    """The study with a summary that has its series; never save it."""
    if study.summary is not None:
        found = await StudyCurves.find_one(StudyCurves.study == study.study_name)
        if found is not None:
            study.summary = _joined(study.summary, found)
    return study


def _joined(summary: StudySummary, curves: StudyCurves) -> StudySummary:
    stored = {name: getattr(curves, name) for name in curves.model_fields_set}
    changed = {name: stored[name] for name in OF_SUMMARY if name in stored}
    if summary.walk_forward is not None:
        of_folds = {name: stored[name] for name in OF_FOLDS if name in stored}
        changed["walk_forward"] = summary.walk_forward.model_copy(update=of_folds)
    return summary.model_copy(update=changed)


async def move_curves() -> int:
    """Bring the studies of earlier versions up to date: what queries go by, and their series moved; how many.

    A study that cannot be read stays as it is.
    """
    collection, n_moved = collection_of(OptimizationStudy), 0
    async for stored in collection.find({"bars": None}).batch_size(_BATCH):
        try:
            await _move(stored)
        except ValidationError as fault:
            log.warning("study_unreadable study=%s errors=%s", stored.get("study_name"), fault.error_count())
        else:
            n_moved += 1
    return n_moved


async def _move(stored: Mapping[str, Any]) -> None:
    kept, series = split(stored["summary"]) if stored.get("summary") else (None, {})
    study = OptimizationStudy.model_validate({**stored, "summary": kept})
    if series:
        await store_curves(study.study_name, series)
    derived = study.model_dump(include={"symbols", "search", "bars", "rank"})
    as_it_was = {"_id": stored["_id"], "completed_at": stored.get("completed_at")}
    collection = collection_of(OptimizationStudy)
    await collection.update_one(as_it_was, {"$set": derived | ({"summary": kept} if kept else {})})
