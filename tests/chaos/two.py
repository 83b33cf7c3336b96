"""Two bots on one database: one serves, the other waits for its end, however it comes."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp

from tests.bot_process import BotProcess
from tests.chaos.havoc import Havoc
from tests.chaos.machine import keep_bars
from tests.chaos.mongo import mongod_in
from tests.chaos.studies import Ended, run
from tests.slack.strict import StrictSlack

#: Seconds until the other bot serves, and until one that is no longer wanted has ended.
_TAKEN_OVER_SECONDS, _ENDED_SECONDS = 120.0, 60.0
_PAUSE = 0.1


@dataclass
class Pair:
    """Two bots, to whoever asks one: requests go to the one that serves, as behind a load balancer."""

    home: Path  # of their MongoDB
    bots: list[BotProcess]
    takeovers: list[float] = field(default_factory=list)  # seconds that nobody served
    n_both: int = 0  # looks that saw both serve
    _serving: list[BotProcess] = field(default_factory=list)

    @property
    def leader(self) -> BotProcess:
        """The bot that serves, or served last."""
        return self.bots[0]

    @property
    def origin(self) -> str:
        """The address of the one that serves."""
        return self.leader.origin

    @property
    def url(self) -> str:
        """Where it takes Slack's requests."""
        return self.leader.url

    @property
    def log(self) -> Path | None:
        """What both log."""
        return self.leader.log

    @property
    def starts(self) -> list[float]:
        """Seconds that the starts took which did not wait for the other."""
        return [seconds for bot in self.bots for seconds in bot.starts]

    async def is_listening(self) -> bool:
        """Whether one of them serves."""
        return bool(self._serving)

    async def ready(self) -> tuple[int, dict[str, Any]]:
        """What /readyz of the one answers that serves."""
        return await self.leader.ready()

    async def until_ready(self, status: int = 200, *, seconds: float = 120.0) -> dict[str, Any]:
        """Wait until it answers with this status."""
        return await self.leader.until_ready(status, seconds=seconds)

    async def follow(self) -> None:
        """Look which of them serve, again and again."""
        async with aiohttp.ClientSession() as session:
            while True:
                self._serving = [bot for bot in self.bots if await _serves(bot, session)]
                self.n_both += len(self._serving) > 1
                if self._serving and self.leader not in self._serving:
                    self.bots.reverse()
                await asyncio.sleep(_PAUSE)

    async def until_taken_over(self, by: BotProcess) -> None:
        """Wait until this one serves, and write down how long it took."""
        began = asyncio.get_running_loop().time()
        async with asyncio.timeout(_TAKEN_OVER_SECONDS):
            while self.leader is not by:
                await asyncio.sleep(_PAUSE)
        self.takeovers.append(asyncio.get_running_loop().time() - began)

    def stop(self, *, seconds: float) -> int:
        """End both: the one that waits, then the one that serves."""
        return max(bot.stop(seconds=seconds) for bot in reversed(self.bots))


async def _serves(bot: BotProcess, session: aiohttp.ClientSession) -> bool:
    """Whether it answers, and has the lease."""
    with suppress(aiohttp.ClientError, TimeoutError):
        async with asyncio.timeout(1.0), session.get(f"{bot.origin}/readyz") as answer:
            return "lease" not in (await answer.json())["wrong"]
    return False


@asynccontextmanager
async def pair(home: Path, slack: StrictSlack, **more: Any) -> AsyncIterator[Pair]:
    """Two running bots, gone after the block."""
    async with mongod_in(home) as server:
        both = Pair(home, [BotProcess(home.with_name(f"{home.name}-{n}"), slack, server.uri, **more) for n in (1, 2)])
        following = asyncio.create_task(both.follow())
        try:
            await both.leader.start()
            both.bots[1].launch()
            yield both
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            for bot in both.bots:
                if bot.is_alive:
                    bot.kill()


async def _kill(both: Pair) -> bool:
    """Kill the one that serves; it comes back as the one that waits."""
    leader, other = both.bots
    leader.kill()
    await both.until_taken_over(other)
    leader.launch()
    return True


async def _stop(both: Pair) -> bool:
    """Stop the one that serves, and let it go on when the other serves: it has to end by itself."""
    leader, other = both.bots
    assert leader.process is not None
    leader.process.send_signal(signal.SIGSTOP)
    await both.until_taken_over(other)
    leader.process.send_signal(signal.SIGCONT)
    await asyncio.to_thread(leader.process.wait, _ENDED_SECONDS)
    leader.launch()
    return True


async def two(home: Path, n_studies: int, n_trials: int, *, kills: int, stops: int) -> tuple[Ended, Pair]:
    """Kill and stop the one that serves so often; also returns the two."""
    seen: list[Pair] = []

    @asynccontextmanager
    async def opener(*arguments: Any, **more: Any) -> AsyncIterator[Pair]:
        async with pair(*arguments, **more) as both:
            seen.append(both)
            yield both

    strikes = [("kills", _kill)] * kills + [("stops", _stop)] * stops
    ended = await run(home, n_studies, n_trials, Havoc(strikes=strikes, seed=21), opener=opener)
    return replace(ended, home=keep_bars(*(bot.home for bot in seen[0].bots))), seen[0]
