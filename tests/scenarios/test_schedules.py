"""Schedules and champions, from the typed words to the posts."""

import asyncio
import json
from typing import Any

import pytest

from bot.documents.recurring import Champion, RunState, Schedule, ScheduleRun
from optimizer.domain.space import Params
from optimizer.validation.champions.challenge import Decision, DecisionReason
from tests.scenarios.conftest import Stage
from tests.scenarios.test_modal import modal
from tests.slack.workspace import Message

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def post(stage: Stage, *texts: str, seconds: float = 150) -> Message:
    """The last message in the channel that holds all of the texts, once there is one."""

    async def look() -> Message | None:
        found = await stage.slack.messages(await stage.slack.channel_id())
        held = [message for message in found if all(text in str(message.blocks) for text in texts)]
        return held[-1] if held else None

    return await stage.slack.eventually(look, seconds=seconds, what=f"a post with {texts}")


async def scheduled(stage: Stage, text: str, *, user: str = "alice") -> Schedule:
    """The schedule that a command makes."""
    before = {schedule.schedule_name for schedule in await Schedule.find_all().to_list()}
    delivery = await stage.act.command(text, user=user)
    assert delivery.status == 200
    async with asyncio.timeout(120):
        while True:
            every = await Schedule.find_all().sort("created_at").to_list()
            if made := [schedule for schedule in every if schedule.schedule_name not in before]:
                return made[0]
            await asyncio.sleep(0.05)


async def last_run(schedule: Schedule) -> ScheduleRun:
    """The newest run of a schedule."""
    run = await ScheduleRun.find({"schedule_name": schedule.schedule_name}).sort("-due_at").first_or_none()
    assert run is not None
    return run


def champions_file(stage: Stage) -> dict[str, Any]:
    """What other systems read."""
    document: dict[str, Any] = json.loads((stage.context.services.settings.home / "champions.json").read_text())
    return document


async def refused(stage: Stage, text: str, *, user: str = "alice") -> str:
    """The private refusal of a command."""
    delivery = await stage.act.command(text, user=user)
    told = await stage.told(delivery)
    assert told["response_type"] == "ephemeral"
    return str(told["blocks"])


async def test_a_schedule_is_told_to_the_channel_with_its_next_three_runs(stage: Stage) -> None:
    schedule = await scheduled(stage, "schedule IBM SMA 40 seed=31 folds=0 weekly mon 07:00 tz=Asia/Seoul")
    made = await post(stage, schedule.schedule_name, "scheduled")

    assert "weekly mon 07:00 (Asia/Seoul)" in str(made.blocks)
    assert str(made.blocks).count("Mon 20") == 3
    assert await stage.context.services.jobs.next_run("schedule", schedule.schedule_name) == schedule.next_due
    listed = await stage.act.command("schedules")
    assert listed.answer["response_type"] == "ephemeral"
    assert schedule.schedule_name in str(listed.answer["blocks"])


async def test_without_a_time_zone_the_askers_own_is_taken_and_said(stage: Stage) -> None:
    schedule = await scheduled(stage, "schedule IBM EMA 30 seed=33 daily 06:30", user="bob")

    assert schedule.time_zone == "Europe/London"
    assert "Europe/London" in str((await post(stage, schedule.schedule_name)).blocks)


async def test_what_could_never_compare_is_refused_at_once(stage: Stage) -> None:
    before = len(await Schedule.find_all().to_list())

    assert "holdout=0" in await refused(stage, "schedule IBM RSI 40 holdout=0 weekly mon 07:00")
    assert "to=" in await refused(stage, "schedule IBM RSI 40 to=2012-12-31 weekly mon 07:00")
    assert "leave out `dry`" in await refused(stage, "schedule IBM,MSFT RSI 40 dry weekly mon 07:00")
    assert "IBN" in await refused(stage, "schedule IBN RSI 40 weekly mon 07:00")
    assert "sch-zz" in await refused(stage, "unschedule sch-zz")
    assert len(await Schedule.find_all().to_list()) == before


async def test_several_symbols_get_a_schedule_each(stage: Stage) -> None:
    before = len(await Schedule.find_all().to_list())
    schedule = await scheduled(stage, "schedule IBM,MSFT MACD 30 seed=35 monthly 28 23:15 tz=UTC")

    async def both() -> bool | None:  # the second is stored after the first
        return len(await Schedule.find_all().to_list()) == before + 2 or None

    assert await stage.slack.eventually(both, what="two schedules")
    assert "MSFT macd 30" in str((await post(stage, schedule.schedule_name)).blocks)


async def test_a_shared_set_is_scheduled_challenged_and_adopted_as_one(stage: Stage) -> None:
    schedule = await scheduled(stage, "schedule MSFT,IBM SMA 6 mode=shared seed=51 folds=0 weekly fri 07:00 tz=UTC")
    assert "/optimize IBM,MSFT sma 6" in str((await post(stage, schedule.schedule_name, "scheduled")).blocks)

    await stage.act.command(f"run {schedule.schedule_name}")
    await post(stage, schedule.schedule_name, "Challenger", "IBM,MSFT SMA")
    run = await last_run(schedule)
    assert run.challenge is not None
    assert len((await stage.context.services.studies.find(run.study_name)).data_hashes) == 2

    study = await stage.context.services.studies.get_study_results(run.study_name)
    champion = await stage.context.champions.adopt(study, by="U0BOB2")
    assert champion.symbol == "IBM,MSFT"
    present = await stage.context.champions.find(schedule.spec)
    assert present is not None
    assert present.study_name == champion.study_name
    others = await stage.context.champions.history(schedule.spec.for_symbol("IBM"))
    assert champion.study_name not in [other.study_name for other in others]


async def test_the_same_schedule_twice_is_told_and_not_made(stage: Stage) -> None:
    schedule = await scheduled(stage, "schedule IBM DONCHIAN 30 weekdays 18:00 tz=UTC")

    assert schedule.schedule_name in await refused(stage, "schedule IBM DONCHIAN 30 weekdays 18:00 tz=UTC")


async def test_a_run_is_compared_posted_once_adopted_and_then_challenged(stage: Stage) -> None:
    schedule = await scheduled(stage, "schedule IBM SMA 40 seed=37 folds=0 weekly sun 07:00 tz=Asia/Seoul")
    answer = await stage.act.command(f"run {schedule.schedule_name}")
    assert schedule.schedule_name in str(await stage.told(answer))
    first = await post(stage, schedule.schedule_name, "Challenger")
    run = await last_run(schedule)

    assert "There is no champion yet" in str(first.blocks)
    assert "on demand" in str(first.blocks)
    assert run.state is RunState.TOLD
    assert run.challenge is not None
    assert run.challenge.n_bars > 300
    assert all(f"{name}={value}" in str(first.blocks) for name, value in run.params.items())
    study = await stage.context.services.studies.find(run.study_name)
    assert study.name == schedule.schedule_name
    assert await stage.context.conversations.find(study.study_name) is None

    await stage.act.click(first, "study_adopt", user="bob")
    adopted = await post(stage, "champion", study.study_name, "made")
    assert await stage.slack.user_id("bob") in str(adopted.blocks)
    (entry,) = [e for e in champions_file(stage)["champions"] if (e["symbol"], e["strategy"]) == ("IBM", "sma")]
    assert entry["params"] == run.params
    assert entry["adopted_by"] == await stage.slack.user_id("bob")

    await stage.act.command(f"run {schedule.schedule_name}")
    second = await post(stage, schedule.schedule_name, "Challenger", "adopted by", seconds=150)
    again = await last_run(schedule)
    assert again.challenge is not None
    assert (again.challenge.decision, again.challenge.reason) == (Decision.KEEP, DecisionReason.SAME)
    assert "found the same set again" in str(second.blocks)
    assert "study_adopt" not in str(second.blocks)


async def test_the_champion_is_among_the_tried_sets(stage: Stage) -> None:
    spec = (await scheduled(stage, "schedule MSFT EMA 20 seed=39 folds=0 weekly sat 07:00 tz=UTC")).spec
    params: Params = {"fast": 33, "slow": 144}
    study = await stage.context.services.studies.store(
        await stage.context.services.studies.plan(spec), created_by="U1", first=[params, {"fast": 1, "slow": 2}]
    )
    await stage.context.services.jobs.submit(study.study_name)

    while not (await stage.context.services.studies.find(study.study_name)).status.is_finished:
        await asyncio.sleep(0.1)
    trials = await stage.context.services.studies.get_trials(study.study_name)
    assert trials[1].params == params
    assert len(trials) == 20


async def test_adopting_in_words_is_confirmed_by_a_button_and_keeps_the_history(stage: Stage) -> None:
    name, root = await stage.start("GOOG SMA 30 seed=43 folds=0")
    await stage.answers(root)
    asked = await stage.act.command(f'adopt {name} why="after the split"', user="bob")
    assert asked.answer["response_type"] == "ephemeral"
    assert "confirm" in str(asked.answer["blocks"])
    assert await Champion.find({"symbol": "GOOG", "strategy_name": "sma"}).count() == 0

    user_id = await stage.slack.user_id("bob")
    offered = (await stage.slack.private(user_id))[-1]
    await stage.act.click(offered, "study_adopt", user="bob")
    told = await post(stage, name, "after the split")
    assert "GOOG SMA" in str(told.blocks)

    assert "already" in str((await _click_again(stage, offered)).blocks)
    other, root = await stage.start("GOOG SMA 30 seed=44 folds=0 slow=100..200")
    await stage.answers(root)
    found = await stage.context.services.studies.get_study_results(other)
    champion = await stage.context.champions.adopt(found, by="U2", why="wider")
    history = await stage.context.champions.history(found.spec)
    assert [entry.study_name for entry in history] == [other, name]
    assert champion.replaced == name
    assert [e["study"] for e in champions_file(stage)["champions"] if e["symbol"] == "GOOG"] == [other]


async def _click_again(stage: Stage, offered: Message) -> Message:
    user_id = await stage.slack.user_id("bob")
    await stage.act.click(offered, "study_adopt", user="bob")

    async def look() -> Message | None:
        return next((m for m in reversed(await stage.slack.private(user_id)) if "already" in str(m.blocks)), None)

    return await stage.slack.eventually(look, what="a refusal")


async def test_the_button_under_a_result_asks_when_and_where_and_its_post_can_be_undone(stage: Stage) -> None:
    name, root = await stage.start("GOOG EMA 30 seed=45 folds=0")
    (head, *_) = [m for m in await stage.answers(root) if "study_schedule" in str(m.blocks)]
    await stage.act.click(head, "study_schedule")
    view = await modal(stage)

    assert "GOOG EMA" in str(view["blocks"])
    assert "America/New_York" in str(view["blocks"])
    assert await Schedule.find_one({"spec.seed": 45}) is None, "nothing is scheduled before the form is sent"

    wrong = await stage.act.submit(view, zone="Seul")
    assert "Asia/Seoul" in str(wrong.answer["errors"]["zone"])

    await stage.act.submit(view, day="thu", time="18:30", zone="Europe/London", channel=root.channel)
    told = await post(stage, "GOOG ema 30", "weekly thu 18:30", "Europe/London")
    schedule = await Schedule.find_one({"spec.seed": 45})
    assert schedule is not None
    assert schedule.spec == (await stage.context.services.studies.find(name)).spec

    await stage.act.click(told, "schedule_undo")
    await post(stage, "removed the schedule", schedule.schedule_name)
    removed = await Schedule.find_one({"spec.seed": 45})
    assert removed is not None
    assert removed.removed_at is not None


async def test_a_run_whose_study_is_stopped_says_so_and_is_not_begun_twice(stage: Stage) -> None:
    schedule = await scheduled(stage, "schedule IBM RSI 9000 seed=47 folds=0 weekly fri 07:00 tz=UTC")
    await stage.act.command(f"run {schedule.schedule_name}")
    assert "is already running" in await refused(stage, f"run {schedule.schedule_name}")

    while not (run := await last_run(schedule)).study_name:
        await asyncio.sleep(0.02)
    await stage.context.services.studies.cancel(run.study_name)
    told = await post(stage, schedule.schedule_name, "has no result")
    assert "was cancelled" in str(told.blocks)
    assert f"run {schedule.schedule_name}" in str(told.blocks)
    assert (await last_run(schedule)).state is RunState.TOLD


async def test_a_schedule_on_a_watch_list_reads_its_members_when_it_runs(stage: Stage) -> None:
    await stage.tell("config @weekly MSFT,GOOG", user="bob")
    schedule = await scheduled(stage, "schedule @weekly SMA 6 seed=48 folds=0 weekly fri 07:00 tz=UTC")
    made = await post(stage, schedule.schedule_name, "scheduled")
    assert "/optimize @weekly sma 6" in str(made.blocks)
    assert "A watch list is read again at each run" in str(made.blocks)

    await stage.tell("config @weekly GOOG,IBM", user="bob")
    await stage.act.command(f"run {schedule.schedule_name}")
    root = await post(stage, schedule.schedule_name, "2 symbols compared;")
    replies = (await stage.slack.thread(await stage.slack.channel_id(), root.ts))[1:]
    assert sorted("GOOG SMA" if "GOOG SMA" in str(each.blocks) else "IBM SMA" for each in replies) == [
        "GOOG SMA",
        "IBM SMA",
    ]
    assert all("Challenger" in str(each.blocks) for each in replies)
    assert all(symbol in str(root.blocks) for symbol in ("GOOG", "IBM"))
    runs = await ScheduleRun.find({"schedule_name": schedule.schedule_name}).to_list()
    assert sorted(run.symbol for run in runs) == ["GOOG", "IBM"]
    studies = [await stage.context.services.studies.find(run.study_name) for run in runs]
    assert sorted(study.symbol for study in studies) == ["GOOG", "IBM"]
    assert [study.n_together for study in studies] == [2, 2]
    assert [study.universe and study.universe.name for study in studies] == ["weekly", "weekly"]
    assert "@weekly SMA" in await stage.tell("schedules")


async def test_a_schedule_whose_watch_list_is_gone_says_so(stage: Stage) -> None:
    await stage.tell("config @brief IBM", user="bob")
    schedule = await scheduled(stage, "schedule @brief SMA 6 seed=49 folds=0 weekly fri 07:00 tz=UTC")
    await stage.tell("config @brief=", user="bob")

    await stage.act.command(f"run {schedule.schedule_name}")

    told = await post(stage, schedule.schedule_name, "has no result")
    assert "There is no watch list `@brief`" in str(told.blocks)
    assert "@brief SMA" in str(told.blocks)


async def test_a_schedule_on_a_watch_list_that_is_not_there_is_refused(stage: Stage) -> None:
    assert "Did you mean `@weekly`" in await refused(stage, "schedule @weakly SMA 6 weekly fri 07:00 tz=UTC")


async def test_a_removed_schedule_rings_no_more(stage: Stage) -> None:
    schedule = await scheduled(stage, "schedule IBM BOLLINGER 30 daily 05:00 tz=UTC")
    other = await stage.act.command(f"unschedule {schedule.schedule_name}", user="kim")
    assert other.answer["response_type"] == "ephemeral"

    await stage.act.command(f"unschedule {schedule.schedule_name}")
    await post(stage, schedule.schedule_name, "removed")
    assert await stage.context.services.jobs.next_run("schedule", schedule.schedule_name) is None
    assert schedule.schedule_name not in [s.schedule_name for s in await stage.context.schedules.all()]
