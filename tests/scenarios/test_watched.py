"""What a monitoring system reads on the HTTP side."""

import asyncio
import re
import time
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.scenarios.conftest import Stage
from tests.source_tree import ROOT

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_metrics_count_what_the_bot_did(stage: Stage) -> None:
    before = await _metrics(stage)
    await stage.tell("whoami")
    after = await _metrics(stage)

    asked = 'optimize_bot_asked_total{outcome="done"}'
    assert after[asked] == before[asked] + 1
    assert after["optimize_bot_workers_wanted"] == 2
    assert after['optimize_bot_outbox{state="refused"}'] == 0
    assert after["optimize_bot_answer_seconds_count"] == before["optimize_bot_answer_seconds_count"] + 1
    assert after['optimize_bot_answer_seconds_bucket{le="+Inf"}'] == after["optimize_bot_answer_seconds_count"]
    page = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
    families = {re.sub(r"(_bucket|_count|_sum)?(\{.*)?$", "", name) for name in after}
    assert families <= set(re.findall(r"`(optimize_bot_\w+)`", page))


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
        families = [*text_string_to_metric_families(await answer.text())]
    assert all(family.documentation and family.type != "unknown" for family in families)
    return {_written(sample): sample.value for family in families for sample in family.samples}


def _written(sample: Sample) -> str:
    labels = ",".join(f'{key}="{value}"' for key, value in sample.labels.items())
    return f"{sample.name}{{{labels}}}" if labels else sample.name
