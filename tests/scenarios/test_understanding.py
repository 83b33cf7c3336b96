"""Texts as people write them, through Slack: what starts, what is asked back, what is answered."""

import pytest

from tests.scenarios.conftest import Stage, study_in
from tests.slack.workspace import Message

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def whispered(stage: Stage, part: str, *, user: str = "alice") -> Message:
    """The newest message that only this person sees and that contains a text."""

    async def look() -> Message | None:
        seen = await stage.slack.private(await stage.slack.user_id(user))
        return next((m for m in reversed(seen) if part in str(m.blocks)), None)

    return await stage.slack.eventually(look, seconds=120, what=f"a whisper with {part}")


async def said(stage: Stage, root: Message, part: str) -> str:
    """The blocks of the newest reply in a thread that contains a text."""

    async def look() -> str | None:
        replies = (await stage.slack.thread(root.channel, root.ts))[1:]
        return next((str(m.blocks) for m in reversed(replies) if part in str(m.blocks)), None)

    return await stage.slack.eventually(look, seconds=120, what=f"a reply with {part}")


async def test_a_study_that_is_asked_for_in_words_starts_and_is_said_back_as_a_command(stage: Stage) -> None:
    told = await stage.tell("please optimize apple with RSI, 12 trials, last 4 years, folds=0 seed=811")

    assert "Understood as `/optimize AAPL rsi 12 years=4 folds=0 seed=811`" in told
    assert "AAPL (Apple)" in told
    assert study_in(told)


async def test_a_name_in_the_place_of_the_symbol_is_read_again_once_no_source_has_it(stage: Stage) -> None:
    told = await stage.tell("microsoft RSI 11 folds=0 seed=812")

    assert "MSFT (Microsoft)" in told
    assert study_in(told)


async def test_what_a_saved_text_of_the_grammar_means_is_not_said_back(stage: Stage) -> None:
    assert "Understood as" not in await stage.tell("AAPL RSI 11 folds=0 seed=813")


async def test_of_two_readings_nothing_starts_until_one_is_chosen(stage: Stage) -> None:
    before = await stage.n_studies("kim")
    await stage.act.mention("AAPL mean reversion 10 folds=0 seed=814", bot_user=stage.slack.bot_user, user="kim")
    shown = await whispered(stage, "zscore", user="kim")
    assert await stage.n_studies("kim") == before

    delivery = await stage.act.click(shown, "reading_other", user="kim")
    name = study_in(str(await stage.told(delivery)))
    assert name
    study = await stage.context.services.studies.find(name)
    assert study.spec.strategy_name == "zscore"


async def test_the_first_reading_is_chosen_as_well(stage: Stage) -> None:
    await stage.act.mention("MSFT mean reversion 10 folds=0 seed=815", bot_user=stage.slack.bot_user, user="kim")
    shown = await whispered(stage, "MSFT zscore", user="kim")

    name = study_in(str(await stage.told(await stage.act.click(shown, "reading_one", user="kim"))))
    assert name
    assert (await stage.context.services.studies.find(name)).spec.strategy_name == "bollinger"


async def test_why_answers_in_the_thread_and_by_id_with_the_numbers(stage: Stage) -> None:
    name, root = await stage.finished("AAPL RSI 30 folds=0 seed=816")
    told = await stage.tell(f"why {name}")
    assert "buy and hold" in told
    assert "never saw" in told

    await stage.act.mention("why is it unproven?", bot_user=stage.slack.bot_user, thread_ts=root.ts)
    assert name in await said(stage, root, "tells the whole story")


async def test_why_without_a_study_is_about_the_word(stage: Stage) -> None:
    assert "Unproven" in await stage.tell("why unproven")


async def test_a_question_about_a_companys_market_is_answered_with_its_regime(stage: Stage) -> None:
    told = await stage.tell("is apple in a bear market right now?")

    assert "*AAPL*" in told
    assert any(regime in told for regime in ("bullish", "bearish", "volatile", "sideways"))


async def test_whoever_wants_no_more_messages_is_muted_until_asking_for_them_again(stage: Stage) -> None:
    assert "음소거했습니다" in await stage.tell("알림 그만 보내", user="kim")
    assert "다시 모두 알립니다" in await stage.tell("turn notifications back on", user="kim")


async def test_the_mention_may_stand_in_the_middle(stage: Stage) -> None:
    await stage.act.mention("what can you do?", bot_user=stage.slack.bot_user, before="hey ", user="bob")

    assert "AAPL RSI" in str((await whispered(stage, "strategies", user="bob")).blocks)


async def test_small_talk_in_a_direct_message_is_answered(stage: Stage) -> None:
    direct = stage.slack.workspace.direct([await stage.slack.user_id("kim"), stage.slack.bot_user])
    await stage.act.direct_message("고마워요", channel=direct.id, user="kim")

    async def look() -> Message | None:
        return next((m for m in await stage.slack.messages(direct.id) if "다행" in m.text), None)

    assert await stage.slack.eventually(look, what="an answer")


@pytest.mark.parametrize(
    "text", ["quitt", "don't run AAPL RSI", "AAPL RSI lots", "stop AAPL RSI", "AAPL RSI <@U0BOB>", "x" * 2_001]
)
async def test_a_text_that_asks_for_nothing_starts_nothing(stage: Stage, text: str) -> None:
    before = await stage.n_studies("bob")
    told = await stage.tell(text, user="bob")

    assert not study_in(told)
    assert await stage.n_studies("bob") == before
