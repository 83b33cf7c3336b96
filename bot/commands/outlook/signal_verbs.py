"""Learned signals of a symbol: the one of now or of a day, and those that were told before."""

from bot.context import Answer, Audience, BotContext, Listeners
from bot.grammar.commands import ShowSignal, ShowSignals
from bot.origin import Origin


async def show_signal(command: ShowSignal, origin: Origin, context: BotContext) -> Answer:
    """Show a signal; raises what reading its bars does, TooFewForSignals, or MissingLearner."""
    facts = await context.services.signals.signal(
        command.symbol,
        command.horizon,
        label=command.label,
        as_of=command.as_of,
        timeframe=command.timeframe,
        source=command.source,
    )
    return Answer(origin.renderer.render("signal", signal=facts), Audience.THREAD)


async def show_signals(command: ShowSignals, origin: Origin, context: BotContext) -> Answer:
    """Show the signals of a symbol that were told before, with their scores."""
    record = await context.services.signals.record(command.symbol, command.horizon)
    return Answer(origin.renderer.render("signals", signals=record), Audience.THREAD)


LISTENERS: Listeners = {ShowSignal: show_signal, ShowSignals: show_signals}
