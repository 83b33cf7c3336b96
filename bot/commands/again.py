"""Finished studies once more: with more trials, or computed again to prove them equal."""

from bot import replaying
from bot.commands.common import own_study, tell_thread
from bot.facts import study_facts
from bot.grammar.commands import More, Replay
from bot.office import Answer, Office
from bot.place import Place


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
    await replaying.ask(study, place, office)
    return Answer(place.renderer.notice("replaying", study_name=study.study_name))
