"""The main job and every verb again, in a Slack that nobody here wrote.

It stands in a folder of its own because documents belong to one database a process: this bot must have ended before
the one of the scenarios starts.
"""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.grammar.verbs import VERBS
from tests.scenarios.conftest import Stage, charts_in, live_providers, opened, settings_for
from tests.scenarios.test_buttons import (
    study,
    test_a_channel_may_have_everything_at_once,
    test_a_second_press_after_the_end_is_refused_in_words,
    test_details_answer_whoever_asks_and_stay,
    test_details_come_once_with_the_charts_that_are_left,
    test_more_trials_are_asked_for_by_the_owner_only,
    test_pause_resume_and_cancel_stop_a_study_and_let_it_go_on,
    test_replay_says_in_the_thread_that_nothing_differs,
    test_share_shows_the_verdict_to_the_channel,
    test_the_heat_map_comes_into_the_thread,
    test_who_is_neither_owner_nor_approver_is_refused_in_private,
)
from tests.scenarios.test_main_job import (
    test_command_is_acknowledged_at_once_and_answered_in_its_thread,
    test_unknown_strategy_is_told_privately_and_starts_nothing,
)
from tests.slack.blocks import NEW_KINDS
from tests.slack.emulate import Emulated
from tests.slack.workspace import Message

__all__ = [
    "study",
    "test_a_channel_may_have_everything_at_once",
    "test_a_second_press_after_the_end_is_refused_in_words",
    "test_command_is_acknowledged_at_once_and_answered_in_its_thread",
    "test_details_answer_whoever_asks_and_stay",
    "test_details_come_once_with_the_charts_that_are_left",
    "test_more_trials_are_asked_for_by_the_owner_only",
    "test_pause_resume_and_cancel_stop_a_study_and_let_it_go_on",
    "test_replay_says_in_the_thread_that_nothing_differs",
    "test_share_shows_the_verdict_to_the_channel",
    "test_the_heat_map_comes_into_the_thread",
    "test_unknown_strategy_is_told_privately_and_starts_nothing",
    "test_who_is_neither_owner_nor_approver_is_refused_in_private",
]

pytestmark = pytest.mark.asyncio(loop_scope="session")
#: What is typed, with `{id}` for a finished study and `{sch}` for a schedule, and what the answer says of it. `start`
#: is the main job; the modal of the bare command emulate cannot carry.
TYPED = {
    "help": ("help", "/optimize"),
    "strategies": ("strategies", "supertrend"),
    "whoami": ("whoami", "runner"),
    "status": ("status {id}", "{id}"),
    "list": ("list mine", "{id}"),
    "show": ("show {id}", "on the unseen"),
    "top": ("top AAPL rsi all", "{id}"),
    "compare": ("compare {id} {id}", "{id}"),
    "best": ("best AAPL rsi", "period="),
    "more": ("more {id} 5", "{id}"),
    "pause": ("pause {id}", "{id}"),
    "resume": ("resume {id}", "{id}"),
    "cancel": ("cancel {id}", "{id}"),
    "replay": ("replay {id}", "{id}"),
    "champions": ("champions", "hampion"),
    "schedules": ("schedules", "{sch}"),
    "run": ("run {sch}", "{sch}"),
    "regimes": ("regimes", "foretells nothing"),
    "unschedule": ("unschedule {sch}", "{sch}"),
    "data": ("data AAPL", "daily bars"),
    "regime": ("regime AAPL", "since"),
    "forecast": ("forecast {id}", "Next"),
    "forecasts": ("forecasts", "orecast"),
    "signal": ("signal AAPL", "base rate"),
    "signals": ("signals AAPL", "outcome"),
    "health": ("health", "MongoDB"),
    "failures": ("failures", "fail"),
    "config": ("config", "language"),
    "audit": ("audit 5", "Who did what"),
    "web": ("web", "sign-in"),
    "rule": ("rule dip buy when rsi < 30; sell when rsi > 55", "Saved as"),
    "rules": ("rules", "dip"),
    "export": ("export {id} csv", "{id}"),
    "adopt": ("adopt {id}", "champion"),
    "why": ("why {id}", "buy and hold"),
    "mute": ("mute", "Muted"),
    "unmute": ("unmute", "in full again"),
    "preferences": ("preferences", "tz"),
}
ELSEWHERE = {"start", "schedule"}


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=["emulate"])
async def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A bot of its own, where anyone may start studies; emulate has no user groups to give people their roles by."""
    async with Emulated() as slack:
        roles = {"admins": (await slack.user_id("bob"),), "approvers": (), "runners": ("*",), "viewers": ()}
        settings = settings_for(tmp_path_factory.mktemp("emulated"), slack).model_copy(update=roles)
        async with opened(slack, settings, providers=live_providers(settings.home)) as stage:
            yield stage
        slack.assert_no_violations()


@pytest.fixture(scope="module")
def stage(shared: Stage) -> Stage:
    """The one bot of this module."""
    return shared


async def test_every_verb_is_typed_here_or_said_to_be_elsewhere() -> None:
    assert set(TYPED) | ELSEWHERE == set(VERBS)


async def test_every_verb_is_answered_in_a_slack_nobody_here_wrote(stage: Stage) -> None:
    study, _ = await stage.finished("AAPL RSI 12 folds=0 seed=81", least=1)
    made = await stage.tell("schedule AAPL RSI 12 folds=0 seed=82 monthly 28 09:00 tz=UTC")
    schedule = str(re.findall(r"sch-[0-9a-f]+", made)[0])

    for verb, (typed, word) in TYPED.items():
        user = "bob" if verb in ("config", "audit", "adopt") else "alice"
        told = await stage.tell(typed.format(id=study, sch=schedule), user=user)
        assert word.format(id=study, sch=schedule).lower() in told.lower(), (verb, told)


async def test_an_older_slack_gets_plain_tables_and_pictures_and_is_asked_once(stage: Stage) -> None:
    _, root = await stage.start("AAPL RSI 15 seed=85")
    await stage.detailed(await stage.verdict(root))

    async def look() -> list[Message] | None:
        replies = (await stage.slack.thread(root.channel, root.ts))[1:]
        return replies if len(charts_in(replies)) == 2 else None

    replies = await stage.slack.eventually(look, seconds=300, what="two charts")

    assert charts_in(replies) == ["Growth and drawdown", "The search, trial by trial"]
    kinds = {block["type"] for message in replies for block in message.blocks}
    assert "table" in kinds
    assert not kinds & NEW_KINDS
    posts = stage.slack.ledger.of("chat.postMessage")
    assert sum(call.answer.get("error") == "invalid_blocks" for call in posts) == 1


async def test_a_result_is_adopted_by_its_button(stage: Stage, study: tuple[str, Message]) -> None:
    name, verdict = study

    await stage.adopt(verdict, user="bob")

    assert await _posted(stage, verdict, f"the champion of *IBM RSI* (`{name}`")


async def _posted(stage: Stage, near: Message, words: str) -> bool:
    """Whether that is said in the channel or in the thread in the end."""

    async def look() -> bool | None:
        said = [*await stage.slack.messages(near.channel), *await stage.slack.thread(near.channel, near.thread_ts)]
        return any(words in str(message.blocks) for message in said) or None

    return await stage.slack.eventually(look, seconds=120, what=words)
