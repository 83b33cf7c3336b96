"""Bars that a source corrects later: what is posted, once, and what `data SYMBOL changes` answers."""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.documents.recurring import Champion
from bot.runtime.settings import Settings
from tests.optimizer.market.local_http import Source, serve
from tests.scenarios.conftest import Stage, bindings_now
from tests.scenarios.refreshing import DESK, Services, at, bars
from tests.slack.driver import Driver
from tests.slack.strict import StrictSlack
from tests.slack.workspace import Message

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("other_bots_keep_theirs")]

#: One day among those that a refresh asks for again, and one long before.
CORRECTED = ("2011-03-15", "2012-10-26")
SCHEDULE = "schedule IBM {} 6 folds=0 monthly 28 09:00 tz=UTC"


@pytest.fixture
def source() -> Iterator[Source]:
    with serve() as served:
        served.reply("/query", bars())
        yield served


def is_about_changes(message: Message) -> bool:
    return "were changed" in str(message.blocks) or "봉이 바뀌었습니다" in str(message.blocks)


async def terminal(settings: Settings, *words: str) -> str:
    """What the program prints of a command that is typed on the bot's data directory."""
    environment = os.environ | {
        "OPTIMIZE_BOT_HOME": str(settings.home),
        "OPTIMIZE_BOT_SOURCES": "alphavantage",
        "ALPHAVANTAGE_API_KEY": "key",
        "COLUMNS": "200",
    }
    pipe = asyncio.subprocess.PIPE
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", *words, env=environment, stdout=pipe, stderr=pipe
    )
    out, err = await program.communicate()
    assert program.returncode == 0, err.decode()
    return out.decode()


async def adopted(services: Services, stage: Stage) -> str:
    """Two schedules in two channels, a finished study, and its champion in the first channel; returns its name."""
    await stage.act.command("config language ko", user="bob", channel=DESK)
    await stage.act.command(SCHEDULE.format("SMA"))
    await services.schedules(1)
    await stage.act.command(SCHEDULE.format("EMA"), channel=DESK)
    await services.schedules(2)
    name, _ = await stage.finished("IBM SMA 6 folds=0")
    study = await services.context.services.studies.get_study_results(name)
    await services.context.champions.adopt(study, by="U0BOB2", channel_id=await stage.slack.channel_id())
    return name


async def test_a_correction_is_told_once_and_looked_up_from_every_door(tmp_path: Path, source: Source) -> None:
    async with StrictSlack() as slack:
        services = Services(tmp_path / "home", slack, source)
        quant = await slack.channel_id()
        async with services.up() as act:
            stage = Stage(slack=slack, context=services.context, act=act, url="", bind_again=bindings_now())
            name = await adopted(services, stage)
            assert "No change of stored bars of *IBM* is recorded." in await stage.tell("data IBM changes")

            source.reply("/query", bars(corrected=CORRECTED))
            await services.pass_to(at(1, 22, 30))
            await _told_in_each_channel(services, quant, name)

            services.clock.now = at(1, 23)
            newer, _ = await stage.finished("IBM SMA 7 folds=0")
            await _looked_up(stage, name, newer)
            await services.pass_to(at(2, 22, 30))
        await _typed(services.settings, name)

        services.clock.now = at(4, 23)
        async with services.up() as act:
            await services.refreshed(at(4, 23))
            for channel in (quant, DESK):
                assert len(await services.told(channel, 1, is_about_changes)) == 1
            await _taken_back(services, replace(stage, context=services.context, act=act), source, newer)
        slack.assert_no_violations()


async def _taken_back(services: Services, stage: Stage, source: Source, newer: str) -> None:
    """The source takes its correction back, and then pays a dividend, which is recorded and nobody's business."""
    quant = await stage.slack.channel_id()
    source.reply("/query", bars())
    await services.pass_to(at(5, 22, 30))
    _, second = await services.told(quant, 2, is_about_changes)
    back, first = (await stage.tell("data IBM changes")).split("• ")[1:]
    assert "Champions" not in second
    assert f"Finished studies based on them: `{newer}`." in back
    assert "No finished study or champion is based on them." in first

    source.reply("/query", bars(paid_on="2012-11-06"))
    await services.pass_to(at(6, 22, 30))
    dividend = (await stage.tell("data IBM changes")).split("• ")[1]
    assert "moved by one factor (2007-01-03 to 2012-11-05, 1.00%), as after a dividend." in dividend
    assert "Every bar moved by the same factor, so no return and no result changed." in dividend
    assert len(await services.told(quant, 2, is_about_changes)) == 2


async def _told_in_each_channel(services: Services, quant: str, study: str) -> None:
    [english], [korean] = [await services.told(channel, 1, is_about_changes) for channel in (quant, DESK)]
    names = {schedule.channel_id: schedule.schedule_name for schedule in await services.context.schedules.all()}
    champion = await Champion.find_one({"study_name": study})
    assert champion is not None

    assert "*IBM* daily bars from alphavantage: 2 bars corrected (2011-03-15 to 2012-10-26)" in english
    assert "the close by up to 2.00%." in english
    assert f"Champions based on them: IBM SMA (`{study}`)." in english
    assert f"Schedules that use them: `{names[quant]}`." in english
    assert "Details: `/optimize data IBM changes`" in english
    assert f"`/optimize IBM sma 6 folds=0`, `/optimize run {names[quant]}`" in english
    assert "*IBM* 일봉(alphavantage): 봉 2개(2011-03-15 ~ 2012-10-26)가 정정되었고" in korean
    assert f"이 봉을 쓰는 일정: `{names[DESK]}`." in korean
    assert "챔피언" not in korean


async def _looked_up(stage: Stage, study: str, newer: str) -> None:
    """In a slash command in two languages, and in a mention; the study that was made since is not affected."""
    english, korean = [await stage.tell("data IBM changes", user=user) for user in ("alice", "kim")]
    assert f"Champions based on them: IBM SMA (`{study}`)." in english
    assert f"Finished studies based on them: `{study}`." in english
    assert "Run again on the current bars: `/optimize IBM sma 6 folds=0`" in english
    assert newer not in english
    assert f"이 봉을 쓴 끝난 탐색: `{study}`." in korean
    assert "I have no bars for `IBN`. Did you mean `IBM`?" in await stage.tell("data IBN changes")
    assert "`IBM` has daily bars only, and weeks" in await stage.tell("data IBM changes timeframe=1h")

    await stage.act.mention("data IBM changes", bot_user=stage.slack.bot_user)
    await stage.slack.eventually(lambda: _mentioned(stage), seconds=60, what="the answer to a mention")


async def _mentioned(stage: Stage) -> bool | None:
    """Whether the answer to a mention tells of the champion, in its thread."""
    channel = await stage.slack.channel_id()
    roots = [message for message in await stage.slack.messages(channel) if message.text.endswith("data IBM changes")]
    replies = [reply for root in roots for reply in (await stage.slack.thread(channel, root.ts))[1:]]
    return any("Champions based on them" in str(reply.blocks) for reply in replies) or None


async def _typed(settings: Settings, study: str) -> None:
    """In a terminal, for people in both languages and for programs."""
    document = json.loads(await terminal(settings, "data", "IBM", "changes", "--json"))
    [correction] = document["rows"]
    korean = await terminal(settings, "--language", "ko", "data", "IBM", "changes", "source=alphavantage")

    assert (correction["change"]["kind"], correction["change"]["n_bars"]) == ("correction", 2)
    assert correction["change"]["largest"] == pytest.approx(0.02, abs=1e-4)
    assert correction["studies"] == [study]
    assert correction["champions"][0]["study"] == study
    assert "Run again on the current bars: `optimize-bot IBM sma 6 folds=0`" in document["text"]
    assert "봉 2개(2011-03-15 ~ 2012-10-26)가 정정되었고 종가는 최대 2.00% 달라졌습니다." in korean
    assert f"이 봉을 쓴 챔피언: IBM SMA (`{study}`)." in korean


async def test_a_stop_between_claiming_and_posting_loses_and_repeats_nothing(tmp_path: Path, source: Source) -> None:
    async with StrictSlack() as slack:
        services = Services(tmp_path / "home", slack, source)
        quant = await slack.channel_id()
        async with services.up() as act:
            await _one_schedule(services, act)
            await services.pass_to(at(0, 22, 30))
            source.reply("/query", bars(corrected=CORRECTED[1:]))
            services.clock.now = at(1, 22, 30)
            await asyncio.to_thread(services.context.services.market.refresh, "IBM", now=services.clock.now)
            refresh = str(int(services.clock.now.timestamp()))
            assert await asyncio.to_thread(services.context.services.market.warehouse.claim_changes, refresh)
            await services.pass_to(at(1, 22, 30))
            [post] = await services.told(quant, 1, is_about_changes)
            assert "1 bar corrected (2012-10-26)" in post
            await services.pass_to(at(2, 22, 30))
            assert len(await services.told(quant, 1, is_about_changes)) == 1
        slack.assert_no_violations()


async def _one_schedule(services: Services, act: Driver) -> None:
    """One of weeks, which are made of the days that are stored."""
    await act.command(SCHEDULE.format("SMA").replace("folds=0", "folds=0 timeframe=1w"))
    await services.schedules(1)
