"""The modal that repeats a study every week: day, time, time zone and channel."""

from collections.abc import Mapping
from typing import Any

from bot.commands.forms.start_form import Block, chosen_values, input_block, plain_text, select_field, text_field
from bot.grammar.cadence import DAYS, Cadence, ScheduleWhen, find_time_zone, read_clock
from bot.grammar.commands import AddSchedule
from bot.grammar.errors import UnknownOption
from bot.grammar.fields import FieldErrors
from reports.facts import StudyFacts
from reports.render import Renderer

SCHEDULE_CALLBACK_ID = "schedule_study"
_TIME = "07:00"


def schedule_view(study: StudyFacts, say: Renderer, *, time_zone: str, channel_id: str) -> Block:
    """Build the modal for a study, prefilled with Mondays at seven in this time zone and channel."""
    labels, days = say.labels("grammar", "schedule_form"), say.labels("champions", "weekdays")
    channel: Block = {"type": "conversations_select", "filter": {"include": ["public", "private", "im"]}}
    return {
        "type": "modal",
        "callback_id": SCHEDULE_CALLBACK_ID,
        "private_metadata": study.study_name,
        "title": plain_text(labels["title"]),
        "submit": plain_text(labels["submit"]),
        "close": plain_text(labels["close"]),
        "blocks": [
            *say.render("schedule_form", study=study).blocks,
            input_block("day", labels["day"], select_field(days, ["mon"])),
            input_block("time", labels["time"], {"type": "timepicker", "initial_time": _TIME}),
            input_block("zone", labels["zone"], text_field(time_zone, "Asia/Seoul", limit=60)),
            input_block("channel", labels["channel"], {**channel, "initial_conversation": channel_id}),
        ],
    }


def read_schedule_form(view: Mapping[str, Any]) -> tuple[AddSchedule, str]:
    """Return the schedule that a submitted form asks for, and its channel. Raises BadFields."""
    state: Mapping[str, Mapping[str, Any]] = view["state"]["values"]
    chosen = {block: "".join(chosen_values(next(iter(actions.values()), {}))) for block, actions in state.items()}
    errors, day, clock, time_zone = FieldErrors(), chosen.get("day", ""), (0, 0), ""
    with errors.about("day"):
        _require_day(day)
    with errors.about("time"):
        clock = read_clock(chosen.get("time", ""))
    with errors.about("zone"):
        time_zone = find_time_zone(chosen.get("zone", "").strip())
    errors.raise_any()
    when = ScheduleWhen(cadence=Cadence.WEEKLY, hour=clock[0], minute=clock[1], days=(day,))
    command = AddSchedule(when=when, study=str(view["private_metadata"]), time_zone=time_zone)
    return command, chosen.get("channel", "")


def _require_day(day: str) -> None:
    if day not in DAYS:
        raise UnknownOption.of(day, DAYS)
