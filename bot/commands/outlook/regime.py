"""What kind of market a symbol is in."""

import asyncio
from typing import TYPE_CHECKING

from bot.context import Answer, Audience, BotContext, Listeners
from bot.grammar.commands import ShowRegime
from bot.origin import Origin
from optimizer.lazy import LazyModule

if TYPE_CHECKING:
    from optimizer.outlook import regime_facts
else:
    # It needs the compiler, which a bot that starts does not wait for.
    regime_facts = LazyModule("optimizer.outlook.regime_facts")


async def show_regime(command: ShowRegime, origin: Origin, context: BotContext) -> Answer:
    """Show what kind of market a symbol is in; raises what reading its bars does, TooFewForRegimes or DidNotTrade."""
    facts = await asyncio.to_thread(_regime, command, context)
    return Answer(origin.renderer.render("regime", r=facts), Audience.THREAD)


def _regime(wanted: ShowRegime, context: BotContext) -> "regime_facts.RegimeFacts":
    bars = context.services.market.get_bars(
        wanted.symbol, timeframe=wanted.timeframe, source=wanted.source, end=wanted.as_of, now=context.clock()
    )
    return regime_facts.regime_facts(bars)


LISTENERS: Listeners = {ShowRegime: show_regime}
