"""Counts of what other studies tried on overlapping bars of the same symbols.

A search is what a request asks to be searched: strategy, goals, caps, costs, overlays, re-entry, direction and
ranges. Its seed, its number of trials and its dates make no new search, so that a weekly run counts once; every set
that they tried counts among the sets all the same.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import numpy as np

from optimizer.domain.space import Params
from optimizer.domain.study_request import StudySpec
from optimizer.domain.study_results import Suggestion, Tries
from optimizer.storage.digests import SET_BYTES, set_digests
from optimizer.storage.documents import BY_BARS, SAME_BARS, OptimizationStudy, OptimizationTrial, TriedSets
from optimizer.storage.driver import aggregate, collection_of
from optimizer.storage.outage import patiently
from optimizer.storage.study_queries import about


async def tries_before(study: OptimizationStudy) -> Tries:
    """Count the studies of overlapping bars that tried anything, besides this one."""
    held_out = (study.window.holdout_date or study.window.end_date).isoformat()
    others = await patiently(lambda: _others(study), what="earlier searches")
    unlooked, n_same, n_counted = 0, 0, 0
    if others:  # all that is counted further is of these
        unlooked, (n_same, n_counted) = await asyncio.gather(
            patiently(lambda: _judged_before(study, held_out), what="earlier looks"),
            patiently(lambda: _n_same_sets(study), what="earlier sets"),
        )
    judged = {found["_id"]: found["n"] for found in others if found["_id"] is not None}
    days = [found["since"] for found in others if isinstance(found["since"], datetime)]
    return Tries(
        n_sets=n_same + sum(found["n_trials"] for found in others) - n_counted,
        n_searches=len(_union(others, "searches") | {study.search}),
        n_looks=sum(judged.values()) - unlooked,
        n_research=judged.get(str(Suggestion.RESEARCH), 0),
        n_people=len(_union(others, "people") | {study.created_by}),
        since=min(days).date() if days else None,
        n_together=study.n_together,
        n_rules=await patiently(lambda: _n_rules(study), what="earlier rules") if study.spec.rule else 0,
    )


def _union(groups: Sequence[Mapping[str, Any]], field: str) -> set[str]:
    return {value for found in groups for value in found[field]}


async def _n_rules(study: OptimizationStudy) -> int:
    """Number of rules that were tried on overlapping bars, this study's among them."""
    query = _of_others(study) | {"spec.rule.text": {"$ne": None}}
    texts = await collection_of(OptimizationStudy).distinct("spec.rule.text", query)
    assert study.spec.rule is not None
    return len({*texts, study.spec.rule.text})


async def rules_tried(spec: StudySpec, start: date, end: date) -> tuple[int, int]:
    """Numbers of different rules and of their sets that were tried on bars of these days and symbols."""
    query = _overlapping(spec, start, end) | {"spec.rule.text": {"$ne": None}}
    stages: list[dict[str, Any]] = [
        {"$match": query},
        {"$group": {"_id": "$spec.rule.text", "n_sets": {"$sum": "$trials_completed"}}},
    ]
    found = await patiently(lambda: _aggregated(stages), what="earlier rules")
    return len(found), sum(one["n_sets"] for one in found)


async def store_tried_sets(study: OptimizationStudy, sets: Sequence[Params]) -> None:
    """Store which sets a study has tried; `sets` are those of all its trials, of which each is stored."""
    await patiently(lambda: _replace(study.study_name, study.bars, len(sets), set_digests(sets)), what="tried sets")


async def _others(study: OptimizationStudy) -> list[dict[str, Any]]:
    """Other studies of overlapping bars by their advice, which those without a verdict do not have.

    The index has every field, so that no study is read. Comparing days and verdicts here, one study after another,
    would take as long as all the rest: the few whose days end too early are counted apart.
    """
    stages: list[dict[str, Any]] = [
        {"$match": _of_others(study)},
        {
            "$group": {
                "_id": "$summary.suggestion",
                "n": {"$sum": 1},
                "n_trials": {"$sum": "$trials_completed"},
                "searches": {"$addToSet": "$search"},
                "since": {"$min": "$created_at"},
                "people": {"$addToSet": "$created_by"},
            }
        },
    ]
    return await _aggregated(stages, hint=dict(BY_BARS))


async def _judged_before(study: OptimizationStudy, day: str) -> int:
    """Number of those with advice that ended before a day, and so have not looked at the bars from there on."""
    query = _of_others(study)
    query["window.end_date"] |= {"$lt": day}
    stages = [{"$match": query}, {"$group": {"_id": "$summary.suggestion", "n": {"$sum": 1}}}]
    found = await _aggregated(stages, hint=dict(BY_BARS))
    return sum(one["n"] for one in found if one["_id"] is not None)


async def _aggregated(stages: list[dict[str, Any]], **options: Any) -> list[dict[str, Any]]:
    return [found async for found in aggregate(OptimizationStudy, stages, **options)]


def _of_others(study: OptimizationStudy) -> dict[str, Any]:
    """Query for other studies that tried something on bars that overlap."""
    found = _overlapping(study.spec, study.window.start_date, study.window.end_date)
    return {**found, "study_name": {"$ne": study.study_name}}


def _overlapping(spec: StudySpec, start: date, end: date) -> dict[str, Any]:
    """Query for studies that tried something on bars of these symbols and days."""
    return about(spec.symbols) | {
        "trials_completed": {"$gt": 0},
        "window.start_date": {"$lte": end.isoformat()},
        "window.end_date": {"$gte": start.isoformat()},
    }


async def _n_same_sets(study: OptimizationStudy) -> tuple[int, int]:
    """Unique sets that other studies of this symbol, strategy and window tried and this one did not; their trials."""
    sets, n_trials = await _sets_of(study.bars)
    own = sets.pop(study.study_name, b"")
    n_trials.pop(study.study_name, None)
    others, mine = _distinct(b"".join(sets.values())), _distinct(own)
    is_tried = np.searchsorted(others, mine, "right") > np.searchsorted(others, mine)
    return len(others) - int(is_tried.sum()), sum(n_trials.values())


def _distinct(digests: bytes) -> "np.ndarray[Any, np.dtype[np.uint64]]":
    """Different digests, sorted: of 50,000 in a thirtieth of the time that `np.unique` takes, which hashes them."""
    numbers = np.sort(np.frombuffer(digests, dtype=np.dtype(f"u{SET_BYTES}")))
    is_first = np.ones(len(numbers), dtype=np.bool_)
    is_first[1:] = numbers[1:] != numbers[:-1]
    return numbers[is_first]


async def _sets_of(bars: str) -> tuple[dict[str, bytes], dict[str, int]]:
    """Digests of the sets that studies of the same bars tried, by study, and the number of trials of each.

    Where they are missing or of fewer trials (the study runs, was cut off, or is of an earlier version) they are made
    of the trials and kept.
    """
    fields = {"_id": 0, "study_name": 1, "trials_completed": 1}
    found = collection_of(OptimizationStudy).find({"bars": bars}, fields).hint(list(SAME_BARS))
    tried = collection_of(TriedSets).find({"bars": bars}, {"_id": 0, "bars": 0})
    studies, stored = await asyncio.gather(found.to_list(None), tried.to_list(None))
    known = {one["study"]: (one["n_trials"], one["digests"]) for one in stored}
    numbers = {one["study_name"]: one["trials_completed"] for one in studies}
    sets: dict[str, bytes] = {}
    for name, n_trials in numbers.items():
        n_known, digests = known.get(name, (0, b""))
        sets[name] = digests if n_known == n_trials else await _made_of_trials(name, bars, n_trials)
    return sets, numbers


async def _made_of_trials(study_name: str, bars: str, n_trials: int) -> bytes:
    found = await collection_of(OptimizationTrial).find({"study": study_name}, {"params": 1}).to_list(None)
    digests = set_digests(trial["params"] for trial in found)
    await _replace(study_name, bars, n_trials, digests)
    return digests


async def _replace(study_name: str, bars: str, n_trials: int, digests: bytes) -> None:
    document = {"study": study_name, "bars": bars, "n_trials": n_trials, "digests": digests}
    await collection_of(TriedSets).replace_one({"study": study_name}, document, upsert=True)
