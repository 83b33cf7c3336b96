"""What the next bars may bring of a result, a champion or all champions together, and how earlier forecasts did."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.commands.common import find_result, is_open_here
from bot.context import Answer, Audience, BotContext, Listeners
from bot.documents.audiences import Viewer, may_see, readers_of
from bot.documents.recurring import Champion
from bot.grammar.commands import ForecastChampions, ListForecasts, ShowForecast
from bot.origin import Origin
from bot.schedules.forecast_making import forecast_now
from optimizer.domain.kept_forecasts import ScoredForecast
from optimizer.domain.results.forecast_results import Forecast, ForecastMeasure, ForecastOf
from optimizer.errors import UserError, WrongChoice
from optimizer.lazy import LazyModule
from optimizer.market.warehouse.forecast_history import overdue_forecasts, told_forecasts
from optimizer.storage.documents import OptimizationStudy
from reports.forecast_facts import ForecastFacts, default_bars, hold_forecast, main_forecast

if TYPE_CHECKING:
    from optimizer.outlook import scoreboard
else:
    # It needs arrays and statistics, which a bot that starts does not wait for.
    scoreboard = LazyModule("optimizer.outlook.scoreboard")

#: Earlier forecasts of a study that are shown.
_EARLIER = 5


class NoChampions(UserError):
    """Raised where nothing was adopted that could be forecast."""


async def show_forecast(command: ShowForecast, origin: Origin, context: BotContext) -> Answer:
    """Show the forecast of a result: as it was made, or of a champion now, with the bars since.

    Raises UnknownStudy, NotFinished, TooFewUnseen, NeverHeld, WrongChoice, or what the bars of a champion do.
    """
    study = await find_result(command.study, origin, context)
    facts = await forecast_facts(study, context, n_bars=command.n_bars)
    return Answer(origin.renderer.render("forecast", forecast=facts), Audience.THREAD)


async def forecast_facts(study: OptimizationStudy, context: BotContext, *, n_bars: int | None = None) -> ForecastFacts:
    """Return the facts of a finished study's forecast over so many bars."""
    assert study.summary is not None, "only a finished study has a forecast"
    champion = await context.champions.find(study.spec)
    is_used = champion is not None and champion.study_name == study.study_name
    stored = None if is_used else main_forecast(study.summary)
    of = ForecastOf.CHAMPION if is_used else ForecastOf.WINNER
    forecast = stored or await forecast_now([study], of, context.services)
    told = await asyncio.to_thread(told_forecasts, context.services.market.warehouse, study=study.study_name)
    return ForecastFacts(
        names=(study.study_name,),
        specs=(study.spec,),
        forecast=forecast,
        hold=hold_forecast(study.summary) if stored else None,
        n_bars=_horizon(forecast, n_bars),
        earlier=_known(told)[:_EARLIER],
    )


async def forecast_champions(command: ForecastChampions, origin: Origin, context: BotContext) -> Answer:
    """Show the forecast of the current champions together. Raises NoChampions and as `show_forecast` does."""
    studies = await _studies_of(await context.champions.current(), origin, context)
    if not studies:
        raise NoChampions
    of = ForecastOf.PORTFOLIO if len(studies) > 1 else ForecastOf.CHAMPION
    forecast = await forecast_now(studies, of, context.services)
    facts = ForecastFacts(
        names=tuple(study.study_name for study in studies),
        specs=tuple(study.spec for study in studies),
        forecast=forecast,
        hold=None,
        n_bars=_horizon(forecast, command.n_bars),
    )
    return Answer(origin.renderer.render("forecast", forecast=facts), Audience.THREAD)


async def _studies_of(champions: Sequence[Champion], origin: Origin, context: BotContext) -> list[OptimizationStudy]:
    """Return the studies of champions that the user, and all who read the answer, may see."""
    viewer = await context.viewers.viewer(origin.user_id, origin.role)
    found = [await OptimizationStudy.find_one({"study_name": each.study_name}) for each in champions]
    seen = [study for study in found if study is not None and study.summary is not None and may_see(viewer, study)]
    return [study for study in seen if not origin.is_overheard or is_open_here(study, origin)]


def _horizon(forecast: Forecast, n_bars: int | None) -> int:
    """Return the horizon to show. Raises WrongChoice for one that the forecast lacks."""
    known = [horizon.n_bars for horizon in forecast.horizons]
    if n_bars is not None and n_bars not in known:
        raise WrongChoice(name="bars", choices=", ".join(map(str, known)), value=str(n_bars))
    return n_bars or default_bars(forecast)


def _known(rows: Sequence[ScoredForecast]) -> list[ScoredForecast]:
    """Return the total returns of own forecasts that became known, the newest first."""
    wanted = (row for row in rows if row.measure is ForecastMeasure.TOTAL_RETURN and row.kind is not ForecastOf.HOLD)
    return [row for row in wanted if row.realised is not None]


async def list_forecasts(command: ListForecasts, origin: Origin, context: BotContext) -> Answer:
    """Show how forecasts did, of those that the user and all who read the answer may see."""
    board = await board_of(context, await _viewers(origin, context), symbol=command.symbol)
    return Answer(
        origin.renderer.render("forecasts_board", forecasts=board, symbol=command.symbol or ""), Audience.THREAD
    )


async def _viewers(origin: Origin, context: BotContext) -> list[Viewer]:
    """Return the user, and where others read the answer all of them as one."""
    own = await context.viewers.viewer(origin.user_id, origin.role)
    return [own, readers_of(origin.channel_id)] if origin.is_overheard else [own]


async def waiting_symbols(origin: Origin, context: BotContext) -> list[tuple[str, ScoredForecast]]:
    """Return the symbols whose bars are overdue, each with the forecast that has waited longest."""
    viewers = await _viewers(origin, context)
    warehouse, today = context.services.market.warehouse, context.clock().date()
    rows = await asyncio.to_thread(overdue_forecasts, warehouse, today)
    first: dict[str, ScoredForecast] = {}
    for row in rows:
        if all(may_see(viewer, row) for viewer in viewers):
            first.setdefault(", ".join(row.symbols), row)
    return list(first.items())


async def board_of(
    context: BotContext, viewers: Sequence[Viewer], *, symbol: str | None = None
) -> "scoreboard.Scoreboard":
    """Return the scores of the forecasts that all of these viewers may see."""

    def read() -> "scoreboard.Scoreboard":
        rows = told_forecasts(context.services.market.warehouse, symbol=symbol)
        return scoreboard.scoreboard(row for row in rows if all(may_see(viewer, row) for viewer in viewers))

    return await asyncio.to_thread(read)


LISTENERS: Listeners = {
    ShowForecast: show_forecast,
    ForecastChampions: forecast_champions,
    ListForecasts: list_forecasts,
}
