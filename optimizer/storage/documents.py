"""What MongoDB keeps of studies: the record from which everything can be rebuilt."""

from datetime import date, datetime
from typing import Any, ClassVar

from beanie import Document
from pydantic import BaseModel, Field
from pymongo import ASCENDING, DESCENDING, IndexModel

from optimizer.domain.space import Space, Value
from optimizer.domain.study_request import StudySpec
from optimizer.domain.study_results import StudyState, StudySummary, Timings, TrialState
from optimizer.market.quality.data_findings import DataNote

#: Dates travel as ISO text: BSON knows only moments, and a session is not one.
_ENCODERS: dict[Any, Any] = {date: lambda day: day.isoformat(), datetime: lambda moment: moment}


class WindowRecord(BaseModel):
    """The rows and dates of the searched window inside the snapshot."""

    start: int
    holdout_start: int
    stop: int
    start_date: date
    holdout_date: date | None
    end_date: date


class OptimizationStudy(Document):
    """One study: what was asked, where it stands, what came of it.

    `spec` is the whole request; the fields beside it that repeat parts of it are what other readers
    of the collection query by.
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
    data_hashes: list[str] = Field(default_factory=list)  # one a symbol of the spec; empty where `data_hash` says all
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
    origin: dict[str, Any] = Field(default_factory=dict)  # where the answer goes; only the door it came by reads it
    first: list[dict[str, Value]] = Field(default_factory=list)  # sets that are tried right after the textbook set
    request_key: str | None = None  # names the delivery that asked for it: the same delivery never starts two
    name: str = ""
    notes: str = ""
    wanted: StudyState | None = None  # CANCELLED or PAUSED: what the worker is asked to become
    deaths: int = 0  # workers that died over it
    failure: dict[str, Any] | None = None  # errors.error_of reads it
    timings: Timings = Timings()
    cache_hit_ratio: float | None = None
    summary: StudySummary | None = None

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
    """One trial of one study."""

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
    """The full backtest of one of a study's ten best trials: equity a bar and every closed trade."""

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
    """A search space as plain data: name → range or choices."""
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
