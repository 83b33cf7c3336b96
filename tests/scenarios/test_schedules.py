"""Schedules and champions, from the typed words to the posts."""

import json

import pytest

from bot.documents import Champion, RunState, Schedule, ScheduleRun
from tests.scenarios.conftest import Stage
from tests.slack.workspace import Message

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def posts(stage: Stage, *texts: str) -> list[Message]:
    """The channel's messages that hold all of the texts."""
    found = await stage.slack.messages(await stage.slack.channel_id())
    return [message for message in found if all(text in str(message.blocks) for text in texts)]


async def post(stage: Stage, *texts: str, seconds: float = 60) -> Message:
    """The only such message, once it is there."""

    async def look() -> Message | None:
        found = await posts(stage, *texts)
        return found[0] if found else None

    return await stage.slack.eventually(look, seconds=seconds, what=f"a post with {texts}")


async def scheduled(stage: Stage, text: str, *, user: str = "alice") -> Schedule:
    """The schedule that a command makes."""
    before = {schedule.schedule_name for schedule in await Schedule.find_all().to_list()}
    delivery = await stage.act.command(text, user=user)
    assert delivery.answer["response_type"] == "in_channel", delivery.answer

    async def look() -> Schedule | None:
        return next((s for s in await Schedule.find_all().to_list() if s.schedule_name not in before), None)

    return await stage.slack.eventually(look, what="the schedule")


async def test_a_schedule_runs_is_compared_and_adopted(stage: Stage) -> None:
    schedule = await scheduled(stage, "schedule IBM SMA 40 seed=31 folds=0 weekly mon 07:00 tz=Asia/Seoul")
    made = await post(stage, schedule.schedule_name, "scheduled")
    assert "Asia/Seoul" in str(made.blocks)
    assert str(made.blocks).count("Mon 20") == 3
    assert stage.office.desk.jobs.next_run("schedule", schedule.schedule_name) == schedule.next_due

    await stage.act.command(f"run {schedule.schedule_name}")
    told = await post(stage, schedule.schedule_name, "Challenger")
    assert "There is no champion yet" in str(told.blocks)
    run = await ScheduleRun.find_one(ScheduleRun.schedule_name == schedule.schedule_name)
    assert run is not None
    assert run.state is RunState.TOLD

    await stage.act.click(told, "study_adopt", user="bob")
