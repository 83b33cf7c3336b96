"""Finished studies once more: with more trials, or computed again to prove them equal."""

from bot.commands.common import own_study, refuse_in_thread, tell_thread
from bot.facts import study_facts
from bot.grammar.commands import More, Replay
from bot.office import Answer, Office
from bot.place import Place
from optimizer.errors import UserError
from optimizer.service import code_version


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
    office.errands.run(_replay(study.study_name, study.code_version, place, office))
    return Answer(place.renderer.notice("replaying", study_name=study.study_name))


async def _replay(study_name: str, version: str, place: Place, office: Office) -> None:
    try:
        replayed = await office.desk.service.replay(study_name)
    except UserError as error:
        await refuse_in_thread(office, study_name, error)
        return
    if replayed.difference is None:
        await tell_thread(office, study_name, "replay_equal", study_name=study_name, n_trials=replayed.n_trials)
        return
    found = replayed.difference
    await tell_thread(
        office,
        study_name,
        "replay_differs",
        study_name=study_name,
        field=found.field,
        was=found.was,
        now=found.now,
        is_same_version=version == code_version(),
        version=version,
    )
