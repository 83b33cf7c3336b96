"""A week under a clock of our own: five schedules in three time zones, a stop of two days, an outage of Slack.

It is the first week of November 2012, when New York put its clocks back and Seoul and London did not, with the real
bars of those days: each search sees the market as it was that evening.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.cli.serve import run_bot
from bot.context import BotContext
from bot.documents.recurring import RunState, Schedule, ScheduleRun
from bot.runtime.processes import start_children
from optimizer.market.providers.sample import SYMBOLS, Sample
from optimizer.market.raw_bars import RawBars
from tests.scenarios.conftest import SetClock, settings_for
from tests.slack.driver import Driver
from tests.slack.strict import StrictSlack
from tests.slack.wire import HttpWire
from tests.slack.workspace import Message

#: What is typed on Wednesday, by the name used below.
SCHEDULES = {
    "evening": "IBM SMA 6 folds=0 seed=1 weekdays 18:00 tz=America/New_York",
    "twice": "IBM EMA 6 folds=0 seed=2 weekly sun 01:30 tz=America/New_York",
    "london": "MSFT SMA 6 folds=0 seed=3 weekly thu,sat 06:00 tz=Europe/London",
    "monday": "AAPL SMA 6 folds=0 seed=4 weekly mon 07:00 tz=Asia/Seoul",
    "first": "MSFT EMA 6 folds=0 seed=5 monthly 1 09:00 tz=Asia/Seoul",
}


pytestmark = [pytest.mark.server, pytest.mark.usefixtures("other_bots_keep_theirs")]


class Exchange:
    """The sample's bars as a source that has new ones every evening; the market leaves out those still open."""

    name = "sample"
    is_live = True
    symbols = SYMBOLS

    def fetch(self, symbol: str, *, timeframe: str, start: date | None, end: date | None, now: datetime) -> RawBars:
        """Bars up to the present day."""
        return Sample().fetch(symbol, timeframe=timeframe, start=start, end=end or now.date(), now=now)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of that week, so many days after Wednesday the 31st of October; in UTC."""
    return datetime(2012, 10, 31, hour, minute, tzinfo=UTC) + timedelta(days=day)


class Week:
    """The bot, its Slack and the clock."""

    def __init__(self, home: Path, slack: StrictSlack) -> None:
        self.clock = SetClock(at(0, 0))
        self.slack = slack
        self._settings = settings_for(home, slack)
        self.context: BotContext
        self.names: dict[str, str] = {}

    @asynccontextmanager
    async def up(self) -> AsyncIterator[Driver]:
        """The bot runs inside the block."""
        client = AsyncWebClient(token=self.slack.bot_token, base_url=self.slack.api_url)
        async with (
            start_children(self._settings) as children,
            run_bot(self._settings, client, children, clock=self.clock, providers=[Exchange()]) as bot,
            HttpWire(f"http://127.0.0.1:{bot.port}/slack/events") as wire,
        ):
            self.context = bot.context
            yield Driver(self.slack, wire)

    async def schedule_all(self, act: Driver) -> None:
        """Type every schedule."""
        for name, text in SCHEDULES.items():
            await act.command(f"schedule {text}")
            seed = int(text.partition("seed=")[2].split()[0])

            while (schedule := await Schedule.find_one({"spec.seed": seed})) is None:
                await asyncio.sleep(0.1)
            self.names[name] = schedule.schedule_name

    async def pass_to(self, moment: datetime, n_posts: int) -> list[Message]:
        """Let the time come; gives all posts of runs, once there are so many."""
        self.clock.now = moment
        self.context.services.jobs.wake()
        return await self.posts(n_posts)

    async def posts(self, n: int) -> list[Message]:
        """The posts of runs, oldest first, once there are `n` and no run is open."""
        channel = await self.slack.channel_id()
        async with asyncio.timeout(120):
            while True:
                found = [m for m in await self.slack.messages(channel) if "Challenger" in str(m.blocks)]
                is_open = await ScheduleRun.find({"state": {"$ne": str(RunState.TOLD)}}).count()
                if len(found) >= n and not is_open:
                    return found
                await asyncio.sleep(0.1)

    async def runs(self) -> list[tuple[str, datetime, int]]:
        """Every run: of which schedule, when it was due, how many earlier times it stands for."""
        by_name = {value: key for key, value in self.names.items()}
        found = await ScheduleRun.find_all().sort("started_at", "due_at").to_list()
        return [(by_name[run.schedule_name], run.due_at, run.n_missed) for run in found]


async def test_a_week_of_five_schedules_through_a_stop_and_an_outage(tmp_path: Path) -> None:
    async with StrictSlack() as slack:
        week = Week(tmp_path / "home", slack)
        async with week.up() as act:
            await week.schedule_all(act)
            await _until_thursday(week)
        week.clock.now = at(3, 12)  # Saturday noon; it was stopped on Thursday
        async with week.up():
            await _from_saturday(week)
            runs = await week.runs()
        slack.assert_no_violations()

    assert runs == [
        ("evening", at(0, 22), 0),  # 18:00 in New York's summer
        ("first", at(1, 0), 0),
        ("london", at(1, 6), 0),
        ("evening", at(2, 22), 1),  # Friday's, for Thursday's too
        ("london", at(3, 6), 0),
        ("twice", at(4, 5, 30), 0),  # the first of two 01:30
        ("monday", at(4, 22), 0),
        ("evening", at(5, 23), 0),  # 18:00 in New York's winter
        ("evening", at(6, 23), 0),
    ]


async def _until_thursday(week: Week) -> None:
    (first,) = await week.pass_to(at(0, 22), 1)
    assert "There is no champion yet" in str(first.blocks)
    assert "First run" in str(first.blocks)
    assert "was due on" not in str(first.blocks)
    run = await ScheduleRun.find_one({"schedule_name": week.names["evening"]})
    assert run is not None
    assert run.challenge is not None
    assert run.challenge.end == date(2012, 10, 31), "the data were brought up to that evening"
    study = await week.context.services.studies.get_study_results(run.study_name)
    await week.context.champions.adopt(study, by=await week.slack.user_id("bob"), why="best of October")
    await week.pass_to(at(1, 0), 2)
    await week.pass_to(at(1, 6), 3)


async def _from_saturday(week: Week) -> None:
    posts = await week.posts(5)
    late = [str(post.blocks) for post in posts[3:]]
    (evening,) = [blocks for blocks in late if "IBM" in blocks]
    assert "was due on Fri 2012-11-02 18:00" in evening
    assert "1 earlier run" in evening
    assert f"adopted by {await week.slack.user_id('bob')}" in evening
    (london,) = [blocks for blocks in late if "MSFT" in blocks]
    assert "was due on Sat 2012-11-03 06:00" in london
    assert "earlier run" not in london

    posts = await week.pass_to(at(4, 5, 30), 6)
    assert "was due on" not in str(posts[-1].blocks)
    await week.pass_to(at(4, 6, 30), 6)  # 01:30 again
    posts = await week.pass_to(at(4, 22), 7)
    assert "next Mon 2012-11-12 07:00" in str(posts[-1].blocks)
    await _through_an_outage(week)
    posts = await week.pass_to(at(6, 23), 9)
    assert len(posts) == 9
    assert len({str(post.blocks) for post in posts}) == 9


async def _through_an_outage(week: Week) -> None:
    """The run goes on without Slack, and is told when it is back."""
    with week.slack.faults.outage("*"):
        week.clock.now = at(5, 23)
        week.context.services.jobs.wake()

        while not await ScheduleRun.find_one({"due_at": at(5, 23), "state": str(RunState.TOLD)}):
            await asyncio.sleep(0.1)
        assert len(await week.posts(7)) == 7
    assert "Since 2012-11" in str((await week.posts(8))[-1].blocks)
