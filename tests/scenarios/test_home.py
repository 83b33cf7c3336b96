"""The home tab: filled when opened, in the reader's language, and kept up to date while things change."""

import asyncio
from typing import Any

import pytest

from bot.documents.sessions import HomeVisit
from optimizer.storage.documents import OptimizationStudy
from tests.scenarios.conftest import Stage
from tests.scenarios.test_buttons import LONG
from tests.scenarios.test_modal import full_modal

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def tab(stage: Stage, *texts: str, user: str = "alice", seconds: float = 120) -> dict[str, Any]:
    """The person's home tab, once it holds all of the texts."""
    user_id = await stage.slack.user_id(user)

    async def look() -> dict[str, Any] | None:
        view = await stage.slack.home(user_id)
        return view if view and all(text in str(view["blocks"]) for text in texts) else None

    return await stage.slack.eventually(look, seconds=seconds, what=f"a home tab with {texts}")


async def test_an_opened_tab_shows_every_part_in_the_readers_language(stage: Stage) -> None:
    await stage.act.open_home(user="alice")
    english = await tab(stage, "Running", "Decisions of the week", "Champions", "Schedules", "New study")
    await stage.act.open_home(user="kim")
    korean = await tab(stage, "진행 중", "이번 주 결정", "챔피언", "일정", "새 탐색", user="kim")

    assert english["type"] == korean["type"] == "home"
    assert await HomeVisit.find({"user_id": await stage.slack.user_id("kim")}).count() == 1


async def test_the_tab_shows_a_study_that_runs_with_its_bar_until_it_ends(stage: Stage) -> None:
    await stage.act.open_home(user="bob")
    name, _ = await stage.start(f"{LONG} seed=51")
    running = await tab(stage, name, "▓", user="bob")
    assert part_of(running, name) == "Running"

    await stage.tell(f"cancel {name}")

    await tab_without(stage, name, user="bob")


async def test_a_study_that_has_ended_is_among_the_decisions_of_the_week(stage: Stage) -> None:
    await stage.act.open_home(user="bob")
    name, _ = await stage.finished("GOOG RSI 20 seed=52 folds=0", least=1)

    async def look() -> bool | None:
        return part_of(await tab(stage, name, user="bob"), name) == "Decisions of the week" or None

    assert await stage.slack.eventually(look, seconds=120, what="the study among the decisions")


def part_of(view: dict[str, Any], name: str) -> str:
    """The heading under which a study stands first."""
    heading = ""
    for block in view["blocks"]:
        if block["type"] == "header":
            heading = block["text"]["text"]
        elif name in str(block):
            return str(heading)
    return ""


async def tab_without(stage: Stage, name: str, *, user: str) -> None:
    """Wait until the person's home tab no longer names the study."""
    user_id = await stage.slack.user_id(user)

    async def look() -> bool | None:
        view = await stage.slack.home(user_id)
        return (view is not None and name not in str(view["blocks"])) or None

    await stage.slack.eventually(look, seconds=120, what=f"a home tab without {name}")


async def test_a_tab_that_reads_the_same_is_not_published_again(stage: Stage) -> None:
    await stage.act.open_home(user="kim")
    before = await tab(stage, "챔피언", user="kim")
    await stage.act.open_home(user="kim")
    after = await tab(stage, "챔피언", user="kim")

    assert before["blocks"] != after["blocks"] or before["hash"] == after["hash"]


async def test_the_button_opens_the_form_and_the_study_goes_to_a_direct_message(stage: Stage) -> None:
    await stage.act.open_home(user="alice")
    view = await tab(stage, "New study")
    await stage.act.click_in_view(view, "home_new_study", user="alice")
    form = await full_modal(stage)
    assert not form.get("private_metadata")

    delivery = await stage.act.submit(form, symbol="GOOG", trials="20", options="seed=53 folds=0")
    assert delivery.answer == {}
    user_id = await stage.slack.user_id("alice")

    while (study := await OptimizationStudy.find_one({"created_by": user_id, "spec.seed": 53})) is None:
        await asyncio.sleep(0.05)
    assert study.origin["channel_id"].startswith("D")


async def test_the_messages_tab_publishes_nothing(stage: Stage) -> None:
    before = await HomeVisit.find_all().count()
    asked = len(stage.slack.ledger.of("assistant.threads.setSuggestedPrompts"))
    delivery = await stage.act.open_messages(user="alice", channel=await _direct(stage))
    assert delivery.status == 200
    said = stage.slack.ledger
    await said.until(lambda: len(said.of("assistant.threads.setSuggestedPrompts")) > asked, what="the prompts")

    assert await HomeVisit.find_all().count() == before


async def _direct(stage: Stage) -> str:
    """Alice's conversation with the bot."""
    opened = await stage.context.client.conversations_open(users=await stage.slack.user_id("alice"))
    return str(opened["channel"]["id"])
