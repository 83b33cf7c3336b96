"""The daily refresh under a clock of our own, from a source on this machine that fails and recovers."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from pydantic import SecretStr
from slack_sdk.web.async_client import AsyncWebClient

from bot.cli.serve import run_bot
from bot.context import BotContext
from bot.documents.conversations import OutboxEntry, Sending
from bot.documents.recurring import FailingSeries, Refresh, Schedule
from bot.runtime.processes import start_children
from optimizer.market.providers.alphavantage import AlphaVantage
from optimizer.market.providers.retry import Patience
from optimizer.market.providers.sample import Sample
from tests.optimizer.market.local_http import Reply, Source, serve
from tests.scenarios.conftest import SetClock, settings_for
from tests.slack.driver import Driver
from tests.slack.strict import StrictSlack
from tests.slack.wire import HttpWire
from tests.slack.workspace import Message

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("other_bots_keep_theirs")]

DESK = "G0DESK001"
DOWN = Reply(status=503)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment so many days after Wednesday the 31st of October 2012, in UTC."""
    return datetime(2012, 10, 31, hour, minute, tzinfo=UTC) + timedelta(days=day)


@cache
def bars() -> Reply:
    """The source's answer while it delivers: every bar of IBM up to the end of that year."""
    history = Sample().fetch("IBM", timeframe="1d", start=date(2007, 1, 1), end=date(2012, 12, 31), now=at(90, 0))
    names = {"1. open": "open", "2. high": "high", "3. low": "low", "4. close": "close", "6. volume": "volume"}
    columns = history.columns()
    days = {
        str(columns["time"][i].astype("datetime64[D]")): {
            **{theirs: f"{columns[ours][i]:.4f}" for theirs, ours in names.items()},
            "5. adjusted close": f"{columns['close'][i]:.4f}",
            "8. split coefficient": "1.0",
        }
        for i in range(len(history))
    }
    return Reply(body=json.dumps({"Meta Data": {"5. Time Zone": "US/Eastern"}, "Time Series (Daily)": days}))


@pytest.fixture
def source() -> Iterator[Source]:
    with serve() as served:
        served.reply("/query", bars())
        yield served


class Services:
    """A bot whose only source is on this machine, its Slack, and the clock."""

    def __init__(self, home: Path, slack: StrictSlack, source: Source, **settings: str) -> None:
        self.clock = SetClock(at(0, 12))
        self.slack = slack
        self.settings = settings_for(home, slack, OPTIMIZE_BOT_SOURCES="alphavantage", **settings)
        self.context: BotContext
        patience = Patience(timeout=20.0, attempts=1)
        self._provider = AlphaVantage(SecretStr("key"), url=source.url, per_minute=6_000_000, patience=patience)

    @asynccontextmanager
    async def up(self) -> AsyncIterator[Driver]:
        """The bot runs inside the block."""
        client = AsyncWebClient(token=self.slack.bot_token, base_url=self.slack.api_url)
        async with (
            start_children(self.settings) as children,
            run_bot(self.settings, client, children, clock=self.clock, providers=[self._provider]) as bot,
            HttpWire(f"http://127.0.0.1:{bot.port}/slack/events") as wire,
        ):
            self.context = bot.context
            yield Driver(self.slack, wire)

    async def pass_to(self, moment: datetime) -> Refresh:
        """Let the time come; gives the refresh that was due, once it is done."""
        self.clock.now = moment
        self.context.services.jobs.wake()
        return await self.refreshed(moment)

    async def refreshed(self, moment: datetime) -> Refresh:
        """The refresh that began at a moment, once it is done."""
        async with asyncio.timeout(120):
            while not (found := await Refresh.find_one({"started_at": moment, "ended_at": {"$ne": None}})):
                await asyncio.sleep(0.05)
        return found

    async def told(self, channel: str, n: int) -> list[str]:
        """The messages about bars in a channel, once there are so many and nothing more is to be sent."""

        async def look() -> list[str] | None:
            unsent = await OutboxEntry.find({"sending": {"$ne": str(Sending.SENT)}}).count()
            found = [str(m.blocks) for m in await self.slack.messages(channel) if _is_about_bars(m)]
            return found if len(found) >= n and not unsent else None

        return await self.slack.eventually(look, seconds=120, what=f"{n} messages about bars in {channel}")

    async def schedules(self, n: int) -> None:
        """Wait until so many schedules are kept."""
        async with asyncio.timeout(120):
            while await Schedule.find_all().count() < n:
                await asyncio.sleep(0.05)


def _is_about_bars(message: Message) -> bool:
    return "are unavailable" in str(message.blocks) or "받지 못했습니다" in str(message.blocks)


async def health(act: Driver) -> str:
    """What `health` says."""
    delivery = await act.command("health", user="bob")
    assert delivery.response_url is not None

    async def look() -> str | None:
        said = [str(reply.body) for reply in delivery.response_url.replies if "Refresh" in str(reply.body)]
        return said[-1] if said else None

    return await act.slack.eventually(look, seconds=120, what="the health")


async def test_a_source_that_fails_is_told_once_where_its_bars_are_used_and_anew_when_it_fails_anew(
    tmp_path: Path, source: Source
) -> None:
    async with StrictSlack() as slack:
        services = Services(tmp_path / "home", slack, source)
        quant = await slack.channel_id()
        async with services.up() as act:
            await _two_schedules(services, act)
            fine = await services.pass_to(at(0, 22, 30))
            assert (fine.n_series, fine.n_failed) == (1, 0)
            assert "1 series" in await health(act)

            source.reply("/query", DOWN)
            assert (await services.pass_to(at(1, 22, 30))).n_failed == 1
            (english,), (korean,) = await services.told(quant, 1), await services.told(DESK, 1)
            names = {schedule.channel_id: schedule.schedule_name for schedule in await services.context.schedules.all()}
            assert "*IBM* daily bars, stored up to 2012-10-31" in english
            assert "error 503" in english
            assert "*IBM* 일봉, 2012-10-31까지 저장됨" in korean
            assert (names[quant] in english, names[DESK] in english) == (True, False)
            assert names[DESK] in korean
            await services.pass_to(at(2, 22, 30))
            assert "IBM (alphavantage)" in await health(act)

        services.clock.now = at(5, 23)  # two times were missed; the third is late
        async with services.up() as act:
            assert (await services.refreshed(at(5, 23))).n_failed == 1
            assert len(await services.told(quant, 1)) == len(await services.told(DESK, 1)) == 1

            source.reply("/query", bars())
            assert (await services.pass_to(at(6, 22, 30))).n_failed == 0
            assert "IBM (alphavantage)" not in await health(act)
            source.reply("/query", DOWN)
            await services.pass_to(at(7, 22, 30))
            assert len(await services.told(quant, 2)) == len(await services.told(DESK, 2)) == 2
        slack.assert_no_violations()


async def _two_schedules(services: Services, act: Driver) -> None:
    """One in the channel, one in another that speaks Korean; neither is due in the days of the test."""
    await act.command("config language ko", user="bob", channel=DESK)
    await act.command("schedule IBM SMA 6 folds=0 monthly 28 09:00 tz=UTC")
    await services.schedules(1)
    await act.command("schedule IBM EMA 6 folds=0 monthly 28 09:00 tz=UTC", channel=DESK)
    await services.schedules(2)


async def test_a_refresh_that_a_stop_cut_off_is_done_at_the_next_start_and_told_once(
    tmp_path: Path, source: Source
) -> None:
    async with StrictSlack() as slack:
        services = Services(tmp_path / "home", slack, source)
        async with services.up() as act:
            await act.command("schedule IBM SMA 6 folds=0 monthly 28 09:00 tz=UTC")
            await services.schedules(1)
            asked = len(source.asked)
            source.reply("/query", Reply(status=503, delay=2.0))
            services.clock.now = at(1, 22, 30)
            services.context.services.jobs.wake()
            async with asyncio.timeout(120):
                while len(source.asked) == asked:
                    await asyncio.sleep(0.02)
        source.reply("/query", DOWN)
        async with services.up():
            assert (await services.refreshed(at(1, 22, 30))).n_failed == 1
            assert len(await services.told(await slack.channel_id(), 1)) == 1
            assert await Refresh.find_all().count() == 1
            assert (await FailingSeries.find_one({"symbol": "IBM"})) is not None
        slack.assert_no_violations()


async def test_the_time_of_the_settings_replaces_the_one_before_and_off_removes_it(
    tmp_path: Path, source: Source
) -> None:
    async with StrictSlack() as slack:
        kept = []
        for setting in ("22:30", "07:00 Asia/Seoul", "off"):
            services = Services(tmp_path / "home", slack, source, OPTIMIZE_BOT_REFRESH=setting)
            async with services.up():
                kept.append(services.context.services.jobs.kept("refresh"))

    assert kept == [["22:30 UTC"], ["07:00 Asia/Seoul"], []]
