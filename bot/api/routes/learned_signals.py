"""Learned signals of a symbol."""

from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from bot.api.auth import Caller, ContextDep, RequireRole
from bot.api.problem_details import error_responses
from bot.api.request_body import StrictRoute
from bot.api.requests import SYMBOL_SHAPE
from bot.grammar.values import read_symbol
from optimizer.domain.results.learned_results import Label, SignalQuality, Weight
from optimizer.domain.timeframes import EXAMPLES
from optimizer.outlook.signal_facts import Bucket

#: Days between which there may be bars: an earlier or later `as_of` knows what the nearer of them does.
_FIRST, _LAST = date(1900, 1, 1), date(2200, 1, 1)
_ASKED = (
    "`gain`: whether the price gains more than the usual costs of a round trip. `barrier`: whether it rises 1.5 "
    "deviations of its last 20 bars, scaled to the horizon, before it falls as far."
)

router = APIRouter(route_class=StrictRoute)


class Signal(BaseModel):
    """Signal of a symbol at its last bar, as known at its close."""

    model_config = ConfigDict(from_attributes=True)

    symbol: str
    timeframe: str
    source: str
    as_of: datetime = Field(description="Opening of the bar at whose close it was known.")
    horizon: int = Field(description="Bars that it looks ahead, from the next open on.")
    label: Label = Field(description=_ASKED)
    probability: float = Field(description="Chance of what the label asks.")
    base_rate: float = Field(description="Its share in the training rows: what is told when the model knows nothing.")
    edge: float = Field(description="Probability less the base rate.")
    bucket: Bucket | None = Field(description="Side; null unless earlier signals were informative.")
    quality: SignalQuality | None = Field(
        description="How good earlier calls were; null where too few have an outcome."
    )
    slope: float = Field(description="How far the model is trusted; 0 tells the base rate.")
    parts: tuple[Weight, ...] = Field(description="Signed parts of features in the model's log-odds, before shrinking.")
    n_train: int = Field(description="Rows of the last fit.")
    trained_until: date | None = Field(description="Day whose close the last fit knew.")
    model_hash: str = Field(description="SHA-256 of the model; empty where it told the base rate.")
    data_hash: str = Field(description="SHA-256 of the bars.")
    version: int = Field(description="Version of the method.")
    dropped: tuple[str, ...] = Field(description="Features that these bars do not have.")


@router.get(
    "/signals/{symbol}",
    tags=["market data"],
    summary="Learned signal of a symbol",
    responses=error_responses(
        HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE
    ),
)
async def signal(
    symbol: Annotated[str, Path(description="As in a request.", examples=["AAPL"], json_schema_extra=SYMBOL_SHAPE)],
    caller: Annotated[Caller, Depends(RequireRole("signal"))],
    context: ContextDep,
    *,
    horizon: Annotated[Literal["2", "5", "10"], Query(description="Bars that it looks ahead.")] = "5",
    label: Annotated[Label, Query(description=_ASKED)] = Label.GAIN,
    as_of: Annotated[
        date | None, Query(description="Day of the last bar that it may know; the newest one if left out.")
    ] = None,
    timeframe: Annotated[
        str,
        Query(
            description="Length of a bar: a number with `m` or `h`, or `1d`, `1w`, `1mo`.",
            json_schema_extra={"examples": [*EXAMPLES]},
        ),
    ] = "1d",
) -> Signal:
    """Compute the signal, and store it to be scored when its outcome is known."""
    until = as_of and min(max(as_of, _FIRST), _LAST)
    facts = await context.services.signals.signal(
        read_symbol(symbol), int(horizon), label=label, as_of=until, timeframe=timeframe
    )
    return Signal.model_validate(facts)
