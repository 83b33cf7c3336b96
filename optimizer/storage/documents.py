"""MongoDB documents of studies, from which every result can be rebuilt."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, ClassVar

from beanie import Document
from pydantic import BaseModel, Field, field_validator
from pymongo import ASCENDING, DESCENDING, IndexModel

from optimizer.domain.space import Space, Value
from optimizer.domain.study_request import StudySpec
from optimizer.domain.study_results import StudyState, StudySummary, Timings, TrialState
from optimizer.market.quality.data_findings import DataNote

#: Dates are stored as ISO text: BSON has only moments in time, and a session is a date.
_ENCODERS: dict[Any, Any] = {date: lambda day: day.isoformat(), datetime: lambda moment: moment}


class WindowRecord(BaseModel):
    """Rows and dates of the searched window inside the snapshot."""

    start: int
    holdout_start: int
    stop: int
    start_date: date
    holdout_date: date | None
    end_date: date


class OptimizationStudy(Document):
    """One study: its request, its state and its result.

    `spec` is the whole request; the fields that repeat parts of it are for queries of the collection.
    """

    study_name: str
    spec: StudySpec
    symbol: str
    strategy_name: str
    search_space: dict[str, Any]
    space_size: int
    n_trials: int
    direction: str
    objective: str
    sampler: str
    sampler_note: str = ""
    seed: int
    window: WindowRecord
    data_hash: str  # of a study of several symbols a digest of theirs
    data_hashes: list[str] = Field(default_factory=list)  # one per symbol of the spec; empty for a single symbol
    source: str
    n_bars: int
    data_notes: list[DataNote] = Field(default_factory=list)
    code_version: str
    status: StudyState = StudyState.QUEUED
    created_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    heartbeat_at: datetime | None = None
    best_params: dict[str, Value] | None = None
    best_value: float | None = None
    trials_completed: int = 0
    created_by: str
    origin: dict[str, Any] = Field(default_factory=dict)  # where results are sent; read by the interface that stored it
    first: list[dict[str, Value]] = Field(default_factory=list)  # sets that are tried right after the default set
    request_key: str | None = None  # id of the request: the same request never starts two studies
    name: str = ""
    notes: str = ""
    wanted: StudyState | None = None  # CANCELLED or PAUSED: the state requested of the worker
    deaths: int = 0  # of workers that ran it
    failure: dict[str, Any] | None = None  # read by errors.error_of
    timings: Timings = Timings()
    cache_hit_ratio: float | None = None
    summary: StudySummary | None = None

    @field_validator("spec", mode="before")
    @classmethod
    def _keep_early_rules(cls, stored: object) -> object:
        """Let a study that was stored before ruin was a constraint replay without it."""
        return {"excludes_ruin": False, **stored} if isinstance(stored, Mapping) else stored

    class Settings:
        name = "optimization_studies"
        bson_encoders = _ENCODERS
        indexes: ClassVar = [
            IndexModel([("study_name", ASCENDING)], unique=True),
            IndexModel([("symbol", ASCENDING)]),
            IndexModel([("strategy_name", ASCENDING)]),
            IndexModel([("symbol", ASCENDING), ("strategy_name", ASCENDING), ("created_at", DESCENDING)]),
            IndexModel([("status", ASCENDING)]),
            IndexModel(
                [("request_key", ASCENDING)],
                unique=True,
                partialFilterExpression={"request_key": {"$type": "string"}},
            ),
        ]


class OptimizationTrial(Document):
    """Trial of a study."""

    study: str
    trial_number: int
    params: dict[str, Value]
    value: float | None
    values: list[float] = Field(default_factory=list)
    violation: float = 0.0
    reason: str = ""
    state: TrialState
    sharpe_ratio: float | None = None
    total_return: float | None = None
    max_drawdown: float | None = None
    n_trades: int = 0
    backtest_id: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    duration: float = 0.0

    class Settings:
        name = "optimization_trials"
        indexes: ClassVar = [
            IndexModel([("study", ASCENDING), ("trial_number", ASCENDING)], unique=True),
            IndexModel([("study", ASCENDING), ("value", DESCENDING)]),
        ]


class BacktestRecord(Document):
    """Backtest of one of a study's ten best trials: per-bar equity and every closed trade."""

    backtest_id: str
    study: str
    trial_number: int
    dates: list[date]
    equity: list[float]
    trades: list[dict[str, Any]]  # those of a shared set name their symbol

    class Settings:
        name = "optimization_backtests"
        bson_encoders = _ENCODERS
        indexes: ClassVar = [IndexModel([("backtest_id", ASCENDING)], unique=True), IndexModel([("study", ASCENDING)])]


DOCUMENTS: tuple[type[Document], ...] = (OptimizationStudy, OptimizationTrial, BacktestRecord)


def space_document(space: Space) -> dict[str, Any]:
    """Convert a search space to plain data: name → range or choices."""
    described: dict[str, Any] = {}
    for parameter in space.parameters:
        facts = {"values": list(parameter.values), "default": parameter.default}
        described[parameter.name] = facts
    if space.order:
        described["_order"] = {
            "lesser": space.order.lesser,
            "greater": space.order.greater,
            "strict": space.order.strict,
        }
    return described
