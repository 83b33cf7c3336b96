"""Nobody gets in who should not, nothing malformed does harm, and no secret is ever shown."""

import asyncio
import logging
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.documents.audit_log import AuditEntry, Outcome
from optimizer.storage.driver import database_of
from optimizer.storage.study_queries import EVERY
from tests.chaos.strangers import forged, fuzz
from tests.scenarios.conftest import Stage
from tests.slack.driver import Driver
from tests.slack.inspection import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET
from tests.slack.wire import HttpWire, Kind

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.parametrize("shared", ["strict"], indirect=True),
]


@pytest_asyncio.fixture(loop_scope="session")
async def wire(stage: Stage) -> AsyncIterator[HttpWire]:
    """A wire of the test's own."""
    async with HttpWire(stage.url, patience=30) as wire:
        yield wire


async def test_no_forged_stale_or_replayed_request_is_accepted(stage: Stage, wire: HttpWire) -> None:
    taken = await Driver(stage.slack, wire).command("list")
    assert taken.request is not None
    before = await AuditEntry.count()

    statuses = [(await wire.send(each)).status for each in forged(wire, taken.request, 300)]

    assert set(statuses) == {401}
    assert await AuditEntry.count() == before


async def test_malformed_payloads_reach_no_error_listener(
    stage: Stage, wire: HttpWire, caplog: pytest.LogCaptureFixture
) -> None:
    await stage.finished("IBM RSI 12 folds=0 seed=701")
    stage.slack.violations.clear()
    with caplog.at_level(logging.WARNING):
        statuses = await fuzz(stage.slack, wire, 240)
        await _quiet(stage)
    stage.slack.violations.clear()  # the answers to junk are junk, and all go to one response_url

    # 400: no shape of Slack's; 401: the same as one a moment ago; 404: nothing listens to that.
    assert set(statuses) <= {200, 400, 401, 404}
    assert [record.message for record in caplog.records if record.exc_info] == []
    assert await AuditEntry.find(AuditEntry.outcome == Outcome.BROKE).count() == 0


@pytest.mark.parametrize(
    "body", ["", "payload=", "payload=[]", "payload=null", "payload={}", "%ff=%fe", "{}", "[]", '"', "a" * 1_000_100]
)
async def test_signed_nonsense_is_refused(stage: Stage, wire: HttpWire, body: str) -> None:
    for form in (True, False):
        assert (await wire.send(wire.sign(body, form=form))).status in (400, 401)


async def test_secrets_are_in_no_log_and_no_text_of_the_settings(
    stage: Stage, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        await stage.tell("list mine")
        await stage.tell("AAPL NOSUCH 100")
        await stage.act.mention("status", bot_user=stage.slack.bot_user)
    settings = stage.context.services.settings
    shown = caplog.text + str(capfd.readouterr()) + repr(settings) + str(settings) + repr(stage.context)
    password = (settings.home / "mongodb.password").read_text()

    for secret in (BOT_TOKEN, APP_TOKEN, SIGNING_SECRET, password):
        assert secret not in shown


async def test_secrets_are_in_no_document(stage: Stage) -> None:
    database = database_of(AuditEntry)
    password = (stage.context.services.settings.home / "mongodb.password").read_text()
    for name in await database.list_collection_names():
        async for document in database[name].find():
            assert not any(secret in str(document) for secret in (BOT_TOKEN, SIGNING_SECRET, password)), name


async def test_what_is_kept_on_disk_is_for_the_owner_only(stage: Stage) -> None:
    home = stage.context.services.settings.home

    assert _mode(home) == 0o700
    for file in ("mongodb.password", "identity", "lock"):
        assert _mode(home / file) == 0o600, file


@pytest.mark.parametrize(
    "symbol",
    ["../../etc/passwd", "AAPL'; DROP TABLE bars; --", "/etc/passwd", "$(id)", "{{7*7}}", "AAPL/../IBM", "..%2f"],
)
async def test_symbols_never_become_paths_or_queries(stage: Stage, symbol: str) -> None:
    before = set(os.listdir(stage.context.services.settings.home))
    delivery = await stage.act.command(f"{symbol} RSI 10")

    assert delivery.status == 200
    assert "opt-" not in str(delivery.answer)
    assert set(os.listdir(stage.context.services.settings.home)) == before


async def test_command_delivered_twice_starts_one_study(stage: Stage, wire: HttpWire) -> None:
    driver = Driver(stage.slack, wire)
    payload, _ = await driver.command_payload("IBM SMA 12 folds=0 seed=702")
    first = await wire.send(wire.request(Kind.COMMAND, payload, age=1))
    again = await wire.send(wire.request(Kind.COMMAND, payload))

    assert (first.status, again.status) == (200, 200)
    studies = [
        s for s in await stage.context.services.studies.list_studies(among=EVERY, limit=50) if s.spec.seed == 702
    ]
    assert len(studies) == 1


async def _quiet(stage: Stage) -> None:
    """Wait until the bot has nothing more to say."""
    seen: list[tuple[int, int]] = []
    while len(seen) < 4 or len(set(seen[-4:])) > 1:
        seen.append((len(stage.slack.ledger.calls), len(stage.slack.violations)))
        await asyncio.sleep(1.0)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
