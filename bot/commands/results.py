"""Results: one, the best ones, two side by side."""

from collections.abc import Awaitable, Callable
from functools import partial

from bot.commands.button_commands import ShowDecision, ShowDetails
from bot.commands.common import find_result, find_visible, visible
from bot.context import NO_ANSWER, Answer, Audience, BotContext, Listeners
from bot.delivery.facts import study_facts
from bot.grammar.commands import Best, Compare, Show, Top, Why
from bot.origin import Origin
from optimizer.domain.study_results import Verdict
from optimizer.errors import UserError
from optimizer.storage.documents import OptimizationStudy
from reports.facts import StudyFacts
from reports.text.message import Message, fit

LISTED = 10

#: Returns the best studies, given verdicts and how many.
Ranking = Callable[..., Awaitable[list[OptimizationStudy]]]


class NothingKnown(UserError):
    """Raised when no finished study matches. Facts: symbol, strategy."""


async def show(command: Show, origin: Origin, context: BotContext) -> Answer:
    """Show a study's verdict and narrative, or its state while it has none."""
    study = await find_visible(command.study, origin, context)
    facts = await facts_of(study, context)
    if facts.summary is None:
        return Answer(origin.renderer.status(facts), Audience.THREAD)
    decision, *details = origin.renderer.result(facts)
    everything = [block for message in (decision, *details) for block in message.blocks]
    return Answer(fit(Message(decision.text, everything))[0], Audience.THREAD)


async def show_decision(command: ShowDecision, origin: Origin, context: BotContext) -> Answer:
    """Show what to do with a study's result, or its state while it has none."""
    facts = await facts_of(await find_visible(command.study, origin, context), context)
    return Answer(origin.renderer.status(facts) if facts.summary is None else origin.renderer.decision(facts))


async def show_details(command: ShowDetails, origin: Origin, context: BotContext) -> Answer:
    """Post everything about a result in its thread, once; to the user alone where the study has no thread."""
    study = await find_result(command.study, origin, context)
    conversation = await context.conversations.find(study.study_name)
    if conversation is None:
        return Answer(origin.renderer.details(await facts_of(study, context))[0])
    is_new = await context.conversations.post_details(study, conversation)
    if is_new and origin.thread_ts and origin.channel_id == conversation.channel_id:
        return NO_ANSWER  # it appears where the button is
    url = await context.conversations.link_to_details(study) or await context.conversations.link_to(study.study_name)
    return Answer(
        origin.renderer.notice("details_posted" if is_new else "details_there", study_name=study.study_name, url=url)
    )


async def why(command: Why, origin: Origin, context: BotContext) -> Answer:
    """Say in three sentences what a finished study's verdict rests on, or show its state while it has none."""
    study = await find_visible(command.study, origin, context)
    facts = await facts_of(study, context)
    if facts.summary is None:
        return Answer(origin.renderer.status(facts), Audience.THREAD)
    return Answer(origin.renderer.why(facts), Audience.THREAD)


async def top(command: Top, origin: Origin, context: BotContext) -> Answer:
    """Show finished studies by Sharpe ratio out of sample."""
    ranked = await _ranking(command, origin, context)
    best = await (ranked(verdicts=tuple(Verdict), limit=LISTED) if command.include_unproven else ranked(limit=LISTED))
    has_others = not best and bool(await ranked(verdicts=tuple(Verdict), limit=1))
    facts = [study_facts(study, now=context.clock()) for study in best]
    words = " ".join(filter(None, (command.symbol, command.strategy, "all" if command.include_unproven else "")))
    message = origin.renderer.render(
        "top",
        studies=facts,
        symbol=command.symbol or "",
        strategy=command.strategy or "",
        is_all=command.include_unproven,
        has_unproven=has_others,
        command=f"top {words}",
        page_url=f"{context.services.settings.public_url}/board" if context.services.settings.public_url else "",
    )
    return Answer(message, Audience.THREAD)


async def compare(command: Compare, origin: Origin, context: BotContext) -> Answer:
    """Show two finished studies side by side."""
    one = await find_result(command.one, origin, context)
    other = await find_result(command.other, origin, context)
    message = origin.renderer.render(
        "compare",
        one=await facts_of(one, context),
        other=await facts_of(other, context),
        is_same_ground=_comparison_key(one) == _comparison_key(other),
        command=f"compare {one.study_name} {other.study_name}",
    )
    return Answer(message, Audience.THREAD)


async def best(command: Best, origin: Origin, context: BotContext) -> Answer:
    """Show the parameters to use for a symbol and a strategy, with how much to trust them."""
    ranked = await _ranking(command, origin, context)
    found = await ranked(limit=1) or await ranked(verdicts=tuple(Verdict), limit=1)
    if not found:
        raise NothingKnown(symbol=command.symbol, strategy=command.strategy)
    facts = study_facts(found[0], now=context.clock())
    message = origin.renderer.render("best", study=facts, command=f"best {command.symbol} {command.strategy}")
    return Answer(message, Audience.THREAD)


async def _ranking(command: Top | Best, origin: Origin, context: BotContext) -> Ranking:
    """Return the leaderboard of a symbol and strategy, of what the answer may show."""
    return partial(
        context.services.studies.leaderboard,
        among=await visible(origin, context),
        symbol=command.symbol,
        strategy_name=command.strategy,
    )


async def facts_of(study: OptimizationStudy, context: BotContext) -> StudyFacts:
    """Collect everything known of a study now."""
    conversation = await context.conversations.find(study.study_name)
    public_url = context.services.settings.public_url
    return study_facts(study, now=context.clock(), conversation=conversation, public_url=public_url)


def _comparison_key(study: OptimizationStudy) -> tuple[object, ...]:
    """Return what two studies must have in common for their numbers to be comparable."""
    window = study.window
    return study.symbol, window.start_date, window.end_date, window.holdout_date, study.spec.costs, study.spec.timeframe


LISTENERS: Listeners = {
    Show: show,
    ShowDecision: show_decision,
    ShowDetails: show_details,
    Why: why,
    Top: top,
    Compare: compare,
    Best: best,
}
