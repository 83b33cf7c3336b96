"""Champions: adopting one, in words or by a button, confirmed in a dialog and posted in the channel; and their list."""

from bot.commands.button_commands import AdoptNow
from bot.commands.common import find_result
from bot.context import Answer, Audience, BotContext, Listeners
from bot.delivery.facts import study_facts
from bot.documents.recurring import Champion
from bot.grammar.commands import Adopt, ListChampions
from bot.origin import Origin

#: Slack's limit for the value of a button is 2,000 characters; a reason keeps well under it.
MAX_WHY = 500
#: Champions shown at once.
LISTED = 50


async def propose(command: Adopt, origin: Origin, context: BotContext) -> Answer:
    """Show the candidate, with the button that adopts it."""
    study = await find_result(command.study, origin, context)
    former = await context.champions.find(study.spec)
    value = f"{study.study_name} {command.why[:MAX_WHY]}".strip()
    facts = study_facts(study, now=context.clock())
    return Answer(origin.renderer.render("adopt", study=facts, summary=study.summary, former=former, value=value))


async def adopt(command: AdoptNow, origin: Origin, context: BotContext) -> Answer:
    """Make a study's winner the champion and post it in the channel; raises AlreadyChampion."""
    study = await find_result(command.study, origin, context)
    champion = await context.champions.adopt(study, by=origin.user_id, why=command.why, channel_id=origin.channel_id)
    former = await _find_former(champion)
    message = origin.public_renderer.render(
        "adopted", champion=champion, former=former, study=study_facts(study, now=context.clock())
    )
    key = f"adopted:{champion.id}"
    await context.outbox.post(
        key,
        key,
        origin.channel_id,
        message,
    )
    return Answer(origin.renderer.notice("adopted_done", study_name=study.study_name))


async def list_champions(command: ListChampions, origin: Origin, context: BotContext) -> Answer:
    """Show the parameters in use, by symbol and strategy."""
    champions = await context.champions.current()
    return Answer(origin.renderer.render("champion_list", rows=champions[:LISTED], n=len(champions)), Audience.THREAD)


async def _find_former(champion: Champion) -> Champion | None:
    """Return the champion that was replaced."""
    return await Champion.find({"study_name": champion.replaced}).sort("-adopted_at").first_or_none()


LISTENERS: Listeners = {
    Adopt: propose,
    AdoptNow: adopt,
    ListChampions: list_champions,
}
