"""Commands that only inform: help, strategies, role, status, lists, the link to the pages."""

from importlib import metadata

from bot.access.sign_in import LINK_LIVES, SignIn
from bot.commands.common import find_visible, visible
from bot.commands.help_message import help_message
from bot.context import Answer, Audience, BotContext, Listeners
from bot.delivery.facts import study_facts
from bot.grammar.commands import Help, ListStrategies, ListStudies, OpenModal, OpenWeb, SmallTalk, Status, Which, WhoAmI
from bot.origin import Origin
from optimizer.domain.study_results import OPEN, StudyState
from optimizer.storage.study_queries import count_waiting, count_waiting_requests

LISTED = 10


async def show_help(command: Help | OpenModal, origin: Origin, context: BotContext) -> Answer:
    """Show help generated from the declarations, limited to what the user may do."""
    if isinstance(command, OpenModal):
        command = Help()
    return Answer(help_message(command, origin.renderer, origin.role))


async def small_talk(command: SmallTalk, origin: Origin, context: BotContext) -> Answer:
    """Answer a greeting, thanks, or the question what to do now."""
    message = origin.renderer.render(
        "small_talk", talk=command.kind.value, number=metadata.version("optimize-bot"), study=command.study or ""
    )
    return Answer(message)


async def list_strategies(command: ListStrategies, origin: Origin, context: BotContext) -> Answer:
    """Show every strategy with its rule."""
    return Answer(origin.renderer.strategies(), Audience.THREAD)


async def who_am_i(command: WhoAmI, origin: Origin, context: BotContext) -> Answer:
    """Show the user's role, and how much of their limits is used."""
    service, settings = context.services.studies, context.services.settings
    states = (StudyState.RUNNING,)
    mine = {"created_by": origin.user_id}
    running = await service.list_studies(among=mine, states=states, limit=settings.waiting_per_person)
    message = origin.renderer.render(
        "whoami",
        user=origin.user_id,
        role=origin.role.name.lower(),
        n_running=len(running),
        n_waiting=await count_waiting_requests(origin.user_id),
        may_run=settings.running_per_person,
        may_wait=settings.waiting_per_person,
    )
    return Answer(message)


async def status(command: Status, origin: Origin, context: BotContext) -> Answer:
    """Show the state of one study, or of all unfinished ones."""
    service = context.services.studies
    if command.study is None:
        found = await service.open_studies(among=await visible(origin, context))
        running = [study_facts(study, now=context.clock()) for study in found]
        queue, n_waiting = await context.outbox.queue_of(origin.channel_id), await count_waiting()
        message = origin.renderer.listing(running, Which.RUNNING, queue=queue, n_waiting=n_waiting)
        return Answer(message, Audience.THREAD)
    study = await find_visible(command.study, origin, context)
    waiting = [study.study_name for study in await service.unfinished() if study.status is StudyState.QUEUED]
    position = waiting.index(study.study_name) + 1 if study.study_name in waiting else None
    conversation = await context.conversations.find(study.study_name)
    engine = context.services.pool.loading
    facts = study_facts(study, now=context.clock(), conversation=conversation, queue_position=position, engine=engine)
    return Answer(origin.renderer.status(facts), Audience.THREAD)


async def list_studies(command: ListStudies, origin: Origin, context: BotContext) -> Answer:
    """Show the newest studies: the user's, the running ones, or all."""
    studies = await context.services.studies.list_studies(
        among=await visible(origin, context),
        created_by=origin.user_id if command.which is Which.MINE else None,
        states=OPEN if command.which is Which.RUNNING else (),
        limit=LISTED,
    )
    facts = [study_facts(study, now=context.clock()) for study in studies]
    return Answer(origin.renderer.listing(facts, command.which), Audience.THREAD)


async def open_web(command: OpenWeb, origin: Origin, context: BotContext) -> Answer:
    """Send a link that signs the user in, once and within minutes; only they see it."""
    settings = context.services.settings
    ticket = SignIn.of(settings.home, context.clock).link_for(origin.user_id, origin.team_id)
    message = origin.renderer.render(
        "web",
        url=f"{settings.web_address}/sign-in?ticket={ticket}",
        minutes=int(LINK_LIVES.total_seconds() // 60),
        is_public=bool(settings.public_url),
    )
    return Answer(message)


LISTENERS: Listeners = {
    Help: show_help,
    ListStrategies: list_strategies,
    SmallTalk: small_talk,
    WhoAmI: who_am_i,
    Status: status,
    ListStudies: list_studies,
    OpenWeb: open_web,
}
