"""Stopping studies and letting them go on."""

from bot.commands.common import own_study, tell_thread
from bot.facts import study_facts
from bot.grammar.commands import Cancel, Pause, Resume
from bot.office import Answer, Office
from bot.place import Place
from optimizer.documents import OptimizationStudy


async def cancel(command: Cancel, place: Place, office: Office) -> Answer:
    """Stop a study; what it tried is kept. Its thread says so when it has stopped."""
    study = await own_study(command.study, place, office)
    return await _acted(await office.desk.service.cancel(study.study_name), place, office)


async def pause(command: Pause, place: Place, office: Office) -> Answer:
    """Let a study rest."""
    study = await own_study(command.study, place, office)
    study = await office.desk.service.pause(study.study_name)
    answer = await _acted(study, place, office)
    await tell_thread(office, study.study_name, "pausing", study_name=study.study_name, by=place.user_id)
    return answer


async def resume(command: Resume, place: Place, office: Office) -> Answer:
    """Carry a paused, cancelled or failed study on."""
    study = await own_study(command.study, place, office)
    study = await office.desk.service.resume(study.study_name)
    answer = await _acted(study, place, office)
    facts = {"study_name": study.study_name, "trials_completed": study.trials_completed, "by": place.user_id}
    await tell_thread(office, study.study_name, "resumed", **facts)
    office.desk.jobs.submit(study.study_name)
    return answer


async def _acted(study: OptimizationStudy, place: Place, office: Office) -> Answer:
    await office.conversations.act(study.study_name, place.user_id)
    conversation = await office.conversations.of(study.study_name)
    facts = study_facts(study, now=office.clock(), conversation=conversation)
    return Answer(place.renderer.status(facts))
