"""Schedules: making, listing and removing them, and running one out of turn."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.access.roster import NotYours
from bot.context import Answer, Audience, Office
from bot.documents.recurring import Schedule, ScheduleRun
from bot.grammar.cadence import find_time_zone
from bot.grammar.commands import AddSchedule, ListSchedules, Mode, RunSchedule, Unschedule
from bot.grammar.formatting import command_text
from bot.origin import Place
from bot.role import Role
from bot.schedules.watchlists import members_of, specs_for
from optimizer.domain.study_request import StudySpec
from optimizer.errors import UserError

#: Schedules shown at once.
LISTED = 20


class NoTimeZone(UserError):
    """Slack did not say where the asker is."""

    sentence = "I could not learn your time zone from Slack. Say it: `tz=Europe/London`."


class NotOnlyPlanned(UserError):
    """A schedule is for studies that run."""

    sentence = "A schedule is for studies that run: leave out `dry`, or try the plan first without `schedule`."


class AlreadyRunning(UserError):
    sentence = "A run of `{schedule}` is under way; its post comes to the channel."


@dataclass(frozen=True, kw_only=True)
class ScheduleLine:
    """A schedule as lists show it."""

    schedule: Schedule
    command: str
    times: Sequence[datetime]  # the next ones, in its time zone
    last: ScheduleRun | None


async def add(command: AddSchedule, place: Place, office: Office) -> Answer:
    """Keep one schedule a symbol, watch list or shared set; the channel sees them with their next three runs."""
    specs = await _specs(command, office)
    time_zone = command.time_zone or await _own_zone(place, office)
    for one in [member for spec in specs for member in await specs_for(spec)]:
        await office.desk.service.plan(one)  # what could never run is refused now, not on Monday at seven
    made = [await office.schedules.add(spec, command.when, time_zone, place) for spec in specs]
    rows = [await line(schedule, office, n_times=3) for schedule in made]
    return Answer(place.public_renderer.render("scheduled", rows=rows, by=place.user_id), Audience.CHANNEL)


async def list_all(command: ListSchedules, place: Place, office: Office) -> Answer:
    """Every schedule with its next run and what the last one decided."""
    schedules = await office.schedules.all()
    rows = [await line(schedule, office) for schedule in schedules[:LISTED]]
    return Answer(place.renderer.render("schedules", rows=rows, n=len(schedules)))


async def remove(command: Unschedule, place: Place, office: Office) -> Answer:
    """Remove one's own schedule, or as an approver anyone's."""
    schedule = await _own(command.schedule, place, office)
    await office.schedules.remove(schedule, place.user_id)
    row = ScheduleLine(schedule=schedule, command=command_text(schedule.spec), times=(), last=None)
    return Answer(place.public_renderer.render("unscheduled", row=row, by=place.user_id), Audience.CHANNEL)


async def run_now(command: RunSchedule, place: Place, office: Office) -> Answer:
    """Run a schedule out of turn; raises AlreadyRunning."""
    schedule = await _own(command.schedule, place, office)
    if not await office.schedules.run_now(schedule, place.user_id):
        raise AlreadyRunning(schedule=schedule.schedule_name)
    return Answer(place.renderer.render("schedule_runs", schedule=schedule))


async def line(schedule: Schedule, office: Office, *, n_times: int = 1) -> ScheduleLine:
    """A schedule with its next times and its last run."""
    zone = ZoneInfo(schedule.time_zone)
    last = (
        await ScheduleRun.find({"schedule_name": schedule.schedule_name, "challenge": {"$ne": None}})
        .sort("-due_at")
        .first_or_none()
    )
    times = [time.astimezone(zone) for time in office.schedules.next_times(schedule, n_times)]
    return ScheduleLine(schedule=schedule, command=command_text(schedule.spec), times=times, last=last)


async def _specs(command: AddSchedule, office: Office) -> tuple[StudySpec, ...]:
    if command.start is None:
        assert command.study is not None, "the grammar gives one of the two"
        return ((await office.desk.service.find(command.study)).spec,)
    if command.start.is_dry:
        raise NotOnlyPlanned
    if command.start.mode is Mode.SHARED:  # one study of the symbols that are members now
        return command.start.over(await members_of(command.start.watchlists))
    return command.start.specs


async def _own_zone(place: Place, office: Office) -> str:
    person = await office.people.person(place.user_id)
    if person.time_zone is None:
        raise NoTimeZone
    return find_time_zone(person.time_zone)


async def _own(word: str, place: Place, office: Office) -> Schedule:
    schedule = await office.schedules.find(word)
    if schedule.created_by != place.user_id and place.role < Role.APPROVER:
        raise NotYours(study=schedule.schedule_name, owner=schedule.created_by)
    return schedule
