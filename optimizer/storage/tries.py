"""Counts of what other studies tried on overlapping bars of the same symbols.

A search is what a request asks to be searched: strategy, goals, caps, costs, overlays, direction and ranges. Its seed,
its number of trials and its dates make no new search, so that a weekly run counts once; every set that they tried
counts among the sets all the same.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from optimizer.domain.study_results import Tries
from optimizer.storage.documents import OptimizationStudy, OptimizationTrial
from optimizer.storage.outage import patiently
from optimizer.storage.study_queries import about

#: Parts of a request that make it another search of the same bars.
_SEARCHED = (
    *("strategy_name", "partners", "goals", "caps", "narrowed", "overlays", "costs", "allow_short", "min_trades"),
    "timeframe",
)


async def tries_before(study: OptimizationStudy) -> Tries:
    """Count the studies of overlapping bars that tried anything, besides this one."""
    others = await patiently(lambda: _searches(study), what="earlier searches")
    same = await patiently(lambda: _n_same_sets(study), what="earlier sets")
    days = [found["since"] for found in others if isinstance(found["since"], datetime)]
    people = {person for found in others for person in found["people"]} | {study.created_by}
    return Tries(
        n_sets=same + sum(found["n_elsewhere"] for found in others),
        n_searches=len([found for found in others if not found["is_own"]]) + 1,
        n_looks=sum(found["n_looks"] for found in others),
        n_people=len(people),
        since=min(days).date() if days else None,
    )


async def _searches(study: OptimizationStudy) -> list[dict[str, Any]]:
    """Other studies of overlapping bars by search: sets tried elsewhere, looks at the holdout, people, first day."""
    start, end = study.window.start_date.isoformat(), study.window.end_date.isoformat()
    held_out = (study.window.holdout_date or study.window.end_date).isoformat()
    query = about(study.spec.symbols) | {
        "study_name": {"$ne": study.study_name},
        "trials_completed": {"$gt": 0},
        "window.start_date": {"$lte": end},
        "window.end_date": {"$gte": start},
    }
    elsewhere = {"$cond": [_is_same(study), 0, "$trials_completed"]}
    looks = {"$cond": [{"$and": [{"$gte": ["$window.end_date", held_out]}, {"$ne": ["$summary", None]}]}, 1, 0]}
    stages: list[dict[str, Any]] = [
        {"$match": query},
        {
            "$group": {
                "_id": {name: f"$spec.{name}" for name in _SEARCHED},
                "n_elsewhere": {"$sum": elsewhere},
                "n_looks": {"$sum": looks},
                "since": {"$min": "$created_at"},
                "people": {"$addToSet": "$created_by"},
            }
        },
    ]
    found = await OptimizationStudy.get_motor_collection().aggregate(stages).to_list(None)
    stored = study.spec.model_dump(mode="json")
    own = {name: stored[name] for name in _SEARCHED}
    return [group | {"is_own": group["_id"] == own} for group in found]


def _is_same(study: OptimizationStudy) -> Mapping[str, Any]:
    """Expression: same symbol, strategy and window as this study, whose sets are counted exactly."""
    window = study.window
    return {
        "$and": [
            {"$eq": ["$symbol", study.symbol]},
            {"$eq": ["$strategy_name", study.strategy_name]},
            {"$eq": ["$window.start_date", window.start_date.isoformat()]},
            {"$eq": ["$window.end_date", window.end_date.isoformat()]},
        ]
    }


async def _n_same_sets(study: OptimizationStudy) -> int:
    """Unique sets that other studies of this symbol, strategy and window tried and this one did not."""
    same = {
        "symbol": study.symbol,
        "strategy_name": study.strategy_name,
        "window.start_date": study.window.start_date.isoformat(),
        "window.end_date": study.window.end_date.isoformat(),
    }
    names = await OptimizationStudy.get_motor_collection().distinct("study_name", same)
    stages: list[dict[str, Any]] = [
        {"$match": {"study": {"$in": names}}},
        {"$group": {"_id": "$params", "studies": {"$addToSet": "$study"}}},
        {"$match": {"studies": {"$ne": study.study_name}}},
        {"$count": "n"},
    ]
    found = await OptimizationTrial.get_motor_collection().aggregate(stages).to_list(1)
    return int(found[0]["n"]) if found else 0
