"""Every button: what it does, what remains of it, and who may not press it."""

import re
from copy import deepcopy

import pytest
import pytest_asyncio

from optimizer.domain.study_results import StudyState
from tests.scenarios.conftest import Stage, charts_in, serving
from tests.slack.wire import Delivery
from tests.slack.workspace import Message

pytestmark = pytest.mark.asyncio(loop_scope="session")

Finished = tuple[str, Message]

#: A study that no machine ends before it is stopped: Optuna's own sampler takes longer with each trial.
LONG = "IBM MACD 10000 stop take sampler=optuna folds=0"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def study(shared: Stage) -> Finished:
    """A finished study of alice's, and the message with its verdict."""
    name, root = await (await serving(shared)).finished("IBM RSI 25 folds=0 seed=41")
    return name, await shared.verdict(root)


async def test_pause_resume_and_cancel_stop_a_study_and_let_it_go_on(stage: Stage) -> None:
    name, root = await stage.start(f"{LONG} seed=42")

    await stage.told(await stage.act.click(root, "study_pause"))
    paused = await _root_with(stage, root, "study_resume")
    assert await _state(stage, name, StudyState.PAUSED)
    assert f"Paused: {await _mention(stage, 'alice')}" in str(paused.blocks)
    assert "study_pause" not in str(paused.blocks)

    await stage.told(await stage.act.click(paused, "study_resume"))
    assert await _state(stage, name, StudyState.RUNNING)
    running = await _root_with(stage, root, "study_cancel")

    await stage.told(await stage.act.click(running, "study_cancel"))
    assert await _state(stage, name, StudyState.CANCELLED)
    cancelled = await _root_with(stage, root, f"Cancelled: {await _mention(stage, 'alice')}")
    assert "study_cancel" not in str(cancelled.blocks)


async def test_who_is_neither_owner_nor_approver_is_refused_in_private(stage: Stage) -> None:
    name, root = await stage.start(f"{LONG} seed=43")

    refused = await stage.told(await stage.act.click(root, "study_cancel", user="kim"))

    assert await _mention(stage, "alice") in str(refused)
    assert refused["response_type"] == "ephemeral"
    assert (await stage.context.services.studies.find(name)).status is not StudyState.CANCELLED
    await stage.told(await stage.act.click(root, "study_cancel", user="bob"))
    assert await _state(stage, name, StudyState.CANCELLED)


async def test_details_answer_whoever_asks_and_stay(stage: Stage) -> None:
    name, root = await stage.start(f"{LONG} seed=47")

    assert name in str(await stage.told(await stage.act.click(root, "study_details", user="kim")))
    assert "study_details" in str((await _again(stage, root)).blocks)
    await stage.told(await stage.act.click(root, "study_cancel"))


async def test_a_chart_says_what_it_shows(stage: Stage, study: Finished) -> None:
    _, verdict = study

    async def look() -> str | None:
        messages = await stage.slack.thread(verdict.channel, verdict.thread_ts)
        chart = next((m for m in messages if any("rowth" in title for title in charts_in([m]))), None)
        return chart and (chart.files[0]["alt_txt"] if chart.files else chart.text)

    seen = await stage.slack.eventually(look, seconds=120, what="the chart")
    assert "rowth of 1 for the winner and for buy and hold" in seen


async def test_the_heat_map_comes_into_the_thread(stage: Stage, study: Finished) -> None:
    _, verdict = study

    pressed = await stage.act.click(verdict, "study_heatmap", user="kim")
    await stage.told(pressed)

    async def look() -> bool | None:
        files = [file for m in await stage.slack.thread(verdict.channel, verdict.thread_ts) for file in m.files]
        return any("heatmap.png" in file["title"] for file in files) or None

    await stage.slack.eventually(look, seconds=120, what="the heat map")
    who = await stage.slack.user_id("kim")
    assert re.search(rf"Heat map: (<@)?{who}\b", _instead(pressed))


async def test_share_shows_the_verdict_to_the_channel(stage: Stage, study: Finished) -> None:
    private = await stage.act.command(f"show {study[0]}")
    answer = await stage.told(private)
    assert "study_share" in str(answer)

    await stage.told(await stage.act.click(study[1], "study_share"))

    shown = await _said(stage, study[1], f"Shared by {await _mention(stage, 'alice')}")
    assert "study_share" not in str(shown.blocks)
    assert "study_adopt" in str(shown.blocks)
    assert "|its thread>" in str(shown.blocks)
    assert "Assumptions" not in str(shown.blocks)
    assert not any(block["type"] == "table" for block in shown.blocks)


async def test_details_come_once_with_the_charts_that_are_left(stage: Stage) -> None:
    _, root = await stage.finished("IBM RSI 25 folds=0 seed=48")
    verdict = await stage.verdict(root)
    before = await stage.slack.thread(root.channel, root.ts)
    assert [len(charts_in([message])) for message in before[1:]] == [0, 1], "the decision and one chart"

    details = await stage.detailed(verdict, user="kim")
    answers = await stage.answers(root, least=4)
    assert "/optimize replay" in str(details.blocks)
    assert [message.ts == details.ts for message in answers] == [False, False, True, False]
    assert len(charts_in([answers[3]])) == 1

    sent = str(await stage.told(await stage.act.click(details, "study_export", user="kim")))
    assert "report.html" in sent
    await stage.answers(root, least=5)

    again = await stage.told(await stage.act.click(verdict, "study_report"))
    assert "in its thread already" in str(again)
    assert "|open them>" in str(again)
    assert len(await stage.answers(root)) == 5


async def test_a_channel_may_have_everything_at_once(stage: Stage) -> None:
    assert "`detail` is *full*" in await stage.tell("config detail=full", user="bob")
    try:
        _, root = await stage.finished("IBM RSI 25 folds=0 seed=49", least=4)
    finally:
        assert "`detail` is *brief*" in await stage.tell("config detail=brief", user="bob")

    kinds = ["chart" if charts_in([message]) else "text" for message in await stage.answers(root, least=4)]
    assert kinds == ["text", "chart", "text", "chart"]


async def test_more_trials_are_asked_for_by_the_owner_only(stage: Stage, study: Finished) -> None:
    name, verdict = study

    details = await stage.detailed(verdict)

    refused = await stage.told(await stage.act.click(details, "study_more", user="kim"))
    assert await _mention(stage, "alice") in str(refused)
    pressed = await stage.act.click(details, "study_more")
    await stage.told(pressed)

    async def look() -> bool | None:
        found = await stage.context.services.studies.find(name)
        return True if found.status is StudyState.COMPLETE and found.trials_completed == 125 else None

    await stage.slack.eventually(look, seconds=120, what="125 trials")
    assert f"More trials: {await _mention(stage, 'alice')}" in _instead(pressed)


async def test_replay_says_in_the_thread_that_nothing_differs(stage: Stage, study: Finished) -> None:
    await _state(stage, study[0], StudyState.COMPLETE)

    await stage.told(await stage.act.click(study[1], "study_replay"))

    assert await _said(stage, study[1], "match the stored ones exactly")


async def test_a_second_press_after_the_end_is_refused_in_words(stage: Stage) -> None:
    name, root = await stage.start(f"{LONG} seed=44")
    as_it_was = deepcopy(root)  # what a slow screen still shows
    await stage.told(await stage.act.click(root, "study_cancel"))
    assert await _state(stage, name, StudyState.CANCELLED)

    assert "already cancelled" in str(await stage.told(await stage.act.click(as_it_was, "study_cancel")))


async def _mention(stage: Stage, name: str) -> str:
    return f"<@{await stage.slack.user_id(name)}>"


def _instead(pressed: Delivery) -> str:
    """What took the place of the message whose button was pressed."""
    assert pressed.response_url is not None
    return str([reply.body for reply in pressed.response_url.replies if reply.body.get("replace_original")])


async def _again(stage: Stage, message: Message) -> Message:
    """The message as it stands now."""
    thread = await stage.slack.thread(message.channel, message.thread_ts or message.ts)
    return next(m for m in thread if m.ts == message.ts)


async def _root_with(stage: Stage, root: Message, words: str) -> Message:
    async def look() -> Message | None:
        now = (await stage.slack.thread(root.channel, root.ts))[0]
        return now if words in str(now.blocks) else None

    return await stage.slack.eventually(look, seconds=120, what=f"{words} in the root")


async def _said(stage: Stage, near: Message, words: str) -> Message:
    async def look() -> Message | None:
        thread = await stage.slack.thread(near.channel, near.thread_ts or near.ts)
        everything = [*thread, *await stage.slack.messages(near.channel)]
        return next((m for m in everything if words in str(m.blocks)), None)

    return await stage.slack.eventually(look, seconds=120, what=words)


async def _state(stage: Stage, name: str, state: StudyState) -> bool:
    async def look() -> bool | None:
        return (await stage.context.services.studies.find(name)).status is state or None

    return await stage.slack.eventually(look, seconds=120, what=f"{name} {state}")
