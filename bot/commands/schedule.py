"""Schedules: add, list and remove them, and run one out of turn."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.access.roster import NotYours
from bot.commands.button_commands import UndoSchedules
from bot.commands.common import find_visible, require_open_here, visible
from bot.context import Answer, Audience, BotContext, Listeners
from bot.documents.preferences import settings_of
from bot.documents.recurring import Schedule, ScheduleRun
from bot.grammar.cadence import find_time_zone
from bot.grammar.commands import AddSchedule, ListSchedules, Mode, RunSchedule, Unschedule
from bot.grammar.formatting import command_text
from bot.origin import Origin
from bot.role import Role
from bot.schedules.schedules import NoNewBars
from bot.schedules.universes import EmptyUniverse
from bot.schedules.watchlists import list_named, members_of, specs_for
from optimizer.domain.study_request import StudySpec
from optimizer.domain.universe import Universe
from optimizer.errors import UserError
from optimizer.studies.service import Plan
from optimizer.validation.window import window_facts

#: Schedules shown at once.
LISTED = 20


class NoTimeZone(UserError):
    """Raised when Slack does not know the user's time zone."""


class NotOnlyPlanned(UserError):
    """Raised for a schedule of a dry run."""


class AlreadyRunning(UserError):
    """Raised when a run of the schedule is under way. Facts: schedule."""


@dataclass(frozen=True, kw_only=True)
class ScheduleLine:
    """Row of a list of schedules."""

    schedule: Schedule
    command: str
    times: Sequence[datetime]  # the next ones, in its time zone
    last: ScheduleRun | None


async def add(command: AddSchedule, origin: Origin, context: BotContext) -> Answer:
    """Store one schedule per symbol, watch list or shared set; post them with their next three runs."""
    specs = await _specs(command, origin, context)
    time_zone = command.time_zone or await own_zone(origin, context)
    today = context.clock().date()
    for spec in specs:
        # What could never run is refused now, not on Monday at seven.
        members = await specs_for(spec, today)
        if not members:
            raise EmptyUniverse.of(Universe(name=list_named(spec), start=today, end=today))
        for one in members:
            _require_new_bars(await context.services.studies.plan(one))
    audience = await context.viewers.audience_in(origin.channel_id)
    made = [await context.schedules.add(spec, command.when, time_zone, origin, audience) for spec in specs]
    rows = [await schedule_line(schedule, context, n_times=3) for schedule in made]
    return Answer(origin.public_renderer.render("scheduled", rows=rows, by=origin.user_id), Audience.CHANNEL)


def _require_new_bars(plan: Plan) -> None:
    """Raise NoNewBars if no source has new bars as time passes."""
    if not plan.has_new_bars:
        end = window_facts(plan.rows, plan.bars).end
        raise NoNewBars(symbol=plan.spec.label, source=plan.source, end=f"{end}")


async def list_all(command: ListSchedules, origin: Origin, context: BotContext) -> Answer:
    """Show every schedule with its next run and the last decision."""
    schedules = await context.schedules.all(await visible(origin, context))
    rows = [await schedule_line(schedule, context) for schedule in schedules[:LISTED]]
    return Answer(origin.renderer.render("schedules", rows=rows, n=len(schedules)))


async def remove(command: Unschedule, origin: Origin, context: BotContext) -> Answer:
    """Remove one's own schedule, or as an approver anyone's."""
    return await undo(UndoSchedules((command.schedule,)), origin, context)


async def undo(command: UndoSchedules, origin: Origin, context: BotContext) -> Answer:
    """Remove the schedules that one command made."""
    found = [await _find_own(name, origin, context) for name in command.schedules]
    for schedule in found:
        await context.schedules.remove(schedule, origin.user_id)
    rows = [ScheduleLine(schedule=each, command=command_text(each.spec), times=(), last=None) for each in found]
    return Answer(origin.public_renderer.render("unscheduled", rows=rows, by=origin.user_id), Audience.CHANNEL)


async def run_now(command: RunSchedule, origin: Origin, context: BotContext) -> Answer:
    """Run a schedule out of turn; raises AlreadyRunning."""
    schedule = await _find_own(command.schedule, origin, context)
    if not await context.schedules.run_now(schedule, origin.user_id):
        raise AlreadyRunning(schedule=schedule.schedule_name)
    return Answer(origin.renderer.render("schedule_runs", schedule=schedule))


async def schedule_line(schedule: Schedule, context: BotContext, *, n_times: int = 1) -> ScheduleLine:
    """Return a schedule with its next times and its last run."""
    zone = ZoneInfo(schedule.time_zone)
    last = (
        await ScheduleRun.find({"schedule_name": schedule.schedule_name, "challenge": {"$ne": None}})
        .sort("-due_at")
        .first_or_none()
    )
    times = [time.astimezone(zone) for time in context.schedules.next_times(schedule, n_times)]
    return ScheduleLine(schedule=schedule, command=command_text(schedule.spec), times=times, last=last)


async def _specs(command: AddSchedule, origin: Origin, context: BotContext) -> tuple[StudySpec, ...]:
    if command.start is None:
        assert command.study is not None, "the grammar gives one of the two"
        study = await find_visible(command.study, origin, context)
        require_open_here(study, origin)
        return (study.spec,)
    if command.start.is_dry:
        raise NotOnlyPlanned
    if command.start.mode is Mode.SHARED:  # one study of the symbols that are members now
        return command.start.over(await members_of(command.start.watchlists, context.clock().date()))
    return command.start.specs


async def own_zone(origin: Origin, context: BotContext) -> str:
    """Return the user's time zone; raises NoTimeZone."""
    chosen = (await settings_of(origin.user_id)).time_zone
    time_zone = chosen or (await context.people.person(origin.user_id)).time_zone
    if time_zone is None:
        raise NoTimeZone
    return find_time_zone(time_zone)


async def _find_own(word: str, origin: Origin, context: BotContext) -> Schedule:
    schedule = await context.schedules.find(word, await visible(origin, context))
    if schedule.created_by != origin.user_id and origin.role < Role.APPROVER:
        raise NotYours(study=schedule.schedule_name, owner=schedule.created_by)
    return schedule


LISTENERS: Listeners = {
    AddSchedule: add,
    ListSchedules: list_all,
    Unschedule: remove,
    UndoSchedules: undo,
    RunSchedule: run_now,
}
