"""Control of a study that exists: cancel, pause, resume, more trials, replay."""

from bot.commands.common import own_study, tell_thread
from bot.context import Answer, Office
from bot.delivery import replay_requests
from bot.delivery.facts import study_facts
from bot.grammar.commands import Cancel, More, Pause, Replay, Resume
from bot.origin import Place
from optimizer.storage.documents import OptimizationStudy


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


async def more(command: More, place: Place, office: Office) -> Answer:
    """Add trials to a finished study; it goes on as if it had been asked for that many."""
    study = await own_study(command.study, place, office)
    before = study.trials_completed
    study = await office.desk.service.more(study.study_name, command.n_trials)
    await office.conversations.act(study.study_name, place.user_id)
    facts = {"study_name": study.study_name, "n_more": study.n_trials - before, "n_trials": study.n_trials}
    await tell_thread(office, study.study_name, "more", by=place.user_id, **facts)
    office.desk.jobs.submit(study.study_name)
    return Answer(place.renderer.status(study_facts(study, now=office.clock())))


async def replay(command: Replay, place: Place, office: Office) -> Answer:
    """Compute a finished study again on a worker; its thread learns what came of it."""
    study = await office.desk.service.get_study_results(command.study)
    await replay_requests.ask(study, place, office)
    return Answer(place.renderer.notice("replaying", study_name=study.study_name))


async def _acted(study: OptimizationStudy, place: Place, office: Office) -> Answer:
    await office.conversations.act(study.study_name, place.user_id)
    conversation = await office.conversations.of(study.study_name)
    facts = study_facts(study, now=office.clock(), conversation=conversation)
    return Answer(place.renderer.status(facts))
