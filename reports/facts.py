"""Facts that messages and reports word: values only, filled by their callers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated, Protocol, cast

from pydantic import PlainSerializer, PlainValidator

from optimizer.domain.metrics import GOALS
from optimizer.domain.results.learned_results import TrainingProgress
from optimizer.domain.results.regime_results import PlannedRegimes
from optimizer.domain.space import Params, Space
from optimizer.domain.study_request import StudySpec
from optimizer.domain.study_results import StudyState, StudySummary, Timings, Window
from optimizer.domain.universe import Universe
from optimizer.errors import UserError, error_of
from optimizer.market.quality.data_findings import DataNote
from optimizer.strategies.declaration import OwnCode
from optimizer.validation.evidence import Evidence, evidence_of


def _read(error: object) -> UserError | None:
    return error_of(error) if isinstance(error, Mapping) else cast(UserError | None, error)


def _write(error: UserError | None) -> dict[str, object] | None:
    return None if error is None else error.as_document()


#: An error that survives being written as JSON.
StoredError = Annotated[UserError | None, PlainValidator(_read), PlainSerializer(_write)]


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a study stopped before its end."""

    error: StoredError = None  # which a person can fix
    reference: str = ""  # otherwise something broke, and the log has it under this
    trial_number: int | None = None  # the trial it happened at


@dataclass(frozen=True, kw_only=True)
class StudyFacts:
    """State of one study: who requested what, how far it is, and its result."""

    study_name: str  # "opt-7f3a"
    spec: StudySpec
    space_size: int
    status: StudyState
    created_by: str  # Slack user id, or the name of a terminal's user
    created_at: datetime
    name: str = ""  # that someone gave it
    command: str = ""  # starts the same study when typed at the same place
    plain_command: str = ""  # starts the same study without its split by regime; empty where it has none
    replay_command: str = ""  # what recomputes this study
    resume_command: str = ""  # what goes on with it
    page_url: str = ""  # where a browser shows it, if everyone can get there
    n_sets: int = 0  # unique sets it will try: the budget, or the whole grid when that is smaller
    trials_completed: int = 0
    best_value: float | None = None  # of the first goal
    best_params: Params | None = None
    seconds_left: float | None = None
    elapsed: float = 0.0
    queue_position: int | None = None  # 1: next
    engine: tuple[int, int] | None = None  # parts that are compiled, of all, where a first start compiles it
    is_validating: bool = False  # the search is over, folds and statistics are under way
    training: TrainingProgress | None = None  # of a strategy that learns: its rows are fitted first
    summary: StudySummary | None = None
    failure: Failure | None = None
    acted_by: str = ""  # who paused, resumed or cancelled it
    acted_at: datetime | None = None
    data_hash: str = ""
    findings: tuple[DataNote, ...] = ()  # on the bars
    code_version: str = ""
    timings: Timings = field(default_factory=Timings)
    source: str = ""
    n_bars: int = 0
    first_bar: date | None = None
    last_bar: date | None = None
    universe: Universe | None = None  # list that the symbol was taken from

    @property
    def goal(self) -> str:
        """The goal that decides the winner."""
        return self.spec.goals[0]

    @property
    def plain_goal(self) -> str:
        """The goal whose values are told of bars that were not searched: without what a model adds to them."""
        return GOALS[self.goal].plain

    @property
    def unseen(self) -> tuple[float, float] | None:
        """The first goal out of sample, of the winner and of buy and hold, where both have a value.

        Of a set that several symbols share, it is the portfolio's, which the verdict is about.
        """
        found = self.summary
        if found is None or found.winner.out_of_sample is None or found.buy_and_hold.out_of_sample is None:
            return None
        measure = GOALS[self.goal].measure
        own, hold = (getattr(side.out_of_sample, measure) for side in (found.winner, found.buy_and_hold))
        return None if own is None or hold is None else (own, hold)

    @property
    def evidence(self) -> Evidence:
        """Figures that the verdict rests on; only of a finished study."""
        assert self.summary is not None
        return evidence_of(self.summary)

    @property
    def budget(self) -> int:
        """How many sets the bar counts to."""
        return self.n_sets or min(self.spec.n_trials, self.space_size)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Plan of a study, shown before it starts."""

    space: Space
    window: Window
    n_sets: int  # unique sets it will try
    n_folds: int
    is_exhaustive: bool
    seconds: float | None = None  # how long it should take
    n_ahead: int = 0  # studies that run first
    n_messages: int = 0  # that go first in a channel whose queue makes the result late
    queue_seconds: float = 0.0  # until the result is posted, where it is late
    source: str = ""  # of the bars
    notes: tuple[str, ...] = ()  # keys of what the data or the wish forced, as in StudySummary.notes
    findings: tuple[DataNote, ...] = ()  # on the bars
    universe: Universe | None = None  # list that the symbol was taken from
    own_code: OwnCode | None = None  # of a strategy in Python
    regimes: PlannedRegimes | None = None  # of a request that needs labels


@dataclass(frozen=True, kw_only=True)
class RuleFacts:
    """A rule in words as it was understood, before anything runs."""

    spec: StudySpec
    plan: Plan  # of the first symbol's study
    text: str  # canonical, in the language of the message
    n_free: int  # numbers that are searched
    most_free: int  # numbers up to which a rule is searched without more ado
    unordered: tuple[tuple[str, str], ...]  # pairs of which one should be less, and the space does not see to it
    n_studies: int  # that the request starts
    n_rules: int  # tried on the same bars before
    n_sets: int  # of these rules


class HelpLine(Protocol):
    """One verb of the grammar, as help shows it."""

    @property
    def key(self) -> str:
        """Its word in English."""

    @property
    def usage(self) -> str:
        """The words that follow it."""
