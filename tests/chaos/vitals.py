"""What a bot says of itself while something is done to it, and what its log says afterwards."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.bot_process import BotProcess

_PAUSE = 0.25
#: Seconds that /healthz has; /readyz may wait for MongoDB.
_HEALTH_SECONDS, _READY_SECONDS = 3.0, 10.0
#: Seconds after the last answer in which the bot has to be ready again.
_SETTLED_SECONDS = 60.0
#: What asyncio writes of a task that ended with nobody looking.
_UNSEEN = re.compile(r"was never retrieved|Task was destroyed|Unhandled exception")


@dataclass
class Vitals:
    """What /healthz and /readyz said. A bot that does not listen, since it starts or ends, is not counted."""

    n_looks: int = 0
    n_unhealthy: int = 0
    slowest: float = 0.0
    wrong: Counter[str] = field(default_factory=Counter)  # looks by what /readyz named
    last: dict[str, Any] = field(default_factory=dict)  # what was wrong at the end
    n_unseen: int = 0  # tasks that ended unseen
    n_tracebacks: int = 0

    async def look(self, session: aiohttp.ClientSession, origin: str) -> None:
        """Ask both, once."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(_HEALTH_SECONDS), session.get(f"{origin}/healthz") as answer:
                is_healthy = answer.status == 200
        except aiohttp.ClientError:
            return
        except TimeoutError:
            is_healthy = False
        self.n_looks += 1
        self.n_unhealthy += not is_healthy
        self.slowest = max(self.slowest, time.monotonic() - began)
        with suppress(aiohttp.ClientError, TimeoutError):
            async with asyncio.timeout(_READY_SECONDS), session.get(f"{origin}/readyz") as answer:
                self.wrong.update((await answer.json())["wrong"].keys())

    async def settle(self, bot: BotProcess) -> None:
        """Wait until the bot is ready again, and read its log."""
        with suppress(TimeoutError):
            await bot.until_ready(seconds=_SETTLED_SECONDS)
        self.last = (await bot.ready())[1]["wrong"]
        log = bot.log.read_text(errors="replace") if bot.log else ""
        self.n_unseen, self.n_tracebacks = len(_UNSEEN.findall(log)), log.count("Traceback")

    @property
    def n_dead(self) -> int:
        """Tasks that ended unseen, and loops that do not work at the end."""
        return self.n_unseen + len(str(self.last.get("loops", "")).split())

    def __str__(self) -> str:
        health = "200" if not self.n_unhealthy else f"not 200 {self.n_unhealthy} times"
        named = ", ".join(f"`{part}` {n}" for part, n in self.wrong.most_common()) or "none"
        return (
            f"{self.n_looks} looks: `/healthz` {health}, slowest {self.slowest:.2f} s; `/readyz` failing: {named}, "
            f"at the end: {', '.join(self.last) or 'none'}; {self.n_dead} tasks dead, {self.n_tracebacks} tracebacks"
        )


@asynccontextmanager
async def watched(bot: BotProcess) -> AsyncIterator[Vitals]:
    """Look at a bot all through the block."""
    vitals = Vitals()

    async def follow() -> None:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
            while True:
                await vitals.look(session, bot.origin)
                await asyncio.sleep(_PAUSE)

    following = asyncio.create_task(follow())
    try:
        yield vitals
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


def log_of(home: Path) -> Path:
    """Where a bot of the chaos suite logs."""
    return home.with_suffix(".log")
