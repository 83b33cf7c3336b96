"""A night under a clock of our own: what nobody waits for is held, and told once in the morning, through a stop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.documents.conversations import Conversation, OutboxEntry, Sending
from bot.documents.recurring import RunState, Schedule, ScheduleRun
from tests.scenarios.conftest import SetClock, Stage, live_providers, opened, settings_for
from tests.slack.strict import StrictSlack
from tests.slack.workspace import Message

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("other_bots_keep_theirs")]


def at(hour: int, minute: int = 0, *, day: int = 27) -> datetime:
    """A moment of a night in February 2013, on which the sample has bars; in UTC."""
    return datetime(2013, 2, day, hour, minute, tzinfo=UTC)


class Night:
    """A bot, its Slack and the clock of one night."""

    def __init__(self, home: Path, slack: StrictSlack) -> None:
        self.clock = SetClock(at(21))
        self.slack = slack
        self.home = home

    @asynccontextmanager
    async def up(self) -> AsyncIterator[Stage]:
        """The bot runs inside the block."""
        settings, providers = settings_for(self.home, self.slack), live_providers(self.home)
        async with opened(self.slack, settings, clock=self.clock, providers=providers) as stage:
            yield stage

    async def posts(self, words: str) -> list[Message]:
        """Messages of the channel outside threads that have these words."""
        found = await self.slack.messages(await self.slack.channel_id())
        return [message for message in found if words in str(message.blocks)]

    async def digest(self) -> Message:
        """The digest, once it is posted."""

        async def look() -> Message | None:
            return next(iter(await self.posts("Digest")), None)

        return await self.slack.eventually(look, seconds=60, what="the digest")


async def held() -> list[OutboxEntry]:
    """What the quiet hours hold."""
    return await OutboxEntry.find({"sending": str(Sending.HELD)}).to_list()


async def run_at_night(night: Night, stage: Stage) -> None:
    """Let a schedule's time come at 23:00 and wait until its run has said what it found."""
    night.clock.now = at(23)
    stage.context.services.jobs.wake()
    async with asyncio.timeout(120):
        while not await ScheduleRun.find({"state": str(RunState.TOLD)}).count():
            await asyncio.sleep(0.1)


async def test_a_night_is_quiet_and_its_morning_tells_everything_once(tmp_path: Path) -> None:
    async with StrictSlack() as slack:
        night = Night(tmp_path / "home", slack)
        async with night.up() as stage:
            assert "22:00-07:00" in await stage.tell("config quiet 22:00-07:00", user="bob")
            assert "UTC" in await stage.tell("config tz UTC", user="bob")
            await stage.act.command("schedule AAPL SMA 6 folds=0 seed=4 daily 23:00 tz=UTC")
            async with asyncio.timeout(60):
                while not await Schedule.find_all().count():
                    await asyncio.sleep(0.1)
            await run_at_night(night, stage)
            [entry] = await held()
            assert entry.is_unasked
            assert not await night.posts("Challenger")
            assert "1 post is held" in await stage.tell("status")

            name, root = await stage.start("AAPL RSI 6 folds=0")  # somebody waits for this
            await stage.answers(root, least=1)
        # The bot stands still while the morning comes.
        night.clock.now = at(7, 5, day=28)
        async with night.up() as stage:
            digest = await night.digest()
            [post] = await stage.answers(digest, least=1)
            await asyncio.sleep(6)  # more than one look of the digests
            assert len(await night.posts("Digest")) == 1
            assert not await held()
        assert "Challenger" in str(post.blocks)
        assert name in str(digest.blocks)
        assert "scheduled run" in str(digest.blocks)
        assert not await night.posts("Challenger")
        slack.assert_no_violations()


async def test_a_result_that_nobody_waits_for_any_more_is_told_when_the_night_is_over(tmp_path: Path) -> None:
    async with StrictSlack() as slack:
        night = Night(tmp_path / "home", slack)
        async with night.up() as stage:
            await stage.tell("config quiet=22:00-07:00", user="bob")
            await stage.tell("config tz=UTC", user="bob")
            name, root = await stage.start("AAPL MACD 10000 folds=0")
            night.clock.now = at(23)  # it goes on until then
            async with asyncio.timeout(240):
                while not await Conversation.find({"study_name": name, "ended_at": {"$ne": None}}).count():
                    await asyncio.sleep(0.1)
            assert len(await slack.thread(root.channel, root.ts)) == 1
            night.clock.now = at(7, 5, day=28)
            answers = await stage.answers(root, least=1)
            digest = await night.digest()
        assert name in str(digest.blocks)
        assert "on the unseen" in str(answers[0].blocks)
        slack.assert_no_violations()
