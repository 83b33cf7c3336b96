"""Starting a study, or only saying what it would do."""

from datetime import timedelta

from bot.facts import plan_facts, study_facts
from bot.grammar import command_text
from bot.grammar.commands import Start
from bot.office import Answer, Office
from bot.place import Place
from optimizer.spec import StudySpec
from reports.message import Message

#: A command typed again within this time is a slip of the finger, not a second wish.
REPEAT = timedelta(minutes=2)


async def start(command: Start, place: Place, office: Office) -> Answer:
    """Store the study, open its thread, hand it to the workers; in that order, so that a crash loses nothing."""
    if command.is_dry:
        return Answer(await _plan(command.specs[0], place, office))
    return Answer(await _start_one(command.specs[0], command, place, office))


async def _start_one(spec: StudySpec, command: Start, place: Place, office: Office) -> Message:
    service, renderer = office.desk.service, place.renderer
    async with office.starting:
        same = await service.same_since(spec, place.user_id, office.clock() - REPEAT)
        if same is not None:
            return renderer.notice("repeated", study=same.study_name)
        plan = await service.plan(spec)
        n_ahead = max(len(await service.unfinished()) + 1 - office.desk.pool.size, 0)
        study = await service.store(
            plan,
            created_by=place.user_id,
            name=command.name,
            notes=command.note,
            origin=place.as_origin(command_text(spec)),
            request_key=place.delivery or None,
        )
    conversation = await office.conversations.open(study)
    office.desk.jobs.submit(study.study_name)
    facts = study_facts(study, now=office.clock(), conversation=conversation)
    return renderer.ack(facts, plan_facts(plan, n_ahead=n_ahead))


async def _plan(spec: StudySpec, place: Place, office: Office) -> Message:
    plan = await office.desk.service.plan(spec)
    return place.renderer.plan(spec, plan_facts(plan), command=command_text(spec))
