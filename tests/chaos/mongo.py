"""A MongoDB that answers with errors, or is behind a network that is unwell, while studies run."""

import asyncio
import os
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from pathlib import Path

from optimizer.storage.embedded_mongo import EmbeddedMongo, find_mongod, start_mongod
from optimizer.storage.mongo import wait_ready
from tests.bot_process import BotProcess, bot_process
from tests.chaos.havoc import Havoc, Strike
from tests.chaos.studies import Ended, run
from tests.mongo_proxy import MongoProxy
from tests.tcp_proxy import TcpProxy

CODES = Path(__file__).parents[1] / "optimizer" / "storage" / "mongo_error_codes.txt"
#: Seconds until /readyz has to name a fault, or the end of one; the driver looks for a lost server now and then.
_NOTICED_SECONDS, _OVER_SECONDS = 20.0, 60.0


def codes_that_wait() -> list[int]:
    """Every documented code of MongoDB that is waited out; 0 is no error."""
    rows = [line.split() for line in CODES.read_text().splitlines() if not line.startswith("#")]
    return [int(code) for code, _, reaction in rows if reaction == "wait" and code != "0"]


def drawn_codes(n: int, seed: int) -> list[int]:
    """So many of them."""
    return random.Random(seed).sample(codes_that_wait(), n)


async def meet_code(bot: BotProcess, proxy: MongoProxy, code: int) -> None:
    """Answer the bot and its workers with an error until /readyz names it, and wait until all is well again."""
    with proxy.answering(code):
        body = await bot.until_ready(503, seconds=_NOTICED_SECONDS)
    assert body["wrong"].get("mongodb"), body
    await bot.until_ready(seconds=_OVER_SECONDS)


def through(proxy: TcpProxy, uri: str) -> str:
    """The address of a server behind a proxy."""
    return re.sub(r"@127\.0\.0\.1:\d+/", f"@127.0.0.1:{proxy.port}/", uri)


@asynccontextmanager
async def mongod_in(home: Path) -> AsyncIterator[EmbeddedMongo]:
    """A server of the test's own in a bot's home, where it is found like an embedded one."""
    await asyncio.to_thread(home.mkdir, parents=True, exist_ok=True)
    server = start_mongod(find_mongod(os.environ), home)
    try:
        await wait_ready(server)
        yield server
    finally:
        await asyncio.to_thread(server.stop)


async def codes(home: Path, n_studies: int, n_trials: int, numbers: Sequence[int]) -> tuple[Ended, int]:
    """Meet each code while studies run; returns what became of them, and how many codes /readyz named in time."""
    n_named = 0
    async with mongod_in(home) as server, MongoProxy(server.port) as proxy:

        async def strike(code: int, bot: BotProcess) -> bool:
            nonlocal n_named
            with suppress(TimeoutError, AssertionError):
                await meet_code(bot, proxy, code)
                n_named += 1
            return True

        strikes = [("error codes", partial(strike, code)) for code in numbers]
        havoc = Havoc(strikes=strikes, seed=14, shortest=0.0, longest=0.3)
        opener = partial(bot_process, mongodb_uri=through(proxy, server.uri))
        return await run(home, n_studies, n_trials, havoc, opener=opener), n_named


#: What may be wrong with a network, by name.
_NETWORKS: dict[str, Callable[[TcpProxy], AbstractAsyncContextManager[None]]] = {
    "slow": TcpProxy.slow,
    "half-open": TcpProxy.half_open,
    "cut": TcpProxy.cut,
    "partition": TcpProxy.partition,
}


async def network(
    home: Path, n_studies: int, n_trials: int, *, times: int, seconds: float
) -> tuple[Ended, Counter[str]]:
    """Make the network unwell so often in each way; also returns how often /readyz was well again in time."""
    recovered: Counter[str] = Counter()
    async with mongod_in(home) as server, TcpProxy(server.port) as proxy:
        uri = through(proxy, server.uri)

        async def strike(name: str, bot: BotProcess) -> bool:
            async with _NETWORKS[name](proxy):
                await asyncio.sleep(seconds)
            with suppress(TimeoutError):
                await bot.until_ready(seconds=_OVER_SECONDS)
                recovered[name] += 1
            return True

        strikes: list[tuple[str, Strike]] = [(name, partial(strike, name)) for name in _NETWORKS for _ in range(times)]
        havoc = Havoc(strikes=strikes, seed=15)
        ended = await run(home, n_studies, n_trials, havoc, opener=partial(bot_process, mongodb_uri=uri))
    return ended, recovered
