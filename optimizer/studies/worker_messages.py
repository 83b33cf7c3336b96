"""Messages between the pool and its workers: a line of JSON each, one answer for each request."""

import secrets
from enum import StrEnum, auto
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from optimizer.domain.kept_forecasts import Play, Realised, UnseenPart
from optimizer.domain.results.forecast_results import Forecast, ForecastOf
from optimizer.domain.study_request import Frozen, Reentry, StudyRule
from optimizer.domain.study_results import StudyState
from optimizer.strategies.plugins.plugin_files import PluginSource
from optimizer.studies.replay import Difference
from optimizer.validation.champions.challenge import Challenge, Rival


class Configure(Frozen):
    """Configuration of a worker: the first request, so that no password is among a process's arguments."""

    kind: Literal["configure"] = "configure"
    mongodb_uri: str = Field(repr=False)  # it holds the password
    snapshots: Path
    pool: str = Field(default_factory=lambda: secrets.token_hex(8))  # identity of the program that starts the workers
    code_version: str = ""  # the only one whose studies are taken; empty: any
    own: tuple[PluginSource, ...] = ()  # strategies of the operator, as the bot read and tried them


class RunStudy(Frozen):
    """Run a queued or interrupted study."""

    kind: Literal["run"] = "run"
    study_name: str


class ReplayStudy(Frozen):
    """Compute a finished study again."""

    kind: Literal["replay"] = "replay"
    study_name: str


class RivalRun(Rival):
    """Champion as sent to the worker, with what opens a side again after its overlays closed it."""

    reenter: Reentry = Reentry.FRESH
    rule: StudyRule | None = None  # that its parameters are of; a saved rule may have another version by now
    by_regime: tuple[str, ...] = ()  # parameters of which it has a second value for stress


class ChallengeStudy(Frozen):
    """Compare a finished study's winner with a champion."""

    kind: Literal["challenge"] = "challenge"
    study_name: str
    rival: RivalRun


class ResultTable(StrEnum):
    """Table of what a study's winner did."""

    TRADES = auto()
    POSITIONS = auto()


class TabulateStudy(Frozen):
    """Write a table of a finished study's winner into a file, as CSV or Parquet by its ending."""

    kind: Literal["tabulate"] = "tabulate"
    study_name: str
    table: ResultTable
    file: Path


class PlayForecasts(Frozen):
    """Play what was forecast over the bars that came since."""

    kind: Literal["play_forecasts"] = "play_forecasts"
    study_name: str  # of the first
    plays: tuple[Play, ...]


class ForecastParts(Frozen):
    """Forecast adopted sets, or one study's, from their unseen days and the bars since; several in equal parts."""

    kind: Literal["forecast_parts"] = "forecast_parts"
    study_name: str  # of the first
    of: ForecastOf
    parts: tuple[UnseenPart, ...]


class Loading(Frozen):
    """Sent before the answer to the configuration: parts of the engine that are loaded, and all that there are."""

    kind: Literal["loading"] = "loading"
    n: int
    total: int


class Ready(Frozen):
    """Answer that the worker is configured."""

    kind: Literal["ready"] = "ready"


class Finished(Frozen):
    """Answer to a run that ended without an error."""

    kind: Literal["finished"] = "finished"
    state: StudyState


class Held(Frozen):
    """Answer to a run of a study that a worker of another program runs."""

    kind: Literal["held"] = "held"


class Replayed(Frozen):
    """Answer to a replay."""

    kind: Literal["replayed"] = "replayed"
    n_trials: int
    difference: Difference | None  # None: equal, summaries up to rounding


class Challenged(Frozen):
    """Answer to a comparison of a winner with a champion."""

    kind: Literal["challenged"] = "challenged"
    challenge: Challenge


class Tabulated(Frozen):
    """Answer to a table that was written."""

    kind: Literal["tabulated"] = "tabulated"
    n_rows: int


class Played(Frozen):
    """Answer to plays, in their order; None for one that could not be played."""

    kind: Literal["played"] = "played"
    realised: tuple[Realised | None, ...]


class Forecasted(Frozen):
    """Answer to a request for a forecast."""

    kind: Literal["forecasted"] = "forecasted"
    forecast: Forecast


class Failed(Frozen):
    """Answer to a request that ended with an error."""

    kind: Literal["failed"] = "failed"
    error: dict[str, Any]  # errors.error_of reads it


StudyRequest = RunStudy | ReplayStudy | ChallengeStudy | TabulateStudy | PlayForecasts | ForecastParts
Request = Configure | StudyRequest
Answer = Loading | Ready | Finished | Held | Replayed | Challenged | Tabulated | Played | Forecasted | Failed

_REQUEST: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="kind")])
_ANSWER: TypeAdapter[Answer] = TypeAdapter(Annotated[Answer, Field(discriminator="kind")])


def encode(message: Request | Answer) -> str:
    """One line, without its end."""
    return message.model_dump_json()


def decode_request(line: str | bytes) -> Request:
    """Parse the request of a line. Raises pydantic's ValidationError for anything else."""
    return _REQUEST.validate_json(line)


def decode_answer(line: str | bytes) -> Answer:
    """Parse the answer of a line. Raises pydantic's ValidationError for anything else."""
    return _ANSWER.validate_json(line)
