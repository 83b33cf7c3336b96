"""Response models, and how they are built from studies.

Fractions are fractions (0.12 is 12 %), times are UTC, a measure that does not exist is null.
"""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from bot.api.problem_details import sentence
from bot.delivery.progress import Progress
from optimizer.domain.measured import Measure
from optimizer.domain.results.learned_results import TrainingProgress
from optimizer.domain.space import Value
from optimizer.domain.study_results import (
    Degenerate,
    Interval,
    Luck,
    Pareto,
    Scored,
    Shared,
    StudyState,
    StudySummary,
    Suggestion,
    TrialRecord,
    Verdict,
    Window,
)
from optimizer.domain.universe import Universe
from optimizer.errors import SomethingBroke
from optimizer.market.quality.data_findings import DataFinding, QualityReport
from optimizer.storage.documents import OptimizationStudy
from optimizer.storage.study_queries import StudyLine
from reports.render import Language, Renderer

#: Path of the API at the bot's address.
ROOT = "/api/v1"
_STUDIES = f"{ROOT}/backtests/optimize"


class Links(BaseModel):
    """Related addresses."""

    study: str = Field(examples=[f"{_STUDIES}/opt-7f3a"])
    best: str
    trials: str
    events: str


class StartedStudy(BaseModel):
    """One study that was started."""

    study_name: str = Field(description="Name of the study.", examples=["opt-7f3a"])
    symbol: str
    status: StudyState
    n_trials: int = Field(description="Unique parameter sets it will try.")
    seconds: float = Field(description="Rough estimate of the time a free worker needs.")
    data_notes: list[str] = Field(description="Data problems in the bars, in the language requested.")
    links: Links


_LINKS = {
    "study": f"{_STUDIES}/opt-7f3a",
    "best": f"{_STUDIES}/opt-7f3a/best",
    "trials": f"{_STUDIES}/opt-7f3a/trials",
    "events": f"{_STUDIES}/opt-7f3a/events",
}
_STARTED: dict[str, Any] = {
    "study_name": "opt-7f3a",
    "symbol": "AAPL",
    "status": "queued",
    "n_trials": 200,
    "seconds": 0.5,
    "data_notes": [],
    "links": _LINKS,
}
_PROGRESS: dict[str, Any] = {
    "study_name": "opt-7f3a",
    "symbol": "AAPL",
    "strategy": "rsi",
    "goal": "sharpe",
    "goals": ["sharpe"],
    "status": "running",
    "is_validating": False,
    "training": None,
    "trials_completed": 124,
    "n_trials": 200,
    "best_value": 0.84,
    "best_params": {"period": 12, "oversold": 34, "overbought": 80},
    "seconds_left": 1.8,
    "elapsed": 2.9,
    "queue_position": None,
    "verdict": None,
    "failure": None,
    "created_at": "2026-11-22T09:30:00Z",
    "created_by": "key:nightly",
    "recent_trials": [],
    "links": _LINKS,
}


class OptimizationResponse(StartedStudy):
    """Studies that were started. With several symbols the fields beside `studies` are those of the first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_STARTED, "studies": [_STARTED]}]})

    studies: list[StartedStudy] = Field(description="One for each symbol, in the order of the request.")
    universes: list[Universe] = Field(
        default_factory=list,
        description="Watch lists that symbols were taken from: whether they know members that left, and who was left "
        "out for want of bars.",
    )


class OptimizationProgress(BaseModel):
    """Progress of a study."""

    model_config = ConfigDict(json_schema_extra={"examples": [_PROGRESS]})

    study_name: str
    symbol: str
    strategy: str
    goal: str = Field(description="The goal that decides the winner.")
    goals: list[str] = Field(description="Every goal, the deciding one first.")
    status: StudyState
    is_validating: bool = Field(description="The search is over; folds and statistics are under way.")
    training: TrainingProgress | None = Field(
        description="Row that is trained first, or of noise beside a result; else null."
    )
    trials_completed: int
    n_trials: int = Field(description="Unique parameter sets it will try.")
    best_value: Measure = Field(description="Best value of the goal so far.")
    best_params: dict[str, Value] | None = Field(description="Parameter set with the best value.")
    seconds_left: float | None = Field(description="Seconds left of the search; null while too little is known.")
    elapsed: float = Field(description="Seconds since its start.")
    queue_position: int | None = Field(description="1 for the study that is next; null for one that does not wait.")
    verdict: Verdict | None = Field(description="Verdict; null until the study has finished.")
    failure: str | None = Field(description="Why it failed, in the requested language.")
    created_at: datetime
    created_by: str = Field(description="A Slack user's id, `key:NAME`, or a terminal's user.")
    recent_trials: list[TrialRecord] = Field(description="The ten newest, the newest first.")
    links: Links


class OptimizationResult(BaseModel):
    """Winner of a finished study, with the evidence it must be judged by."""

    study_name: str
    symbol: str
    strategy: str
    goal: str = Field(description="The goal that decides the winner.")
    goals: list[str] = Field(description="Every goal, the deciding one first.")
    params: dict[str, Value] = Field(description="Parameters of the winner.")
    value: Measure = Field(description="Value of the goal on the bars that were searched.")
    verdict: Verdict = Field(description="Judgement whether the result is real; never a plain pass or fail.")
    suggestion: Suggestion
    degenerate: Degenerate | None = Field(description="Reason why the winner is no real strategy; null if it is one.")
    winner: Scored
    default: Scored
    buy_and_hold: Scored = Field(description="Buy and hold over the same bars, with the same costs.")
    shared: Shared | None = Field(
        description="Of a set that several symbols share: each symbol's part, and medians. The figures around it are "
        "those of the equal-weight portfolio. Null for one symbol."
    )
    pareto: Pareto | None = Field(
        description="Of a study with two goals: the sets that no other beats in both, five at most. Null for one goal."
    )
    luck: Luck
    plateau_share: Measure = Field(description="Share of the winner's neighbours that keep most of its value.")
    sharpe_interval: Interval | None = Field(description="90 % interval of the Sharpe ratio out of sample.")
    drawdown_interval: Interval | None
    window: Window
    data_hash: str = Field(description="Hash of the bars: the same hash, seed and code version give the same result.")
    code_version: str
    links: Links


class StudyItem(BaseModel):
    """One row of a list of studies."""

    study_name: str
    symbol: str
    strategy: str
    goal: str
    status: StudyState
    verdict: Verdict | None
    out_of_sample: Measure = Field(description="The winner's Sharpe ratio on bars that the search has not seen.")
    best_value: Measure
    trials_completed: int
    n_trials: int
    name: str
    created_at: datetime
    created_by: str
    links: Links


class StudyPage(BaseModel):
    """Page of studies, the newest first."""

    items: list[StudyItem]
    next_cursor: str | None = Field(description="`cursor` of the next page; null on the last.")


class StudyTrials(BaseModel):
    """Every stored trial of a study, by number."""

    study_name: str
    trials: list[TrialRecord]


class QualityFinding(BaseModel):
    """One data problem in the bars."""

    kind: str
    severity: str
    when: datetime
    value: float | None
    detail: str = Field(description="The problem in words.")


class MarketDataQuality(BaseModel):
    """One quality check of one series of bars."""

    symbol: str
    timeframe: str
    source: str
    calendar: str
    first: str = Field(description="First day with a bar.")
    last: str
    n_bars: int
    n_sessions: int = Field(description="Sessions of the calendar from first to last.")
    n_missing: int = Field(description="Sessions without any bar.")
    coverage: float = Field(description="Share of the sessions that have bars, 0 to 1.")
    is_blocking: bool = Field(description="`true` if a study needs `force` to start.")
    data_hash: str
    checked_at: datetime
    findings: list[QualityFinding] = Field(description="Data problems, the most severe first.")


def links_of(study_name: str) -> Links:
    """Return the addresses of a study."""
    here = f"{_STUDIES}/{study_name}"
    return Links(study=here, best=f"{here}/best", trials=f"{here}/trials", events=f"{here}/events")


def started_study(study: OptimizationStudy, seconds: float, renderer: Renderer) -> StartedStudy:
    """Build the response for a study that was just stored."""
    return StartedStudy(
        study_name=study.study_name,
        symbol=study.symbol,
        status=study.status,
        n_trials=study.n_trials,
        seconds=round(seconds, 1),
        data_notes=[renderer.phrase(note.phrase) for note in study.data_notes],
        links=links_of(study.study_name),
    )


def progress_of(progress: Progress, language: Language) -> OptimizationProgress:
    """Build the response for a study's progress."""
    facts = progress.facts
    failure = facts.failure and (facts.failure.error or SomethingBroke(reference=facts.failure.reference))
    return OptimizationProgress(
        study_name=facts.study_name,
        symbol=facts.spec.label,
        strategy=facts.spec.strategy_name,
        goal=facts.goal,
        goals=list(facts.spec.goals),
        status=facts.status,
        is_validating=facts.is_validating,
        training=facts.training,
        trials_completed=facts.trials_completed,
        n_trials=facts.n_sets,
        best_value=facts.best_value,
        best_params=facts.best_params,
        seconds_left=facts.seconds_left,
        elapsed=facts.elapsed,
        queue_position=facts.queue_position,
        verdict=progress.verdict,
        failure=sentence(failure, language) if failure else None,
        created_at=facts.created_at,
        created_by=facts.created_by,
        recent_trials=list(progress.recent),
        links=links_of(facts.study_name),
    )


def result_of(study: OptimizationStudy, summary: StudySummary) -> OptimizationResult:
    """Build the response for a finished study's winner."""
    return OptimizationResult(
        study_name=study.study_name,
        symbol=study.symbol,
        strategy=study.strategy_name,
        goal=study.objective,
        goals=list(study.spec.goals),
        params=summary.winner.params,
        value=summary.winner.value,
        verdict=summary.verdict,
        suggestion=summary.suggestion,
        degenerate=summary.degenerate,
        winner=summary.winner,
        default=summary.default,
        buy_and_hold=summary.buy_and_hold,
        shared=summary.shared,
        pareto=summary.pareto,
        luck=summary.luck,
        plateau_share=summary.plateau.share,
        sharpe_interval=summary.sharpe_interval,
        drawdown_interval=summary.drawdown_interval,
        window=summary.window,
        data_hash=study.data_hash,
        code_version=study.code_version,
        links=links_of(study.study_name),
    )


def item_of(line: StudyLine) -> StudyItem:
    """Build one row of a list."""
    return StudyItem(
        study_name=line.study_name,
        symbol=line.symbol,
        strategy=line.strategy_name,
        goal=line.objective,
        status=line.status,
        verdict=line.verdict,
        out_of_sample=line.out_of_sample,
        best_value=line.best_value,
        trials_completed=line.trials_completed,
        n_trials=line.n_trials,
        name=line.name,
        created_at=line.created_at,
        created_by=line.created_by,
        links=links_of(line.study_name),
    )


def quality_of(report: QualityReport, renderer: Renderer) -> MarketDataQuality:
    """Build the response for a quality report, in the reader's language."""
    fields = report.model_dump(exclude={"findings", "first", "last"})
    return MarketDataQuality(
        **fields,
        first=report.first.isoformat(),
        last=report.last.isoformat(),
        coverage=report.coverage,
        is_blocking=report.is_blocking,
        findings=[_finding(finding, renderer) for finding in report.findings],
    )


def _finding(finding: DataFinding, renderer: Renderer) -> QualityFinding:
    return QualityFinding(
        kind=finding.kind,
        severity=finding.severity,
        when=finding.when,
        value=finding.value,
        detail=renderer.phrase(finding.phrase),
    )
