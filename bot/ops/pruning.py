"""Pruning: the trials and long series of studies that ended long ago, deleted because somebody asked for it.

What a study was asked for, what it decided and which sets it tried stay: a later study of the same bars counts them, or
its luck would look smaller than it was. Everything else follows from the study's bars and seed, which stay too: `more`
searches it again from the first trial.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.documents.conversations import Conversation, OutboxEntry, Telling
from bot.documents.recurring import Champion
from optimizer.domain.study_results import StudyState
from optimizer.errors import BadValue
from optimizer.storage.documents import BacktestRecord, OptimizationStudy, OptimizationTrial, StudyCurves
from optimizer.storage.driver import collection_of

#: Days of each unit.
_UNITS = {"d": 1, "w": 7, "m": 30, "y": 365}
_AGE = re.compile(r"([1-9]\d{0,4})([dwmy])")
#: What `keep=` takes.
KEEP = ("champions", "named", "none")
_ENDED = tuple(str(state) for state in StudyState if state.is_finished)
_BATCH = 100


class BadAge(BadValue):
    """Raised for an age that is not a number with a unit. Facts: word."""


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """What was deleted, or would be."""

    n_studies: int
    n_kept: int  # old enough, and kept on purpose
    n_trials: int


def read_age(word: str) -> timedelta:
    """Read `90d`, `12w`, `6m` or `1y`. Raises BadAge."""
    found = _AGE.fullmatch(word.lower())
    if found is None:
        raise BadAge(word=word)
    return timedelta(days=int(found[1]) * _UNITS[found[2]])


async def prune(
    *, before: datetime, keep: str, is_dry: bool, now: datetime, tell: Callable[[str, int], None]
) -> Pruned:
    """Delete the trials and series of studies that ended before a moment, some at a time; it can be repeated."""
    collection = collection_of(OptimizationStudy)
    query = {"status": {"$in": _ENDED}, "completed_at": {"$lt": before}, "pruned_at": None}
    names = [found["study_name"] async for found in collection.find(query, {"study_name": 1, "name": 1})]
    kept = await _kept(names, keep)
    chosen = [name for name in names if name not in kept]
    n_trials = 0
    for first in range(0, len(chosen), _BATCH):
        some = {"$in": chosen[first : first + _BATCH]}
        n_trials += await collection_of(OptimizationTrial).count_documents({"study": some})
        if not is_dry:
            await _delete(some, now)
        tell("studies", min(first + _BATCH, len(chosen)))
    return Pruned(n_studies=len(chosen), n_kept=len(kept), n_trials=n_trials)


async def _kept(names: list[str], keep: str) -> set[str]:
    """Return which of the studies stay whole: those that were ever adopted, and with `named` those with a name."""
    if keep == "none":
        return set()
    among = {"$in": names}
    kept = set(await collection_of(Champion).distinct("study_name", {"study_name": among}))
    if keep == "named":
        named = {"study_name": among, "name": {"$nin": ["", None]}}
        kept |= set(await collection_of(OptimizationStudy).distinct("study_name", named))
    return kept


async def _delete(some: Mapping[str, Any], now: datetime) -> None:
    """Mark the studies first: one that is marked and still has trials is only larger than it needs to be."""
    await collection_of(OptimizationStudy).update_many({"study_name": some}, {"$set": {"pruned_at": now}})
    for kind in (OptimizationTrial, StudyCurves, BacktestRecord):
        await collection_of(kind).delete_many({"study": some})
    told = {"study_name": some, "telling": str(Telling.TOLD)}
    conversations = await collection_of(Conversation).distinct("study_name", told)
    replies = {"conversation": {"$in": conversations}, "key": {"$not": re.compile(":root$")}}
    await collection_of(OutboxEntry).delete_many(replies)
