"""The form: opened, changed, refused field by field, submitted; and the shortcut that fills it."""

import asyncio
from typing import Any

import pytest

from bot.commands.forms.start_form import MORE_ACTION, PLAN_ACTION
from bot.documents.audit_log import AuditEntry
from optimizer.storage.documents import OptimizationStudy
from tests.scenarios.conftest import Stage
from tests.slack.wire import Delivery

pytestmark = pytest.mark.asyncio(loop_scope="session")


#: Forms that a test has taken; nobody tells the bot, or a Slack, that one was put away.
TAKEN: set[str] = set()


async def modal(stage: Stage, user: str = "alice") -> dict[str, Any]:
    """The form that was opened for this person last, once."""
    user_id = await stage.slack.user_id(user)

    async def look() -> dict[str, Any] | None:
        return next((view for view in await stage.slack.modals(user_id) if view["id"] not in TAKEN), None)

    view = await stage.slack.eventually(look, what="an open modal")
    TAKEN.add(view["id"])
    return view


def fields(view: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The view's inputs by block_id."""
    return {block["block_id"]: block["element"] for block in view["blocks"] if block["type"] == "input"}


async def changed(stage: Stage, view: dict[str, Any], text: str, user: str = "alice") -> dict[str, Any]:
    """The same form, once it shows the text."""
    user_id = await stage.slack.user_id(user)

    async def look() -> dict[str, Any] | None:
        shown = next(each for each in await stage.slack.modals(user_id) if each["id"] == view["id"])
        return shown if text in str(shown["blocks"]) else None

    return await stage.slack.eventually(look, what=f"a form with {text}")


async def full_modal(stage: Stage, user: str = "alice", **values: str) -> dict[str, Any]:
    """The form that was opened last, with every field; `values` are filled in before the others are asked for."""
    view = await modal(stage, user)
    if "options" in fields(view):
        return view
    await stage.act.click_in_view(view, MORE_ACTION, user=user, values=values)
    return await changed(stage, view, "'block_id': 'options'", user)


async def private(stage: Stage, text: str, user: str = "alice") -> str:
    """What only this person was told and that holds the text."""
    user_id = await stage.slack.user_id(user)

    async def look() -> str | None:
        told = [str(message.blocks) for message in await stage.slack.private(user_id)]
        return next((blocks for blocks in reversed(told) if text in blocks), None)

    return await stage.slack.eventually(look, what=f"a private message with {text}")


async def test_the_bare_command_opens_the_form_and_says_nothing_else(stage: Stage) -> None:
    delivery = await stage.act.command("", user="kim")
    view = await modal(stage, "kim")

    assert delivery.answer == {}
    assert delivery.seconds < 2.0
    assert view["title"]["text"] == "새 탐색"
    assert view["private_metadata"] == await stage.slack.channel_id()


async def test_a_submitted_form_starts_what_the_command_would(stage: Stage) -> None:
    await stage.act.command("", user="bob")
    view = await full_modal(stage, "bob")
    typed = {"symbol": "msft", "trials": "25", "options": "seed=41 folds=0", "parameter:rsi:period": "10..20"}
    delivery = await stage.act.submit(view, user="bob", **typed)

    assert (delivery.status, delivery.answer) == (200, {})
    study = await study_of(stage, "bob", symbol="MSFT", seed=41)
    assert study.origin["command"] == "/optimize MSFT rsi 25 period=10..20 folds=0 seed=41"
    assert study.created_by == await stage.slack.user_id("bob")
    assert study.study_name in await private(stage, study.study_name, "bob")
    await stage.answers(await stage.root(study.study_name))
    assert view["id"] not in [each["id"] for each in await stage.slack.modals(study.created_by)]
    assert await AuditEntry.find({"user_id": study.created_by, "door": "form", "verb": "start"}).count()


async def test_a_form_of_weekly_bars_is_planned_and_studied_as_weeks(stage: Stage) -> None:
    await stage.act.command("", user="alice")
    view = await full_modal(stage)
    filled = {"symbol": "GOOG", "trials": "25", "options": "timeframe=주봉 seed=43 folds=0"}

    await stage.act.click_in_view(view, PLAN_ACTION, values=filled)
    planned = await changed(stage, view, "weekly bars")
    await stage.act.submit(view, **filled)
    study = await study_of(stage, "alice", symbol="GOOG", seed=43)
    root = await stage.root(study.study_name)
    told = (await stage.answers(root))[0]

    assert "Plan for *GOOG RSI*" in str(planned["blocks"])
    assert study.spec.timeframe == "1w"
    assert "weekly" in root.text
    assert "weekly" in str((await stage.detailed(told)).blocks)


async def test_the_form_holds_what_was_asked_for_last(stage: Stage) -> None:
    user_id = await stage.slack.user_id("bob")
    await stage.start("GOOG SMA 15 fast=5..20 seed=40 folds=0", user="bob")
    await study_of(stage, "bob", symbol="GOOG", seed=40)

    await stage.act.command("", user="bob")
    held = fields(await modal(stage, "bob"))

    last = await OptimizationStudy.find({"created_by": user_id}).sort("-created_at").first_or_none()
    assert last is not None
    assert last.spec.seed == 40
    assert held["symbol"]["initial_value"] == "GOOG"
    assert held["trials"]["initial_value"] == "15"
    assert held["parameter:sma:fast"]["initial_value"] == "5..20"  # and so every field is there


async def test_five_fields_come_first_and_more_keeps_what_was_filled_in(stage: Stage) -> None:
    _, short = await shortcut(stage, "what about IBM?")
    assert list(fields(short)) == ["symbol", "strategy", "trials", "goal", "years"]

    TAKEN.discard(short["id"])
    full = await full_modal(stage, symbol="GOOG", trials="77", years="5")

    assert fields(full)["symbol"]["initial_value"] == "GOOG"
    assert fields(full)["trials"]["initial_value"] == "77"
    assert fields(full)["years"]["initial_option"]["value"] == "5"


async def test_the_plan_is_under_the_fields_and_follows_them(stage: Stage) -> None:
    _, view = await shortcut(stage, "and MSFT?")
    assert "Plan for *MSFT RSI*" in str(view["blocks"])

    await stage.act.click_in_view(view, PLAN_ACTION, values={"symbol": "GOOG", "trials": "50"})
    planned = await changed(stage, view, "Plan for *GOOG RSI*")
    assert "50 of 5,376 parameter sets are tried" in str(planned["blocks"])

    await stage.act.click_in_view(planned, PLAN_ACTION, values={"symbol": "APPL"})
    await changed(stage, view, "Did you mean `AAPL`?")

    # As a person does who has not seen the last plan yet.
    await stage.act.click_in_view(planned, PLAN_ACTION, values={"symbol": "AAPL", "trials": "0"})
    await changed(stage, view, "from 1 to 10000")


async def test_of_quick_changes_the_last_is_planned(stage: Stage) -> None:
    _, view = await shortcut(stage, "GOOG?")
    changes = [stage.act.click_in_view(view, PLAN_ACTION, values={"symbol": each}) for each in ("M", "MS", "MSFT")]
    deliveries = await asyncio.gather(*changes)

    assert all(delivery.is_acked for delivery in deliveries)
    await changed(stage, view, "Plan for *MSFT RSI*")


async def test_wrong_fields_are_told_beside_them_and_nothing_starts(stage: Stage) -> None:
    before = await stage.n_studies("kim")
    await stage.act.command("", user="kim")
    view = await full_modal(stage, "kim")
    delivery = await stage.act.submit(view, user="kim", symbol="AAPL", options="sede=7", caps="maxdd<")

    assert delivery.answer["response_action"] == "errors"
    assert set(delivery.answer["errors"]) == {"options", "caps"}
    assert "seed" in delivery.answer["errors"]["options"]
    assert not any("`" in text or "&" in text for text in delivery.answer["errors"].values())
    assert await stage.n_studies("kim") == before


async def test_a_symbol_without_bars_is_told_beside_its_field_or_on_a_busy_machine_after(stage: Stage) -> None:
    before = await stage.n_studies("kim")
    await stage.act.command("", user="kim")
    view = await modal(stage, "kim")
    delivery = await stage.act.submit(view, user="kim", symbol="APPL")

    beside = delivery.answer.get("errors", {})
    assert set(beside) <= {"symbol"}
    assert "AAPL" in (beside["symbol"] if beside else await private(stage, "APPL", "kim"))
    assert await stage.n_studies("kim") == before


async def study_of(stage: Stage, user: str, *, symbol: str, seed: int) -> OptimizationStudy:
    """The study that this person started with this symbol and seed, once it is stored."""
    theirs = {"created_by": await stage.slack.user_id(user), "spec.symbol": symbol, "spec.seed": seed}

    async def look() -> OptimizationStudy | None:
        return await OptimizationStudy.find_one(theirs)

    return await stage.slack.eventually(look, seconds=120, what=f"a study of {theirs}")


async def test_another_strategy_brings_its_fields_and_keeps_the_rest(stage: Stage) -> None:
    await stage.act.command("", user="kim")
    view = await full_modal(stage, "kim")
    await stage.act.click_in_view(view, "start_strategy", user="kim", choose="bollinger", values={"symbol": "GOOG"})

    fresh = await changed(stage, view, "parameter:bollinger:", "kim")
    assert fields(fresh)["symbol"]["initial_value"] == "GOOG"
    assert not any(block.startswith("parameter:rsi:") for block in fields(fresh))
    assert fresh["private_metadata"] == view["private_metadata"]


async def shortcut(stage: Stage, said: str) -> tuple[Delivery, dict[str, Any]]:
    """Someone says it, alice chooses "Optimize this"."""
    message = await stage.slack.say(await stage.slack.user_id("bob"), await stage.slack.channel_id(), said)
    delivery = await stage.act.shortcut(message, "optimize_this")
    return delivery, await modal(stage)


async def test_the_shortcut_fills_in_the_symbol_of_the_message(stage: Stage) -> None:
    delivery, view = await shortcut(stage, "has anyone looked at GOOG lately?")

    assert delivery.status == 200
    assert fields(view)["symbol"]["initial_value"] == "GOOG"


async def test_the_shortcut_on_a_message_without_a_symbol_opens_an_empty_form(stage: Stage) -> None:
    _, view = await shortcut(stage, "lunch?")

    assert "initial_value" not in fields(view)["symbol"]


async def test_a_mention_without_words_gets_help_instead_of_a_form(stage: Stage) -> None:
    await stage.act.mention("", bot_user=stage.slack.bot_user, user="alice")

    assert "/optimize" in await private(stage, "/optimize SYMBOL")
