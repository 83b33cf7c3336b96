"""What kind of market a symbol is in, and all symbols in use."""

import asyncio
from urllib.parse import urlencode

from bot.commands.common import visible
from bot.context import Answer, Audience, BotContext, Listeners
from bot.grammar.commands import ListRegimes, ShowRegime
from bot.origin import Origin
from bot.schedules.day_labels import RegimeQuery, label_now, newest, watched

#: Most series of the table.
SERIES = 40


async def show_regime(command: ShowRegime, origin: Origin, context: BotContext) -> Answer:
    """Show what kind of market a symbol is in; raises as `label_now`."""
    query = RegimeQuery(symbol=command.symbol, timeframe=command.timeframe, source=command.source, as_of=command.as_of)
    facts = await asyncio.to_thread(label_now, context.services.market, query, context.clock())
    address = context.services.settings.public_url
    series = urlencode({"symbol": facts.symbol, "timeframe": facts.timeframe, "source": facts.source})
    url = f"{address}/regimes?{series}" if address else ""
    return Answer(origin.renderer.render("regime", r=facts, url=url), Audience.THREAD)


async def list_regimes(command: ListRegimes, origin: Origin, context: BotContext) -> Answer:
    """Show the kind of market of each symbol that schedules, champions and watch lists name, from stored bars."""
    schedules = await context.schedules.all(await visible(origin, context))
    queries = await watched(schedules, await context.champions.current(), context.clock().date())
    rows = [await newest(context.services.market, query, context.clock) for query in queries[:SERIES]]
    message = origin.renderer.render(
        "regime_list",
        rows=[row.said for row in rows if row.said is not None],
        without=[row.error for row in rows if row.error is not None],
        n_others=max(len(queries) - SERIES, 0),
    )
    return Answer(message)


LISTENERS: Listeners = {ShowRegime: show_regime, ListRegimes: list_regimes}
