"""Documents of schedules, their runs, champions, and the daily refresh of bars."""

from datetime import date, datetime
from enum import StrEnum, auto
from typing import Any, ClassVar

from beanie import Document
from pydantic import Field
from pymongo import ASCENDING, DESCENDING, IndexModel

from bot.grammar.cadence import Cadence, ScheduleWhen
from optimizer.domain.space import Value
from optimizer.domain.study_request import StudySpec
from optimizer.domain.study_results import Verdict
from optimizer.market.raw_bars import SeriesKey
from optimizer.storage.documents import WORKSPACE
from optimizer.storage.driver import DEFERRED
from optimizer.validation.champions.challenge import Challenge, Decision
from reports.languages import Language

#: Dates travel as ISO text: BSON knows only moments.
_ENCODERS: dict[Any, Any] = {date: lambda day: day.isoformat(), datetime: lambda moment: moment}


class Schedule(Document):
    """Study that is searched repeatedly. A removed one stays, for the runs that name it."""

    model_config = DEFERRED

    schedule_name: str
    spec: StudySpec
    when: dict[str, Any]  # the fields of a ScheduleWhen
    time_zone: str  # an IANA name
    next_due: datetime
    created_by: str
    channel_id: str
    team_id: str = ""
    team: str = ""  # workspace that it is of; empty: the bot's own
    language: Language
    audience: str = WORKSPACE  # of it and of its studies; see audiences.py
    created_at: datetime
    removed_by: str = ""
    removed_at: datetime | None = None

    class Settings:
        """Collection and indexes."""

        name = "schedules"
        bson_encoders = _ENCODERS
        indexes: ClassVar = [IndexModel([("schedule_name", ASCENDING)], unique=True)]

    @property
    def phrase(self) -> ScheduleWhen:
        """Times of its runs."""
        fields = {"cadence": Cadence(self.when["cadence"]), "days": tuple(self.when["days"])}
        return ScheduleWhen(**self.when | fields)


class RunState(StrEnum):
    """Stage of a scheduled run."""

    DUE = auto()  # claimed; the data are being refreshed and the study prepared
    SEARCHING = auto()  # the study runs
    TOLD = auto()  # its post is in the outbox


class ScheduleRun(Document):
    """One run of a schedule, or of one member of its watch list; a time is claimed only once."""

    model_config = DEFERRED

    schedule_name: str
    due_at: datetime  # when it should have begun
    team: str = ""  # of its schedule
    symbol: str = ""  # the member of a watch list that this run is for; empty: the schedule's own symbol
    n_together: int = 1  # members that have a run of this time: the best of them is one of so many
    started_at: datetime
    n_missed: int = 0  # earlier times that were missed and are covered by this run
    asked_by: str = ""  # who ran it out of turn
    state: RunState = RunState.DUE
    study_name: str = ""
    stale: dict[str, Any] | None = None  # why the data could not be refreshed
    failure: dict[str, Any] | None = None  # why there is no result
    champion: str = ""  # the study whose winner was champion at the time; empty: compared with the default parameters
    params: dict[str, Value] = Field(default_factory=dict)  # of the challenger
    verdict: Verdict | None = None
    challenge: Challenge | None = None
    told_at: datetime | None = None  # None: not yet, or by a version that did not say

    class Settings:
        """Collection and indexes."""

        name = "schedule_runs"
        bson_encoders = _ENCODERS
        indexes: ClassVar = [
            IndexModel([("schedule_name", ASCENDING), ("due_at", DESCENDING), ("symbol", ASCENDING)], unique=True),
            IndexModel([("state", ASCENDING)]),
            IndexModel([("champion", ASCENDING)]),
        ]

    @property
    def key(self) -> str:
        """Name of the run in the outbox and as a request."""
        member = f":{self.symbol}" if self.symbol else ""
        return f"{self.schedule_name}:{int(self.due_at.timestamp())}{member}"

    @property
    def decision(self) -> Decision | None:
        """Outcome of the run."""
        return self.challenge.decision if self.challenge else None


class Champion(Document):
    """Parameters in use, with who adopted them and why.

    The newest of a symbol, strategy and timeframe counts; entries are only added, so the rest is the history.
    """

    model_config = DEFERRED

    symbol: str
    strategy_name: str
    timeframe: str
    params: dict[str, Value]
    study_name: str
    spec: StudySpec
    unseen_from: date  # the first day that its search did not see
    verdict: Verdict
    out_of_sample: float | None  # its Sharpe ratio there
    adopted_by: str
    adopted_at: datetime
    why: str = ""
    channel_id: str = ""
    team: str = ""  # workspace that uses them; empty: the bot's own
    replaced: str = ""  # the study of the champion before

    class Settings:
        """Collection and indexes."""

        name = "champions"
        bson_encoders = _ENCODERS
        indexes: ClassVar = [
            IndexModel(
                [
                    ("symbol", ASCENDING),
                    ("strategy_name", ASCENDING),
                    ("timeframe", ASCENDING),
                    ("adopted_at", DESCENDING),
                ]
            )
        ]


class Refresh(Document):
    """One daily refresh of the bars in use."""

    model_config = DEFERRED

    started_at: datetime
    ended_at: datetime | None = None  # None: under way, or cut off by a stop
    n_series: int = 0
    n_failed: int = 0

    class Settings:
        """Collection and indexes."""

        name = "refreshes"
        indexes: ClassVar = [IndexModel([("started_at", DESCENDING)], unique=True)]

    @property
    def key(self) -> str:
        """Name of the refresh in the outbox."""
        return str(int(self.started_at.timestamp()))


class FailingSeries(Document):
    """Series that the last refresh could not update; deleted as soon as a refresh succeeds."""

    model_config = DEFERRED

    symbol: str
    timeframe: str
    source: str
    failure: dict[str, Any]  # errors.error_of reads it
    since: datetime
    told: list[str] = Field(default_factory=list)  # the channels that know of it

    class Settings:
        """Collection and indexes."""

        name = "failing_series"
        indexes: ClassVar = [
            IndexModel([("symbol", ASCENDING), ("timeframe", ASCENDING), ("source", ASCENDING)], unique=True)
        ]

    @property
    def key(self) -> SeriesKey:
        """Key of the series."""
        return SeriesKey(self.symbol, self.timeframe, self.source)
