"""Commands that only tell something: help, strategies, status, lists."""

from bot.facts import study_facts
from bot.grammar import VERBS, Role
from bot.grammar.commands import Help, ListStrategies, ListStudies, Status, Which
from bot.office import Answer, Office
from bot.place import Place
from optimizer.spec import StudyState
from optimizer.strategies import STRATEGIES
from reports.render import Language
from reports.summary import HelpLine

_LISTED = 10


async def show_help(command: Help, place: Place, office: Office) -> Answer:
    """Help from the declarations: everything, or one strategy."""
    if command.topic in STRATEGIES:
        return Answer(place.renderer.help_strategy(STRATEGIES[command.topic]))
    return Answer(place.renderer.help(help_lines(place.language, Role.ADMIN), list(STRATEGIES.values())))


def help_lines(language: Language, role: Role) -> list[HelpLine]:
    """The verbs that a role may use."""
    allowed = [verb for verb in VERBS.values() if verb.role <= role]
    return [HelpLine(usage=verb.usage, meaning=verb.korean if language == "ko" else verb.english) for verb in allowed]


async def list_strategies(command: ListStrategies, place: Place, office: Office) -> Answer:
    """Every strategy with its rule."""
    return Answer(place.renderer.strategies(list(STRATEGIES.values())))


async def status(command: Status, place: Place, office: Office) -> Answer:
    """How one study stands, or all that are not finished."""
    service = office.desk.service
    if command.study is not None:
        study = await service.find(command.study)
        conversation = await office.conversations.of(study.study_name)
        return Answer(place.renderer.status(study_facts(study, now=office.clock(), conversation=conversation)))
    running = [study_facts(study, now=office.clock()) for study in await service.unfinished()]
    return Answer(place.renderer.listing(running, Which.RUNNING))


async def list_studies(command: ListStudies, place: Place, office: Office) -> Answer:
    """The newest studies: the asker's, those that run, or all."""
    studies = await office.desk.service.list_studies(
        created_by=place.user_id if command.which is Which.MINE else None,
        states=(StudyState.QUEUED, StudyState.RUNNING) if command.which is Which.RUNNING else (),
        limit=_LISTED,
    )
    facts = [study_facts(study, now=office.clock()) for study in studies]
    return Answer(place.renderer.listing(facts, command.which))
