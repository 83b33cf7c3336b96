"""What a monitoring system reads on the HTTP side."""

import asyncio
import time
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.scenarios.conftest import Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_metrics_count_what_the_bot_did(stage: Stage) -> None:
    before = await _metrics(stage)
    await stage.tell("whoami")
    after = await _metrics(stage)

    asked = 'optimize_bot_asked_total{outcome="done"}'
    assert after[asked] == before[asked] + 1
    assert after["optimize_bot_workers_wanted"] == 2
    assert after['optimize_bot_outbox{state="refused"}'] == 0


async def test_a_connection_that_rests_is_not_closed_under_whoever_keeps_it(stage: Stage) -> None:
    def asked_twice() -> list[int]:
        with closing(HTTPConnection(urlsplit(stage.url).netloc)) as kept:
            statuses = []
            for pause in (0, 7):
                time.sleep(pause)
                kept.request("GET", "/healthz")
                answer = kept.getresponse()
                answer.read()
                statuses.append(answer.status)
                kept.auto_open = 0  # no second connection
            return statuses

    assert await asyncio.to_thread(asked_twice) == [200, 200]


async def test_healthz_answers(stage: Stage) -> None:
    async with aiohttp.ClientSession() as session, session.get(stage.url.replace("slack/events", "healthz")) as answer:
        assert answer.status == 200


async def _metrics(stage: Stage) -> dict[str, float]:
    async with aiohttp.ClientSession() as session, session.get(stage.url.replace("slack/events", "metrics")) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        lines = (await answer.text()).splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}
