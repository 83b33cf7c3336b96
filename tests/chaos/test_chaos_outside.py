"""The short form of what is done around a bot: to its network, to Slack's answers, and by a second bot.

Error codes of MongoDB and a token that is refused are in `tests/scenarios/test_unwell.py`.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import aiohttp
import pytest

from tests.bot_process import bot_process
from tests.chaos import mongo, slack_trouble, two
from tests.slack.faults import PAGES
from tests.slack.strict import StrictSlack
from tests.tcp_proxy import TcpProxy
from tests.undisturbed import run_all_undisturbed

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("documents")]


async def test_network_that_is_unwell_costs_nothing_but_time(tmp_path: Path) -> None:
    ended, recovered = await mongo.network(tmp_path / "network", 1, 1000, times=1, seconds=3)

    assert recovered == {"slow": 1, "half-open": 1, "cut": 1, "partition": 1}
    assert not ended.flaws(await run_all_undisturbed(ended.studies, ended.home))


async def test_pages_of_a_proxy_cost_nothing_but_time(tmp_path: Path) -> None:
    ended, n_faults = await slack_trouble.at_random(tmp_path / "pages", 1, 400, [*PAGES.values()], seconds=6, seed=17)

    assert n_faults
    assert not ended.flaws(await run_all_undisturbed(ended.studies, ended.home))


async def test_of_two_bots_one_serves_also_when_the_other_was_only_stopped(tmp_path: Path) -> None:
    ended, both = await two.two(tmp_path / "two", 1, 1000, kills=0, stops=1)

    assert len(both.takeovers) == 1
    assert not both.n_both
    assert not ended.flaws(await run_all_undisturbed(ended.studies, ended.home))


@pytest.mark.parametrize("trouble", [TcpProxy.half_open, TcpProxy.partition], ids=["silent", "partition"])
async def test_a_bot_whose_mongodb_is_silent_lives_says_so_and_ends_when_asked(
    trouble: Callable[[TcpProxy], AbstractAsyncContextManager[None]], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    async with (
        StrictSlack() as slack,
        mongo.mongod_in(home) as server,
        TcpProxy(server.port) as proxy,
        bot_process(home, slack, mongodb_uri=mongo.through(proxy, server.uri)) as bot,
    ):
        await bot.until_ready()
        async with trouble(proxy):
            wrong = await bot.until_ready(503, seconds=60)
            async with aiohttp.ClientSession() as session, session.get(f"{bot.origin}/healthz") as answer:
                assert answer.status == 200
            assert {"mongodb", "lease"} & set(wrong["wrong"])
            assert await asyncio.to_thread(bot.stop, seconds=20) == 0  # ten on a quiet machine
