"""What is done to a running bot, at moments that a seed decides."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bson.codec_options import CodecOptions
from pymongo.errors import PyMongoError

from tests.bot_process import BotProcess, mongo_client

#: Does something to a bot; False when it cannot be done now.
Strike = Callable[[BotProcess], Awaitable[bool]]

#: A study may lose so many workers and still has to end well.
_DEATHS = 2
#: A study may last only a moment: so often it is looked for one whose worker can be killed.
_LOOKS = 100


@dataclass
class Havoc:
    """How often each thing is killed, and what else is done once; a seed decides when and what next."""

    bot: int = 0
    worker: int = 0
    mongod: int = 0
    strikes: Sequence[tuple[str, Strike]] = ()  # by kind
    seed: int = 1
    shortest: float = 0.3
    longest: float = 2.5
    done: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        kills = {"bot": self.bot, "worker": self.worker, "mongod": self.mongod}
        self._left = [(kind, _KILLS[kind]) for kind, n in kills.items() for _ in range(n)] + [*self.strikes]
        self._random.shuffle(self._left)
        self.total = len(self._left)

    @property
    def is_over(self) -> bool:
        """Whether everything was done."""
        return not self._left

    async def strike(self, bot: BotProcess) -> None:
        """Wait a while and do the next thing."""
        await asyncio.sleep(self._random.uniform(self.shortest, self.longest))
        kind, strike = self._left.pop(0)
        if await strike(bot):
            self.done.append(kind)
        else:  # not now
            self._left.append((kind, strike))

    def __str__(self) -> str:
        return ", ".join(f"{n} {kind}" for kind, n in sorted(Counter(self.done).items()))


async def _kill_bot(bot: BotProcess) -> bool:
    bot.kill()
    await bot.start()
    return True


async def _kill_worker(bot: BotProcess) -> bool:
    """Kill a worker as soon as one can be; False when none could for a while."""
    for _ in range(_LOOKS):
        if await _kill_worker_now(bot):
            return True
        await asyncio.sleep(0.02)
    return False


async def _kill_worker_now(bot: BotProcess) -> bool:
    """Kill a worker that has written of its study, which must be able to bear it; False when there is none now."""
    running = await asyncio.to_thread(_running, bot)
    workers = bot.children("optimizer.studies.worker")
    if len(running) != len(workers) or any(study["deaths"] >= _DEATHS for study in running):
        return False
    for worker in workers:
        if all(study["heartbeat_at"].timestamp() > worker.create_time() for study in running):
            worker.kill()
            return True
    return False


async def _kill_mongod(bot: BotProcess) -> bool:
    servers = bot.children("--dbpath")
    for server in servers:
        server.kill()
    return bool(servers)


_KILLS: dict[str, Strike] = {
    "bot": _kill_bot,
    "worker": _kill_worker,
    "mongod": _kill_mongod,
}


def _running(bot: BotProcess) -> Sequence[dict[str, Any]]:
    try:
        with mongo_client(bot.home) as client:
            utc = CodecOptions[dict[str, Any]](tz_aware=True)
            studies = client.optimize_bot.get_collection("optimization_studies", codec_options=utc)
            return list(studies.find({"status": "running", "heartbeat_at": {"$ne": None}}))
    except (PyMongoError, StopIteration):
        return []
