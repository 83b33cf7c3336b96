"""Control of a study that exists: cancel, pause, resume, more trials, replay."""

from bot.commands.common import find_result, own_study, post_notice
from bot.context import Answer, BotContext, Listeners
from bot.delivery.facts import study_facts
from bot.grammar.commands import Cancel, More, Pause, Replay, Resume
from bot.origin import Origin
from optimizer.storage.documents import OptimizationStudy


async def cancel(command: Cancel, origin: Origin, context: BotContext) -> Answer:
    """Stop a study and keep its trials. Its thread shows when it has stopped."""
    study = await own_study(command.study, origin, context)
    return await _record_action(await context.services.studies.cancel(study.study_name), origin, context)


async def pause(command: Pause, origin: Origin, context: BotContext) -> Answer:
    """Pause a study."""
    study = await own_study(command.study, origin, context)
    study = await context.services.studies.pause(study.study_name)
    answer = await _record_action(study, origin, context)
    await post_notice(context, study.study_name, "pausing", study_name=study.study_name, by=origin.user_id)
    return answer


async def resume(command: Resume, origin: Origin, context: BotContext) -> Answer:
    """Continue a paused, cancelled or failed study."""
    study = await own_study(command.study, origin, context)
    study = await context.services.studies.resume(study.study_name)
    answer = await _record_action(study, origin, context)
    facts = {"study_name": study.study_name, "trials_completed": study.trials_completed, "by": origin.user_id}
    await post_notice(context, study.study_name, "resumed", **facts)
    await context.services.jobs.submit(study.study_name)
    return answer


async def more(command: More, origin: Origin, context: BotContext) -> Answer:
    """Add trials to a finished study, which goes on as if it had been started with that many."""
    study = await own_study(command.study, origin, context)
    before = study.trials_completed
    study = await context.services.studies.more(study.study_name, command.n_trials)
    await context.conversations.record_action(study.study_name, origin.user_id)
    facts = {"study_name": study.study_name, "n_more": study.n_trials - before, "n_trials": study.n_trials}
    await post_notice(context, study.study_name, "more", by=origin.user_id, **facts)
    await context.services.jobs.submit(study.study_name)
    return Answer(origin.renderer.status(study_facts(study, now=context.clock())))


async def replay(command: Replay, origin: Origin, context: BotContext) -> Answer:
    """Compute a finished study again on a worker; the outcome is posted in its thread."""
    study = await find_result(command.study, origin, context)
    await context.replays.add(study, origin)
    return Answer(origin.renderer.notice("replaying", study_name=study.study_name))


async def _record_action(study: OptimizationStudy, origin: Origin, context: BotContext) -> Answer:
    await context.conversations.record_action(study.study_name, origin.user_id)
    conversation = await context.conversations.find(study.study_name)
    facts = study_facts(study, now=context.clock(), conversation=conversation)
    return Answer(origin.renderer.status(facts))


LISTENERS: Listeners = {
    Cancel: cancel,
    Pause: pause,
    Resume: resume,
    More: more,
    Replay: replay,
}
