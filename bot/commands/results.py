"""Results: one, the best ones, two side by side."""

from functools import partial

from bot.context import Answer, Audience, Office
from bot.delivery.facts import study_facts
from bot.grammar.commands import Best, Compare, Show, Top
from bot.origin import Place
from optimizer.domain.study_results import Verdict
from optimizer.errors import UserError
from optimizer.storage.documents import OptimizationStudy
from reports.facts import StudyFacts
from reports.text.message import Message, fit

LISTED = 10


class NothingKnown(UserError):
    """No finished study is about this."""

    sentence = "No study of {symbol} with {strategy} has finished yet. `/optimize {symbol} {strategy}` starts one."


async def show(command: Show, place: Place, office: Office) -> Answer:
    """A study's verdict and its story, or how it stands while it has none."""
    study = await office.desk.service.find(command.study)
    facts = await facts_of(study, office)
    if facts.summary is None:
        return Answer(place.renderer.status(facts), Audience.THERE)
    messages = place.renderer.result(facts)
    head, story = messages[0], messages[2 if facts.spec.is_shared else 1]
    return Answer(fit(Message(head.text, [*head.blocks, *story.blocks]))[0], Audience.THERE)


async def top(command: Top, place: Place, office: Office) -> Answer:
    """Finished studies by Sharpe ratio out of sample."""
    ranked = partial(office.desk.service.leaderboard, symbol=command.symbol, strategy_name=command.strategy)
    everything = await ranked(verdicts=tuple(Verdict), limit=LISTED)
    best = everything if command.include_unproven else await ranked(limit=LISTED)
    facts = [study_facts(study, now=office.clock()) for study in best]
    words = " ".join(filter(None, (command.symbol, command.strategy, "all" if command.include_unproven else "")))
    message = place.renderer.render(
        "top",
        studies=facts,
        symbol=command.symbol or "",
        strategy=command.strategy or "",
        is_all=command.include_unproven,
        has_unproven=bool(everything),
        command=f"top {words}",
        page_url=f"{office.desk.settings.public_url}/board" if office.desk.settings.public_url else "",
    )
    return Answer(message, Audience.THERE)


async def compare(command: Compare, place: Place, office: Office) -> Answer:
    """Two finished studies side by side."""
    one = await office.desk.service.get_study_results(command.one)
    other = await office.desk.service.get_study_results(command.other)
    message = place.renderer.render(
        "compare",
        one=await facts_of(one, office),
        other=await facts_of(other, office),
        is_same_ground=_ground(one) == _ground(other),
        command=f"compare {one.study_name} {other.study_name}",
    )
    return Answer(message, Audience.THERE)


async def best(command: Best, place: Place, office: Office) -> Answer:
    """The parameters to use for a symbol and a strategy, with how much to trust them."""
    ranked = partial(office.desk.service.leaderboard, symbol=command.symbol, strategy_name=command.strategy)
    found = await ranked(limit=1) or await ranked(verdicts=tuple(Verdict), limit=1)
    if not found:
        raise NothingKnown(symbol=command.symbol, strategy=command.strategy)
    facts = study_facts(found[0], now=office.clock())
    message = place.renderer.render("best", study=facts, command=f"best {command.symbol} {command.strategy}")
    return Answer(message, Audience.THERE)


async def facts_of(study: OptimizationStudy, office: Office) -> StudyFacts:
    """Everything known of a study now."""
    conversation = await office.conversations.of(study.study_name)
    public_url = office.desk.settings.public_url
    return study_facts(study, now=office.clock(), conversation=conversation, public_url=public_url)


def _ground(study: OptimizationStudy) -> tuple[object, ...]:
    """What two studies must have in common for their numbers to be compared."""
    window = study.window
    return study.symbol, window.start_date, window.end_date, window.holdout_date, study.spec.costs, study.spec.timeframe
