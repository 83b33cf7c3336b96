"""Stopping studies and letting them go on."""

from bot.facts import study_facts
from bot.grammar.commands import Cancel, Pause, Resume
from bot.office import Answer, Office
from bot.place import Place
from optimizer.documents import OptimizationStudy


async def cancel(command: Cancel, place: Place, office: Office) -> Answer:
    """Stop a study; what it tried is kept."""
    study = await office.desk.service.cancel(command.study)
    return await _acted(study, place, office)


async def pause(command: Pause, place: Place, office: Office) -> Answer:
    """Let a study rest."""
    study = await office.desk.service.pause(command.study)
    return await _acted(study, place, office)


async def resume(command: Resume, place: Place, office: Office) -> Answer:
    """Carry a paused, cancelled or failed study on."""
    study = await office.desk.service.resume(command.study)
    answer = await _acted(study, place, office)
    office.desk.jobs.submit(study.study_name)
    return answer


async def _acted(study: OptimizationStudy, place: Place, office: Office) -> Answer:
    await office.conversations.act(study.study_name, place.user_id)
    conversation = await office.conversations.of(study.study_name)
    facts = study_facts(study, now=office.clock(), conversation=conversation)
    return Answer(place.renderer.status(facts))
