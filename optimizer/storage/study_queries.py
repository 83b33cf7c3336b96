"""Queries of studies without their large summaries: lines of a list, or the state of one study."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from beanie import PydanticObjectId
from pydantic import BaseModel, ConfigDict, Field

from optimizer.domain.study_results import Measure, StudyState, Verdict
from optimizer.storage.documents import OptimizationStudy


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
    among = {"$in": list(symbols)}
    return {"$or": [{field: among} for field in ("symbol", "spec.symbol", "spec.partners")]}


async def page_of_studies(
    wanted: Mapping[str, Sequence[str]], *, older_than: PydanticObjectId | None, limit: int
) -> list[StudyLine]:
    """Page of studies, newest first; each field of `wanted` has one of its values.

    Studies stored meanwhile come before the first page, so that the next pages do not shift.
    """
    query: dict[str, Any] = {}
    for field, values in wanted.items():
        if values:
            query |= about(values) if field == "symbol" else {field: {"$in": list(values)}}
    if older_than is not None:
        query["_id"] = {"$lt": older_than}
    return await OptimizationStudy.find(query).sort("-_id").limit(limit).project(StudyLine).to_list()


async def glance(study_name: str) -> tuple[OptimizationStudy, Verdict | None] | None:
    """Study without its summary, and the verdict of the summary; None when no study has this name."""
    stages: list[dict[str, Any]] = [
        {"$match": {"study_name": study_name}},
        {"$set": {"summary": None, "verdict": "$summary.verdict"}},
    ]
    documents = await OptimizationStudy.get_motor_collection().aggregate(stages).to_list(1)
    if not documents:
        return None
    verdict = documents[0].pop("verdict", None)
    return OptimizationStudy.model_validate(documents[0]), Verdict(verdict) if verdict else None


_OUTSIDE = "summary.winner.out_of_sample.sharpe_ratio"


async def ranked_names(query: Mapping[str, Any], *, limit: int) -> list[str]:
    """Names of finished studies by verdict, best first as declared, then by evidence, then by Sharpe out of sample.

    The best of many Sharpe ratios on few unseen bars is mostly luck; the evidence counts every search. Studies stored
    before there was any stand by their confidence against luck.

    Of several studies with the same winner for the same symbols, strategy and timeframe the first counts.
    """
    best_first = {"verdict": 1, "p": 1, "outside": -1, "_id": 1}
    early = {"$subtract": [1.0, {"$ifNull": ["$summary.luck.skill", 0.0]}]}
    p = {"$ifNull": ["$summary.significance.p", early]}
    verdict = {"$indexOfArray": [[str(verdict) for verdict in Verdict], "$summary.verdict"]}
    same = {"symbol": "$symbol", "strategy": "$strategy_name", "timeframe": "$spec.timeframe"}
    stages: list[dict[str, Any]] = [
        {"$match": {**query, _OUTSIDE: {"$ne": None}}},
        {"$project": {"study_name": 1, "verdict": verdict, "p": p, "outside": f"${_OUTSIDE}",
                      "set": {**same, "params": "$summary.winner.params"}}},
        {"$sort": best_first},
        {"$group": {"_id": "$set", "best": {"$first": "$$ROOT"}}},
        {"$replaceRoot": {"newRoot": "$best"}},
        {"$sort": best_first},
        {"$limit": limit},
    ]  # fmt: skip
    documents = await OptimizationStudy.get_motor_collection().aggregate(stages).to_list(limit)
    return [document["study_name"] for document in documents]


_AS_STORED = MappingProxyType({"_id": 1})
#: Fields of a summary, and of its folds, that only charts need.
_CHARTS: Mapping[str, Any] = {
    "curve": {"dates": [], "winner": [], "buy_and_hold": []},
    "bootstrap_sharpes": [],
    "surface": None,
    "scatter": [],
}
_SERIES: Mapping[str, Any] = {"returns": [], "dates": []}


def _where_there(path: str, *parts: Mapping[str, Any]) -> dict[str, Any]:
    """Aggregation expression of an object with some fields replaced; null if the object is missing."""
    return {"$cond": [{"$eq": [{"$type": path}, "object"]}, {"$mergeObjects": [path, *parts]}, None]}


_FOLDS = {"walk_forward": _where_there("$summary.walk_forward", {"$literal": _SERIES})}
_WITHOUT_CHARTS = {"$set": {"summary": _where_there("$summary", {"$literal": _CHARTS}, _FOLDS)}}


async def without_charts(
    query: Mapping[str, Any], *, order: Mapping[str, int] = _AS_STORED, limit: int
) -> list[OptimizationStudy]:
    """Studies with empty curves and point clouds, at a tenth of their size; never save them."""
    stages: list[Mapping[str, Any]] = [{"$match": query}, {"$sort": order}, {"$limit": limit}, _WITHOUT_CHARTS]
    documents = await OptimizationStudy.get_motor_collection().aggregate(stages).to_list(limit)
    return [OptimizationStudy.model_validate(document) for document in documents]
