"""Catalogue: strategies with their spaces, overlays, goals; and the data quality of a symbol."""

import asyncio
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, Field

from bot.api import responses
from bot.api.auth import Caller, ContextDep, RequireRole
from bot.api.problem_details import error_responses
from bot.api.request_body import StrictRoute
from bot.api.requests import SYMBOL_SHAPE
from bot.grammar.values import read_symbol
from optimizer.domain.metrics import GOALS
from optimizer.domain.space import Choice, Parameter
from optimizer.domain.study_request import SamplerKind
from optimizer.domain.timeframes import EXAMPLES
from optimizer.strategies.registry import OVERLAYS, STRATEGIES, Strategy
from reports.render import Renderer

router = APIRouter(route_class=StrictRoute)


class RangeCard(BaseModel):
    """Number from `low` to `high`, both inclusive."""

    kind: Literal["range"] = "range"
    name: str
    low: float
    high: float
    step: float
    default: float = Field(description="The default value.")
    integer: bool
    unit: str
    meaning: str


class ChoiceCard(BaseModel):
    """One word of a few."""

    kind: Literal["choice"] = "choice"
    name: str
    choices: list[str]
    default: str = Field(description="The default value.")
    meaning: str


Card = Annotated[RangeCard | ChoiceCard, Field(discriminator="kind")]


class OrderCard(BaseModel):
    """Constraint that `lesser` is below `greater`, or with `strict` false not above it."""

    lesser: str
    greater: str
    strict: bool


class StrategyCard(BaseModel):
    """Strategy with its search space."""

    key: str
    aliases: list[str]
    title: str = Field(description="In the requested language, as the rule is.")
    rule: str
    parameters: list[Card]
    order: OrderCard | None
    space_size: int = Field(description="How many parameter sets there are.")


class GoalCard(BaseModel):
    """Measure that can be maximized."""

    key: str
    title: str
    direction: str


class Catalogue(BaseModel):
    """Everything a request may name."""

    strategies: list[StrategyCard]
    overlays: list[Card] = Field(description="Further dimensions for any strategy.")
    goals: list[GoalCard]
    samplers: list[str]


@router.get("/strategies", tags=["catalogue"], summary="Strategies and their spaces", responses=error_responses())
async def strategies(caller: Annotated[Caller, Depends(RequireRole("strategies"))]) -> Catalogue:
    """List each strategy with its parameters, and what can be combined with it."""
    return catalogue_of(caller.renderer)


def catalogue_of(renderer: Renderer) -> Catalogue:
    """Return everything a request may name, in the reader's language."""
    meanings, titles = renderer.labels("strategy_words", "overlays"), renderer.labels("grammar", "goals")
    return Catalogue(
        strategies=[_strategy(strategy, renderer) for strategy in STRATEGIES.values()],
        overlays=[_card(overlay, meanings[name]) for name, overlay in OVERLAYS.items()],
        goals=[GoalCard(key=goal.key, title=titles[goal.key], direction=goal.direction) for goal in GOALS.values()],
        samplers=[*SamplerKind],
    )


@router.get(
    "/market-data/{symbol}/quality",
    tags=["market data"],
    summary="How good the bars of a symbol are",
    responses=error_responses(HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY),
)
async def quality(
    symbol: Annotated[str, Path(description="As in a request.", examples=["AAPL"], json_schema_extra=SYMBOL_SHAPE)],
    caller: Annotated[Caller, Depends(RequireRole("data"))],
    context: ContextDep,
    *,
    timeframe: Annotated[
        str,
        Query(
            description="Length of a bar: a number with `m` or `h`, or `1d`, `1w`, `1mo`.",
            json_schema_extra={"examples": [*EXAMPLES]},
        ),
    ] = "1d",
) -> responses.MarketDataQuality:
    """Return coverage and data problems, checked now. Missing bars are fetched from the configured sources."""
    wanted, market, now = read_symbol(symbol), context.services.market, context.clock()
    _, report = await asyncio.to_thread(market.checked_bars, wanted, timeframe=timeframe, now=now)
    return responses.quality_of(report, caller.renderer)


def _strategy(strategy: Strategy, renderer: Renderer) -> StrategyCard:
    order, meanings = strategy.space.order, renderer.labels("strategy_words", "parameters")[strategy.key]
    return StrategyCard(
        key=strategy.key,
        aliases=list(strategy.aliases),
        title=renderer.labels("strategy_words", "titles")[strategy.key],
        rule=renderer.labels("strategy_words", "rules")[strategy.key],
        parameters=[_card(parameter, meanings[parameter.name]) for parameter in strategy.parameters],
        order=OrderCard(lesser=order.lesser, greater=order.greater, strict=order.strict) if order else None,
        space_size=strategy.space.size,
    )


def _card(parameter: Parameter, meaning: str) -> RangeCard | ChoiceCard:
    if isinstance(parameter, Choice):
        return ChoiceCard(
            name=parameter.name,
            choices=list(parameter.choices),
            default=parameter.default,
            meaning=meaning,
        )
    return RangeCard(
        name=parameter.name,
        low=parameter.low,
        high=parameter.high,
        step=parameter.step,
        default=parameter.default,
        integer=parameter.integer,
        unit=parameter.unit,
        meaning=meaning,
    )
