"""MongoDB documents of studies, from which every result can be rebuilt."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import Enum
from typing import Annotated, Any, ClassVar, Self

from beanie import Document
from pydantic import BaseModel, BeforeValidator, Field, field_validator, model_validator
from pymongo import ASCENDING, DESCENDING, IndexModel

from optimizer.domain.packed_series import Dates, Numbers, dates_of, numbers_of
from optimizer.domain.results.learned_results import TrainingProgress
from optimizer.domain.space import Space, Value
from optimizer.domain.study_request import StudySpec
from optimizer.domain.study_results import (
    Curve,
    StudyState,
    StudySummary,
    Surface,
    Timings,
    TrialState,
    Verdict,
)
from optimizer.domain.universe import Universe
from optimizer.market.quality.data_findings import DataNote
from optimizer.storage.digests import bars_key, search_key, winner_key
from optimizer.storage.driver import DEFERRED
from optimizer.storage.signal_documents import StoredSignal

#: Dates are stored as ISO text: BSON has only moments in time, and a session is a date.
_ENCODERS: dict[Any, Any] = {date: lambda day: day.isoformat(), datetime: lambda moment: moment}


#: Audience of a study that everyone who may read anything may see.
WORKSPACE = "workspace"


class WindowRecord(BaseModel):
    """Rows and dates of the searched window inside the snapshot."""

    start: int
    holdout_start: int
    stop: int
    start_date: date
    holdout_date: date | None
    end_date: date


class Rank(BaseModel):
    """Place of a finished study among all, in the order of the fields; see `study_queries.ranked_names`."""

    verdict: int  # 0 for the best
    p: float  # of the evidence, which counts every search; of an early study its doubt whether it is luck
    outside: float  # Sharpe ratio of the winner out of sample
    winner: str  # digest of the set with its symbols, strategy and timeframe


class StudyLease(BaseModel):
    """Who runs a study (`leases.py`); what ends a lease keeps its token, which never goes back."""

    owner: str | None = None  # one process
    pool: str = ""  # identity of the program that started it
    machine: str = ""
    token: int = 0  # raised by each claim, and by whoever takes a lease away
    beat: int = 0  # raised every few seconds by the owner
    claimed_at: datetime | None = None  # by MongoDB's clock, the same for all machines


#: Indexes that queries name in hints, so that how many studies there are changes no plan. `_id` follows the order in
#: which studies were stored.
BY_AGE = (("created_at", DESCENDING),)
BY_PERSON = (("created_by", ASCENDING), *BY_AGE)
BY_STATE = (("status", ASCENDING), *BY_AGE)
BY_CLAIM = (("created_by", ASCENDING), ("lease.claimed_at", DESCENDING))
_NEWEST_OF = ("symbols", "summary.verdict", "status", "strategy_name")  # the most selective first
#: What else may be asked comes after the order, so that studies left out are passed over unread. It is what is less
#: selective, for which another index is named; Beanie takes indexes of the same fields in another order for one.
NEWEST_OF = {
    field: ((field, ASCENDING), ("_id", DESCENDING), *((other, ASCENDING) for other in _NEWEST_OF[place + 1 :]))
    for place, field in enumerate(_NEWEST_OF)
}
RANKED = (
    ("rank.verdict", ASCENDING), ("rank.p", ASCENDING), ("rank.outside", DESCENDING), ("_id", ASCENDING),
)  # fmt: skip
BY_RANK = (*RANKED, ("status", ASCENDING), ("strategy_name", ASCENDING))
BY_RANK_OF_SYMBOL = (("symbols", ASCENDING), *BY_RANK)
#: Everything that `tries.py` reads of other studies, so that it reads none of them.
BY_BARS = tuple(
    (field, ASCENDING)
    for field in (
        *("symbols", "window.end_date", "window.start_date", "search", "bars", "study_name", "trials_completed"),
        *("summary.verdict", "summary.suggestion", "created_at", "created_by"),
    )
)
#: The same for the studies of the same bars.
SAME_BARS = tuple((field, ASCENDING) for field in ("bars", "study_name", "trials_completed"))


def _indexes(*keys: Sequence[tuple[str, int]]) -> list[IndexModel]:
    return [IndexModel(list(key)) for key in keys]


class OptimizationStudy(Document):
    """One study: its request, its state and its result, without the long series (`StudyCurves`).

    `spec` is the whole request; the fields that repeat parts of it are for queries of the collection.
    """

    model_config = DEFERRED

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
    companion_hashes: list[str] = Field(default_factory=list)  # of the spec's companions, in their order
    source: str
    n_bars: int
    data_notes: list[DataNote] = Field(default_factory=list)
    n_together: int = 1  # symbols of the request, each with a study of its own
    universe: Universe | None = None  # list that the symbol was taken from
    code_version: str
    strategy_digest: str = ""  # of the code of a person's own strategy
    status: StudyState = StudyState.QUEUED
    created_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    heartbeat_at: datetime | None = None
    best_params: dict[str, Value] | None = None
    best_value: float | None = None
    trials_completed: int = 0
    training: TrainingProgress | None = None  # before its first trials, of a strategy that learns
    created_by: str
    origin: dict[str, Any] = Field(default_factory=dict)  # where results are sent; read by the interface that stored it
    team: str = ""  # of several teams that the interface serves; empty: its own
    audience: str = WORKSPACE  # who may see it; any other word is one of the interface that stored it
    first: list[dict[str, Value]] = Field(default_factory=list)  # sets that are tried right after the default set
    request_key: str | None = None  # id of the request: the same request never starts two studies
    name: str = ""
    notes: str = ""
    wanted: StudyState | None = None  # CANCELLED or PAUSED: the state requested of the worker
    deaths: int = 0  # of workers that ran it
    lease: StudyLease | None = None  # None: never claimed, or stored by an earlier version
    needs_bot: bool = False  # a worker on another machine could not have its bars
    failure: dict[str, Any] | None = None  # read by errors.error_of
    timings: Timings = Timings()
    cache_hit_ratio: float | None = None
    summary: StudySummary | None = None
    symbols: list[str] = Field(default_factory=list)  # the label and each symbol alone
    search: str = ""  # digest of what is searched (`digests.search_key`)
    bars: str = ""  # digest of symbols, strategy and window: the sets of two such studies are the same tries
    pruned_at: datetime | None = None  # when its trials and long series were deleted
    rank: Rank | None = None  # None where nothing was measured out of sample

    @model_validator(mode="after")
    def _derive(self) -> Self:
        """Fill in what is derived of the rest: of a new study, and of one stored by an earlier version."""
        if not self.search:
            self.symbols, self.search, self.bars = derived_keys(self)
        if self.rank is None and self.summary is not None:
            self.rank = rank_of(self.spec, self.summary)
        return self

    @field_validator("spec", mode="before")
    @classmethod
    def _keep_early_rules(cls, stored: object) -> object:
        """Let a study that was stored before a rule existed replay without it."""
        early = {"excludes_ruin": False, "counts_ahead": True, "counts_weekdays": False}
        return {**early, **stored} if isinstance(stored, Mapping) else stored

    class Settings:
        name = "optimization_studies"
        bson_encoders = _ENCODERS
        indexes: ClassVar = [
            IndexModel([("study_name", ASCENDING)], unique=True),
            *_indexes(BY_AGE, BY_PERSON, BY_STATE, BY_CLAIM, *NEWEST_OF.values(), BY_RANK, BY_RANK_OF_SYMBOL, BY_BARS),
            *_indexes(SAME_BARS, [("audience", ASCENDING), ("symbol", ASCENDING)], [("name", ASCENDING)]),
            IndexModel([("created_by", ASCENDING), ("audience", ASCENDING), ("symbol", ASCENDING)]),
            IndexModel(
                [("request_key", ASCENDING)],
                unique=True,
                partialFilterExpression={"request_key": {"$type": "string"}},
            ),
        ]


def derived_keys(study: OptimizationStudy) -> tuple[list[str], str, str]:
    """Return what a study's queries go by: its symbols, and the digests of its search and of its bars."""
    symbols = list(dict.fromkeys((study.symbol, *study.spec.symbols)))
    window = study.window
    return symbols, search_key(study.spec), bars_key(study.spec, window.start_date, window.end_date)


def rank_of(spec: StudySpec, summary: StudySummary) -> Rank | None:
    """Return the place of a result; None where nothing was measured out of sample."""
    outside = summary.winner.out_of_sample
    if outside is None or outside.sharpe_ratio is None:
        return None
    p = summary.significance.p if summary.significance else 1.0 - (summary.luck.skill or 0.0)
    verdict = list(Verdict).index(summary.verdict)
    return Rank(verdict=verdict, p=p, outside=outside.sharpe_ratio, winner=winner_key(spec, summary.winner.params))


class StudyCurves(Document):
    """Long series of a study's summary, which only charts, exports and replays need (`curves.py`)."""

    model_config = DEFERRED

    study: str
    curve: Curve | None = None  # None in none that is stored
    bootstrap_sharpes: Numbers = ()
    surface: Surface | None = None
    scatter: tuple[tuple[float, float], ...] = ()
    returns: Numbers = ()  # of the walk-forward
    dates: Dates = ()  # of these

    class Settings:
        name = "optimization_curves"
        bson_encoders = _ENCODERS
        indexes: ClassVar = [IndexModel([("study", ASCENDING)], unique=True)]


class TriedSets(Document):
    """Sets that one study has tried, as digests of eight bytes, so that tries are counted without their trials."""

    model_config = DEFERRED

    study: str
    bars: str  # as in the study
    n_trials: int  # whose sets they are
    digests: bytes

    class Settings:
        name = "optimization_tried_sets"
        indexes: ClassVar = [IndexModel([("study", ASCENDING)], unique=True), IndexModel([("bars", ASCENDING)])]


class OptimizationTrial(Document):
    """Trial of a study."""

    model_config = DEFERRED

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
    """Backtest of one of a study's ten best trials: its equity and its trades, of very many bars those that tell most.

    A trade has its days, or the minutes of bars within a day. Both series are stored packed (`packed_series.py`), by
    earlier versions as lists.
    """

    model_config = DEFERRED

    backtest_id: str
    study: str
    trial_number: int
    dates: Annotated[list[date], BeforeValidator(dates_of)]
    equity: Annotated[list[float], BeforeValidator(numbers_of)]
    trades: list[dict[str, Any]]  # those of a shared set name their symbol
    n_left_out: int = 0  # earlier trades that did not fit

    class Settings:
        name = "optimization_backtests"
        bson_encoders = _ENCODERS
        indexes: ClassVar = [IndexModel([("backtest_id", ASCENDING)], unique=True), IndexModel([("study", ASCENDING)])]


class WorkerProgram(Document):
    """Program that runs studies on a machine of its own; deleted when it ends in order."""

    model_config = DEFERRED

    pool: str
    machine: str
    size: int  # studies that it runs at once
    code_version: str
    beat: int = 0  # raised every few seconds

    class Settings:
        name = "optimization_workers"
        indexes: ClassVar = [IndexModel([("pool", ASCENDING)], unique=True)]


DOCUMENTS: tuple[type[Document], ...] = (
    OptimizationStudy,
    StudyCurves,
    TriedSets,
    OptimizationTrial,
    BacktestRecord,
    WorkerProgram,
    StoredSignal,
)


def new_document(document: Document) -> dict[str, Any]:
    """Return a document as `insert` stores it, in a tenth of the time that Beanie takes for a study."""
    found: dict[str, Any] = _plain(document.model_dump(exclude={"id", "revision_id"}))
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, Enum):
        return value.value
    return value.isoformat() if isinstance(value, date) and not isinstance(value, datetime) else value


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
