"""What a monitoring system reads on the HTTP side."""

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


async def test_healthz_answers(stage: Stage) -> None:
    async with aiohttp.ClientSession() as session, session.get(stage.url.replace("slack/events", "healthz")) as answer:
        assert answer.status == 200


async def _metrics(stage: Stage) -> dict[str, float]:
    async with aiohttp.ClientSession() as session, session.get(stage.url.replace("slack/events", "metrics")) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        lines = (await answer.text()).splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}
