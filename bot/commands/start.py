"""Starting studies, or only showing their plans."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from bot.commands.rules import understood
from bot.context import Answer, Audience, BotContext, Listeners
from bot.delivery.facts import plan_facts, study_facts
from bot.documents.conversations import MOST_IN_THREAD
from bot.documents.current_workspace import workspace
from bot.documents.preferences import settings_of
from bot.grammar.commands import Start
from bot.grammar.formatting import command_text, start_text
from bot.origin import Origin, StudyOrigin
from bot.schedules.universes import Selection, plan_selection, select
from optimizer.domain.study_request import StudySpec, common_request
from optimizer.domain.universe import distinct
from optimizer.errors import UserError
from optimizer.storage.documents import OptimizationStudy
from optimizer.storage.embedded_mongo import MongoUnavailable
from optimizer.storage.study_queries import count_waiting, count_waiting_requests
from optimizer.studies.service import Plan
from reports.text.message import Message

#: A command repeated within this time is taken for an accident.
REPEAT = timedelta(minutes=2)


class TooManyWaiting(UserError):
    """Raised when the user's queue is full. Facts: waiting, limit."""


class QueueFull(TooManyWaiting):
    """Raised when the workspace's queue is full. Facts: waiting, limit."""


@dataclass(frozen=True, kw_only=True)
class StartedStudies:
    """Studies that were stored and handed to the workers, with the plan of each."""

    plans: tuple[Plan, ...]
    studies: tuple[OptimizationStudy, ...]
    group: str  # name of what several studies of one request are; empty for one study
    n_ahead: int  # studies that end before the first of these begins


async def start(command: Start, origin: Origin, context: BotContext) -> Answer:
    """Store the studies, open their threads, hand them to the workers, and answer."""
    if command.is_unconfirmed_rule:
        return Answer(await understood(command, origin, context), Audience.THREAD)
    selection = await select(command, context.services)
    if command.is_dry:
        plans = await plan_selection(selection, context.services)
        return Answer(_plans_message(plans, command, origin), Audience.THREAD)
    origin = await _where_told(command, origin, context)
    plans = await plan_all(selection, origin, context)
    async with context.starting:
        if (same := await _find_repeated([plan.spec for plan in plans], origin, context)) is not None:
            return Answer(await _repeated_message(same, origin, context))
        started = await store_and_submit(plans, command, origin, context)
    return Answer(await _started_message(started, origin, context))


async def _where_told(command: Start, origin: Origin, context: BotContext) -> Origin:
    """Return where the study is told: in a direct message when it is private, or when the user prefers that."""
    if command.is_private:
        return await context.unreachable.open_direct(origin)
    if not origin.channel_id or origin.is_direct or not (await settings_of(origin.user_id)).is_direct:
        return origin
    direct = await context.unreachable.open_direct(origin)
    return replace(direct, audience_channel_id=origin.channel_id)


async def plan_all(selection: Selection, origin: Origin, context: BotContext) -> list[Plan]:
    """Plan each study if there is room for all of them; nobody waits meanwhile, though many take their time."""
    await _require_room(len(selection.specs), origin, context)
    return await plan_selection(selection, context.services)


async def store_and_submit(
    plans: Sequence[Plan], command: Start, origin: Origin, context: BotContext
) -> StartedStudies:
    """Store the studies, open their threads, hand them to the workers; in that order, so that a crash loses nothing.

    The caller holds `context.starting`. Without a channel nothing is posted. Raises TooManyWaiting and QueueFull, and
    MongoUnavailable when the lease was lost meanwhile, such as by a bot that was stopped while it planned: another
    serves by now.
    """
    if not context.may_serve():
        raise MongoUnavailable.silent()
    await _require_room(len(plans), origin, context)
    n_ahead = await _n_ahead(origin, context)
    group = context.groups.new_name() if len(plans) > 1 else ""
    studies = [await _store(plan, command, origin, context, group=group, n_together=len(plans)) for plan in plans]
    if group and origin.channel_id:
        await context.groups.open(group, studies)
    for study in studies:
        if origin.channel_id:
            await context.conversations.open(study)
        await context.services.jobs.submit(study.study_name)
    return StartedStudies(plans=tuple(plans), studies=tuple(studies), group=group, n_ahead=n_ahead)


async def _find_repeated(specs: Sequence[StudySpec], origin: Origin, context: BotContext) -> OptimizationStudy | None:
    """Return the first study of an equal command a moment ago whose result is posted where this one's would be."""
    since, service = context.clock() - REPEAT, context.services.studies
    here = {"origin.channel_id": origin.channel_id}
    first = None
    for spec in specs:
        if (same := await service.same_since(spec, origin.user_id, since, among=here)) is None:
            return None
        first = first or same
    return first


async def _repeated_message(same: OptimizationStudy, origin: Origin, context: BotContext) -> Message:
    """Point to the study of the equal command, and to its thread once that is posted."""
    ended_at = same.completed_at if same.status.is_finished else None
    notice = "repeated" if ended_at is None else "repeated_done"
    since = (context.clock() - (ended_at or same.created_at)).total_seconds()
    url = await context.conversations.link_to(same.study_name)
    return origin.renderer.notice(notice, study=same.study_name, seconds=max(since, 0.0), url=url)


async def _require_room(n_new: int, origin: Origin, context: BotContext) -> None:
    """Raise when the user's queue or the workspace's has no room for so many more, which are one request."""
    settings = context.services.settings
    mine = 1 + await count_waiting_requests(origin.user_id)
    everyones = n_new + await count_waiting()
    if mine > settings.waiting_per_person:
        raise TooManyWaiting(waiting=mine, limit=settings.waiting_per_person)
    if everyones > settings.waiting_in_all:
        raise QueueFull(waiting=everyones, limit=settings.waiting_in_all)


async def _n_ahead(origin: Origin, context: BotContext) -> int:
    """Count the studies that end before a new one begins: in turn with everyone, and behind the user's limit."""
    unfinished = Counter(study.created_by for study in await context.services.studies.unfinished())
    mine = unfinished.pop(origin.user_id, 0)
    others = sum(min(n, mine + 1) for n in unfinished.values())
    services = context.services
    return max(others + mine + 1 - services.pool.size, mine + 1 - services.settings.running_per_person, 0)


async def _started_message(started: StartedStudies, origin: Origin, context: BotContext) -> Message:
    now, n_ahead = context.clock(), started.n_ahead
    if not started.group:
        [study], [plan] = started.studies, started.plans
        facts = study_facts(study, now=now, command=StudyOrigin.of(study).command)
        ahead = await context.outbox.ahead_of_result(origin.channel_id, study.study_name)
        return origin.renderer.ack(facts, plan_facts(plan, n_ahead=n_ahead, ahead=ahead))
    seconds = sum(plan.seconds for plan in started.plans)
    many = [study_facts(study, now=now) for study in started.studies]
    universes = distinct(plan.universe for plan in started.plans)
    spec = common_request([plan.spec for plan in started.plans])
    return origin.renderer.render(
        "started", studies=many, spec=spec, n_ahead=n_ahead, seconds=seconds, universes=universes
    )


async def _store(
    plan: Plan, command: Start, origin: Origin, context: BotContext, *, group: str, n_together: int
) -> OptimizationStudy:
    requested = origin.of_study(
        command_text(plan.spec),
        is_quiet=command.is_quiet or bool(group),
        group=group,
        is_in_table=bool(group) and n_together > MOST_IN_THREAD,
    )
    return await context.services.studies.store(
        plan,
        created_by=origin.user_id,
        name=command.name,
        notes=command.note,
        origin=requested.as_document(),
        audience=await context.viewers.audience_in(origin.audience_channel_id or origin.channel_id),
        team=workspace(),
        request_key=f"{origin.delivery}:{plan.spec.label}" if origin.delivery else None,
        n_together=n_together,
    )


def _plans_message(plans: Sequence[Plan], command: Start, origin: Origin) -> Message:
    specs = [plan.spec for plan in plans]
    if len(plans) == 1:
        return origin.renderer.plan(specs[0], plan_facts(plans[0]), command=command_text(specs[0]), name=command.name)
    rows = [(plan.spec, plan_facts(plan)) for plan in plans]
    typed = start_text(replace(command, is_dry=False))
    universes = distinct(plan.universe for plan in plans)
    return origin.renderer.render(
        "plans", rows=rows, spec=common_request(specs), name=command.name, command=typed, universes=universes
    )


LISTENERS: Listeners = {
    Start: start,
}
