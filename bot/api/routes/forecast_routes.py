"""Forecasts over HTTP: what the next bars may bring of a study, and how earlier forecasts did."""

from datetime import date
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from bot.api.auth import Caller, ContextDep, RequireRole
from bot.api.problem_details import error_responses
from bot.api.request_body import StrictRoute
from bot.api.requests import SYMBOL_SHAPE
from bot.api.routes.studies import StudyName
from bot.commands.outlook.forecast import board_of, forecast_facts
from bot.grammar.fields import BadFields
from bot.grammar.values import read_symbol
from optimizer.domain.kept_forecasts import ScoredForecast
from optimizer.domain.measured import Measure
from optimizer.domain.results.forecast_results import LEVELS, ForecastMeasure, ForecastOf, HorizonForecast
from optimizer.errors import UserError
from reports.forecast_facts import ForecastFacts

router = APIRouter(route_class=StrictRoute, tags=["forecasts"])


class MeasureQuantiles(BaseModel):
    """Quantiles of one measure, at the levels of the forecast."""

    measure: ForecastMeasure
    quantiles: list[Measure]
    naive: list[Measure] = Field(description="Of the naive forecast that it is scored against.")
    mean: Measure


class ForecastHorizon(BaseModel):
    """Forecast over the next bars."""

    n_bars: int
    target_date: date = Field(description="Expected day of the last of these bars; a score counts bars.")
    p_loss: float = Field(description="Share of paths that lose.")
    measures: list[MeasureQuantiles]


class KnownForecast(BaseModel):
    """Earlier forecast of a total return, and what became of it."""

    study_name: str
    symbols: list[str]
    kind: ForecastOf
    horizon_bars: int
    as_of: date
    target_date: date
    low: float = Field(description="5 % quantile.")
    median: float
    high: float = Field(description="95 % quantile.")
    realised: float | None = Field(description="Total return that came.")
    inside_90: bool | None


class StudyForecast(BaseModel):
    """What the next bars may bring of a study's winner: a range if they are like the unseen ones, no promise."""

    study_name: str
    of: ForecastOf
    as_of: date
    n_days: int = Field(description="Unseen bars that it rests on.")
    levels: list[float] = Field(description="Levels of the quantiles.")
    horizons: list[ForecastHorizon]
    earlier: list[KnownForecast] = Field(description="Of this study, known by now, the newest first.")


class MeasureScore(BaseModel):
    """Scores of one measure. Counts are of forecasts whose horizons do not overlap."""

    measure: ForecastMeasure
    is_hold: bool = Field(description="Of buy and hold, else of strategies.")
    n_scored: int = Field(description="All of them.")
    n: int
    inside_50: int
    inside_90: int
    luck_50: tuple[int, int] = Field(description="Least and most inside that a true band has in 95 of 100 cases.")
    luck_90: tuple[int, int]
    skill: float | None = Field(description="1 less the CRPS over that of the naive forecasts.")
    is_judged: bool = Field(description="There are enough to judge.")


class SetSinceFirst(BaseModel):
    """What a set made since its first forecast, on horizons that do not overlap, and what that forecast said."""

    study_name: str
    symbols: list[str]
    since: date
    until: date
    n_forecasts: int
    n_bars: int
    low: float = Field(description="5 % quantile of the total return over so many bars.")
    median: float
    high: float = Field(description="95 % quantile.")
    realised: float = Field(description="Total return that came.")
    is_below: bool = Field(description="Less came than was said; of sets whose edge is there 5 in 100 are.")


class ForecastScores(BaseModel):
    """How forecasts did so far."""

    scores: list[MeasureScore]
    last: list[KnownForecast]
    followed: list[SetSinceFirst] = Field(description="One set of each symbol, the least beside what was said first.")
    n_open: int = Field(description="That wait for their bars.")
    n_unknowable: int = Field(description="Closed, since their bars never came.")
    n_hindsight: int = Field(description="Made when their bars were known; they are not counted.")


@router.get(
    "/backtests/optimize/{study_name}/forecast",
    summary="What the next bars may bring of a study",
    responses=error_responses(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY),
)
async def forecast(
    study_name: StudyName, caller: Annotated[Caller, Depends(RequireRole("forecast"))], context: ContextDep
) -> StudyForecast:
    """Return the forecast of a result as it was made; of an adopted one now, with the bars since."""
    study = await context.services.studies.get_study_results(study_name, among=await caller.visible(context))
    return forecast_document(await forecast_facts(study, context))


@router.get(
    "/forecasts",
    summary="How earlier forecasts did",
    responses=error_responses(HTTPStatus.UNPROCESSABLE_ENTITY),
)
async def forecasts(
    caller: Annotated[Caller, Depends(RequireRole("forecasts"))],
    context: ContextDep,
    *,
    symbol: Annotated[
        str | None, Query(description="Only of this symbol.", examples=["AAPL"], json_schema_extra=SYMBOL_SHAPE)
    ] = None,
) -> ForecastScores:
    """Return the scores of the forecasts that the key may see."""
    try:
        wanted = None if symbol is None else read_symbol(symbol)
    except UserError as error:
        raise BadFields({"?symbol": error}) from error
    board = await board_of(context, [await context.viewers.viewer(caller.user_id, caller.role)], symbol=wanted)
    return ForecastScores(
        scores=[MeasureScore.model_validate(line, from_attributes=True) for line in board.lines],
        last=[known(row) for row in board.last],
        followed=[SetSinceFirst.model_validate(each, from_attributes=True) for each in board.followed],
        n_open=board.n_open,
        n_unknowable=board.n_unknowable,
        n_hindsight=board.n_hindsight,
    )


def forecast_document(facts: ForecastFacts) -> StudyForecast:
    """Return the forecast of a study with every horizon."""
    whole = facts.forecast
    return StudyForecast(
        study_name="+".join(facts.names),
        of=whole.of,
        as_of=whole.as_of,
        n_days=whole.n_days,
        levels=list(LEVELS),
        horizons=[_horizon(each) for each in whole.horizons],
        earlier=[known(row) for row in facts.earlier],
    )


def _horizon(horizon: HorizonForecast) -> ForecastHorizon:
    return ForecastHorizon.model_validate(horizon.model_dump())


def known(row: ScoredForecast) -> KnownForecast:
    """Return a forecast with what became of it."""
    return KnownForecast.model_validate(row, from_attributes=True)
