"""A bot under a clock of its own, whose only source is on this machine: it fails, recovers and corrects its bars."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
from pydantic import SecretStr
from slack_sdk.web.async_client import AsyncWebClient

from bot.cli.serve import run_bot
from bot.context import BotContext
from bot.documents.conversations import OutboxEntry, Sending
from bot.documents.recurring import Refresh, Schedule
from bot.runtime.processes import start_children
from optimizer.market.providers.online.alphavantage import AlphaVantage
from optimizer.market.providers.online.retry import Patience
from optimizer.market.providers.sample import Sample
from tests.optimizer.market.local_http import Reply, Source
from tests.scenarios.conftest import SetClock, settings_for
from tests.slack.driver import Driver
from tests.slack.strict import StrictSlack
from tests.slack.wire import HttpWire
from tests.slack.workspace import Message

DESK = "G0DESK001"


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment so many days after Wednesday the 31st of October 2012, in UTC."""
    return datetime(2012, 10, 31, hour, minute, tzinfo=UTC) + timedelta(days=day)


@cache
def bars(*, corrected: tuple[str, ...] = (), paid_on: str = "") -> Reply:
    """The source's answer while it delivers: every bar of IBM up to the end of that year.

    The prices of the days `corrected` are 2% higher than they were; a dividend of 1% was paid on the day `paid_on`.
    """
    history = Sample().fetch("IBM", timeframe="1d", start=date(2007, 1, 1), end=date(2012, 12, 31), now=at(90, 0))
    names = {"1. open": "open", "2. high": "high", "3. low": "low", "4. close": "close", "6. volume": "volume"}
    columns = history.columns()
    dates = columns["time"].astype("datetime64[D]").astype(str)
    for name in ("open", "high", "low", "close"):
        columns[name] = columns[name] * np.where(np.isin(dates, corrected), 1.02, 1.0)
    adjusted = columns["close"] * np.where(dates < paid_on, 0.99, 1.0)
    days = {
        str(dates[i]): {
            **{theirs: f"{columns[ours][i]:.4f}" for theirs, ours in names.items()},
            "5. adjusted close": f"{adjusted[i]:.4f}",
            "8. split coefficient": "1.0",
        }
        for i in range(len(history))
    }
    return Reply(body=json.dumps({"Meta Data": {"5. Time Zone": "US/Eastern"}, "Time Series (Daily)": days}))


def is_about_bars(message: Message) -> bool:
    """Check whether a message is about bars that could not be had."""
    return "are unavailable" in str(message.blocks) or "갱신하지 못했습니다" in str(message.blocks)


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

    async def told(self, channel: str, n: int, is_meant: Callable[[Message], bool] = is_about_bars) -> list[str]:
        """The messages that are meant in a channel, once there are so many and nothing more is to be sent."""

        async def look() -> list[str] | None:
            unsent = await OutboxEntry.find({"sending": {"$ne": str(Sending.SENT)}}).count()
            found = [str(m.blocks) for m in await self.slack.messages(channel) if is_meant(m)]
            return found if len(found) >= n and not unsent else None

        return await self.slack.eventually(look, seconds=120, what=f"{n} messages in {channel}")

    async def schedules(self, n: int) -> None:
        """Wait until so many schedules are kept."""
        async with asyncio.timeout(120):
            while await Schedule.find_all().count() < n:
                await asyncio.sleep(0.05)
