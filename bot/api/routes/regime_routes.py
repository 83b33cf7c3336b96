"""Kinds of markets: of one symbol, named in the path or as a parameter."""

import asyncio
from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, Field

from bot.api.auth import Caller, ContextDep, RequireRole
from bot.api.problem_details import error_responses
from bot.api.request_body import StrictRoute
from bot.api.requests import SYMBOL_SHAPE
from bot.context import BotContext
from bot.documents.market_regimes import MarketRegime
from bot.grammar.values import read_symbol
from bot.schedules.day_labels import NotStored, RegimeQuery, entry_of, label_now, newest, said, store
from optimizer.domain.measured import Measure
from optimizer.domain.results.regime_results import Regime
from optimizer.domain.timeframes import EXAMPLES

router = APIRouter(route_class=StrictRoute)


class RegimeAnswer(BaseModel):
    """Kind of market at one bar, as it could be known at its close. It describes; it is no forecast."""

    symbol: str
    timeframe: str
    source: str
    as_of: datetime = Field(description="Time of the bar.")
    regime: Regime
    confidence: float = Field(description="Probability of the label, 0 to 1.")
    probabilities: dict[Regime, float] = Field(description="Of all four kinds; they sum to 1.")
    since: date = Field(description="Day on which this label began.")
    n_bars_since: int = Field(description="Bars with this label, the last one included.")
    previous: Regime | None = Field(description="The label before; null where this is the first.")
    foretells: bool = Field(
        description="`true` if such labels said more of the next return than a moving volatility, beyond chance."
    )
    metrics: dict[str, Measure] = Field(
        description="Return and annual volatility of the last 21, 63 and 126 bars; of each state its Sharpe ratio, "
        "its volatility and the bars it is expected to last."
    )
    n_bars: int = Field(description="Bars that it rests on.")
    n_doubts: int = Field(
        description="Faults of the last year's bars that may falsify the figures, such as a split that is not "
        "adjusted; `/market-data/{symbol}/quality` names them."
    )
    version: int = Field(description="Of the model.")
    data_hash: str
    revised: bool = Field(description="`true` if bars up to `as_of` were changed after it was first said.")
    created_at: datetime = Field(description="When it was said.")


_SYMBOL = {"description": "As in a request.", "examples": ["AAPL"], "json_schema_extra": SYMBOL_SHAPE}
_TIMEFRAME = Query(
    description="Length of a bar: a number with `m` or `h`, or `1d`, `1w`, `1mo`.",
    json_schema_extra={"examples": [*EXAMPLES]},
)
_AS_OF = Query(description="Day whose label is asked for; that of the last closed bar by default.")
_REFRESH = Query(
    description="`true`: new bars are fetched first, and the label is computed anew; else that of the stored bars."
)
_ERRORS = error_responses(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)
CallerDep = Annotated[Caller, Depends(RequireRole("regime"))]


@router.get("/market-data/regime", tags=["market data"], summary="Kind of market of a symbol", responses=_ERRORS)
async def regime(
    symbol: Annotated[str, Query(**_SYMBOL)],
    caller: CallerDep,
    context: ContextDep,
    *,
    refresh: Annotated[bool, _REFRESH] = False,
    as_of: Annotated[date | None, _AS_OF] = None,
    timeframe: Annotated[str, _TIMEFRAME] = "1d",
) -> RegimeAnswer:
    """Return bullish, bearish, volatile or sideways with the probabilities, from bars up to the asked one alone."""
    query = RegimeQuery(symbol=read_symbol(symbol), timeframe=timeframe, as_of=as_of)
    return await _answer(query, context, refresh=refresh)


@router.get(
    "/market-data/{symbol}/regime", tags=["market data"], summary="Kind of market of a symbol", responses=_ERRORS
)
async def regime_of_symbol(
    symbol: Annotated[str, Path(**_SYMBOL)],
    caller: CallerDep,
    context: ContextDep,
    *,
    refresh: Annotated[bool, _REFRESH] = False,
    as_of: Annotated[date | None, _AS_OF] = None,
    timeframe: Annotated[str, _TIMEFRAME] = "1d",
) -> RegimeAnswer:
    """Return the same as `/market-data/regime?symbol=`."""
    query = RegimeQuery(symbol=read_symbol(symbol), timeframe=timeframe, as_of=as_of)
    return await _answer(query, context, refresh=refresh)


async def _answer(query: RegimeQuery, context: BotContext, *, refresh: bool) -> RegimeAnswer:
    """Return what was said of the day, or of the last stored bar; else what is computed now. Raises as `label_now`."""
    market, clock = context.services.market, context.clock
    if query.as_of is not None:
        found = None if refresh else await said(query)
        if found is None:
            found = entry_of(await asyncio.to_thread(label_now, market, query, clock()), clock())
        return answer_of(found)
    if not refresh:
        row = await newest(market, query, clock)
        if row.said is not None:
            return answer_of(row.said)
        if row.error is not None and not isinstance(row.error, NotStored):
            raise row.error
    return answer_of(await store(await asyncio.to_thread(label_now, market, query, clock()), clock()))


def answer_of(found: MarketRegime) -> RegimeAnswer:
    """Build the response for a label as it was said."""
    return RegimeAnswer.model_validate(found.model_dump(include=set(RegimeAnswer.model_fields)))
