"""Commands that only tell something: help, strategies, status, lists."""

from bot.facts import study_facts
from bot.grammar.commands import Help, ListStrategies, ListStudies, Status, Which
from bot.office import Answer, Office
from bot.thread import Place
from optimizer.spec import StudyState
from reports.render import Renderer

_LISTED = 10


async def show_help(command: Help, place: Place, office: Office) -> Answer:
    """Help from the declarations."""
    return Answer(Renderer(place.language).help(command.topic))


async def list_strategies(command: ListStrategies, place: Place, office: Office) -> Answer:
    """Every strategy with its search space."""
    return Answer(Renderer(place.language).strategies())


async def status(command: Status, place: Place, office: Office) -> Answer:
    """How one study stands, or all that are not finished."""
    service, renderer = office.desk.service, Renderer(place.language)
    if command.study is not None:
        study = await service.find(command.study)
        conversation = await office.conversations.of(study.study_name)
        return Answer(renderer.status(study_facts(study, now=office.clock(), conversation=conversation)))
    running = [study_facts(study, now=office.clock()) for study in await service.unfinished()]
    return Answer(renderer.listing(running, Which.RUNNING))


async def list_studies(command: ListStudies, place: Place, office: Office) -> Answer:
    """The newest studies: the asker's, those that run, or all."""
    studies = await office.desk.service.list_studies(
        created_by=place.user_id if command.which is Which.MINE else None,
        states=(StudyState.QUEUED, StudyState.RUNNING) if command.which is Which.RUNNING else (),
        limit=_LISTED,
    )
    facts = [study_facts(study, now=office.clock()) for study in studies]
    return Answer(Renderer(place.language).listing(facts, command.which))
