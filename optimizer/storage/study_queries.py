"""Queries of studies without their large summaries: lines of a list, or the state of one study."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from beanie import PydanticObjectId
from pydantic import BaseModel, ConfigDict, Field

from optimizer.domain.measured import Measure
from optimizer.domain.study_results import StudyState, Verdict
from optimizer.storage.curves import OF_FOLDS, OF_SUMMARY
from optimizer.storage.documents import BY_RANK, BY_RANK_OF_SYMBOL, NEWEST_OF, RANKED, OptimizationStudy
from optimizer.storage.driver import aggregate, collection_of

Query = Mapping[str, Any]
Index = Sequence[tuple[str, int]]
#: Query that every study matches.
EVERY: Query = MappingProxyType({})
_AS_STORED = MappingProxyType({"_id": 1})


def both(one: Query, other: Query) -> dict[str, Any]:
    """Query for what matches two queries."""
    return {"$and": [dict(one), dict(other)]} if one and other else dict(one or other)


class _Outside(BaseModel):
    sharpe_ratio: Measure = None


class _Winner(BaseModel):
    out_of_sample: _Outside | None = None


class _Summary(BaseModel):
    verdict: Verdict
    winner: _Winner


class StudyLine(BaseModel):
    """Projection of a study without its trials, curves and folds."""

    model_config = ConfigDict(frozen=True)

    id: PydanticObjectId = Field(alias="_id")
    study_name: str
    symbol: str
    strategy_name: str
    objective: str
    status: StudyState
    n_trials: int
    trials_completed: int
    best_value: Measure
    created_at: datetime
    created_by: str
    name: str = ""
    summary: _Summary | None = None

    class Settings:
        projection: Mapping[str, int] = {
            **dict.fromkeys(("study_name", "symbol", "strategy_name", "objective", "status", "n_trials"), 1),
            **dict.fromkeys(("trials_completed", "best_value", "created_at", "created_by", "name"), 1),
            **dict.fromkeys(("summary.verdict", "summary.winner.out_of_sample.sharpe_ratio"), 1),
        }

    @property
    def verdict(self) -> Verdict | None:
        """Verdict, or None before the study has one."""
        return self.summary.verdict if self.summary else None

    @property
    def out_of_sample(self) -> float | None:
        """Sharpe ratio of the winner out of sample."""
        outside = self.summary.winner.out_of_sample if self.summary else None
        return outside.sharpe_ratio if outside else None


def about(symbols: Sequence[str]) -> dict[str, Any]:
    """Query for studies of one of these symbols, alone or sharing a set with others, or by the whole label."""
    return {"symbols": {"$in": list(symbols)} if len(symbols) > 1 else symbols[0]}


async def page_of_studies(
    wanted: Mapping[str, Sequence[str]], *, older_than: PydanticObjectId | None, limit: int, among: Query
) -> list[StudyLine]:
    """Page of the studies of `among`, newest first; each field of `wanted` has one of its values.

    Studies stored meanwhile come before the first page, so that the next pages do not shift.
    """
    query: dict[str, Any] = {}
    for field, values in wanted.items():
        if values:
            query |= about(values) if field == "symbol" else {field: {"$in": list(values)}}
    if older_than is not None:
        query["_id"] = {"$lt": older_than}
    index = next((NEWEST_OF[field] for field in NEWEST_OF if field in query), _AS_STORED.items())
    found = collection_of(OptimizationStudy).find(both(query, among), StudyLine.Settings.projection)
    documents = await found.sort("_id", -1).limit(limit).hint(list(index)).to_list(limit)
    return [StudyLine.model_validate(document) for document in documents]


async def symbols_among(among: Query) -> list[str]:
    """Labels of the studies of `among`, sorted. Each part of an `$or` has an index of its own that has them all."""
    collection, found = collection_of(OptimizationStudy), set[str]()
    for part in among.get("$or", [among]):
        found |= set(await collection.distinct("symbol", part))
    return sorted(found)


async def glance(study_name: str, among: Query = EVERY) -> tuple[OptimizationStudy, Verdict | None] | None:
    """Study without its summary, and the verdict of the summary; None when no study of `among` has this name."""
    stages: list[dict[str, Any]] = [
        {"$match": both({"study_name": study_name}, among)},
        {"$set": {"summary": None, "verdict": "$summary.verdict"}},
    ]
    documents = [found async for found in aggregate(OptimizationStudy, stages)]
    if not documents:
        return None
    verdict = documents[0].pop("verdict", None)
    return OptimizationStudy.model_validate(documents[0]), Verdict(verdict) if verdict else None


async def ranked_names(
    query: Mapping[str, Any], *, verdicts: Sequence[Verdict], limit: int, symbol: str | None = None
) -> list[str]:
    """Names of finished studies by verdict, best first as declared, then by evidence, then by Sharpe out of sample.

    The best of many Sharpe ratios on few unseen bars is mostly luck; the evidence counts every search. Studies stored
    before there was any stand by their confidence against luck.

    Of several studies with the same winner for the same symbols, strategy and timeframe the first counts.
    """
    wanted = {"rank.verdict": {"$in": sorted(list(Verdict).index(verdict) for verdict in verdicts)}}
    wanted |= about([symbol]) if symbol else {}
    found = collection_of(OptimizationStudy).find(both(wanted, query), {"study_name": 1, "rank.winner": 1})
    index = BY_RANK_OF_SYMBOL if symbol else BY_RANK
    names: dict[str, str] = {}  # by winner
    async for document in found.sort(list(RANKED)).hint(list(index)).batch_size(4 * limit):
        names.setdefault(document["rank"]["winner"], document["study_name"])
        if len(names) == limit:
            break
    return list(names.values())


#: Long fields that lists do without, with what stands there instead.
_CHARTS: Mapping[str, Any] = {
    **{f"summary.{name}": empty for name, empty in OF_SUMMARY.items()},
    **{f"summary.walk_forward.{name}": empty for name, empty in OF_FOLDS.items()},
    "summary.plateau.neighbours": (),
}
#: What a line of a list does not show either: most of what is left, and of the time to read a study.
_TABLES: Mapping[str, Any] = {
    **{f"summary.{name}": () for name in ("top", "forecasts")},
    **{f"summary.{name}": None for name in ("walk_forward", "by_regime", "regime", "stress")},
    "search_space": {},
    "data_notes": (),
}


def _besides(left_out: Mapping[str, Any]) -> dict[str, int]:
    """Projection to all but these fields and what is within them."""
    return {path: 0 for path in left_out if not any(path.startswith(f"{other}.") for other in left_out)}


def _fill(document: dict[str, Any], left_out: Mapping[str, Any]) -> dict[str, Any]:
    """Put what stands for the fields that were left out into a document, where the objects that they are of are."""
    for path, empty in left_out.items():
        *parents, name = path.split(".")
        part: Any = document
        for parent in parents:
            part = part.get(parent) if part else None
        if part is not None:
            part[name] = empty
    return document


async def without_charts(
    query: Mapping[str, Any],
    *,
    order: Mapping[str, int] = _AS_STORED,
    limit: int,
    index: Index | None = None,
    has_tables: bool = True,
) -> list[OptimizationStudy]:
    """Studies with empty curves and point clouds, which those of earlier versions have in them; never save them.

    `index` is one that has the studies in this order. Without `has_tables` only what a line of a list shows is read.
    """
    left_out = _CHARTS if has_tables else {**_CHARTS, **_TABLES}
    found = collection_of(OptimizationStudy).find(query, _besides(left_out)).sort(list(order.items())).limit(limit)
    documents = await (found.hint(list(index)) if index else found).to_list(limit)
    return [OptimizationStudy.model_validate(_fill(document, left_out)) for document in documents]


async def studies_named(names: Sequence[str]) -> list[OptimizationStudy]:
    """Studies of these names, in their order, without charts; a name that no study has is left out."""
    found = await without_charts({"study_name": {"$in": list(names)}}, limit=len(names) or 1)
    by_name = {study.study_name: study for study in found}
    return [by_name[name] for name in names if name in by_name]


async def count_waiting() -> int:
    """Number of queued studies."""
    return await OptimizationStudy.find({"status": str(StudyState.QUEUED)}).count()


async def count_waiting_requests(created_by: str) -> int:
    """Number of a person's queued requests: studies that were requested together are one."""
    query = {"status": str(StudyState.QUEUED), "created_by": created_by}
    request = {"$cond": [{"$gt": ["$origin.group", ""]}, "$origin.group", "$study_name"]}
    stages: list[Mapping[str, Any]] = [{"$match": query}, {"$group": {"_id": request}}, {"$count": "n"}]
    found = [counted async for counted in aggregate(OptimizationStudy, stages)]
    return int(found[0]["n"]) if found else 0
