"""Data stored by a bot of an older version: this version reads them and continues its studies and jobs.

`tests/fixtures/before_rooms/README.md` says what they contain and how they were made.
"""

import asyncio
import gzip
import hashlib
import json
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import bson
import pytest
import pytest_asyncio
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient

from bot.api.api_keys import KeyIdentity, find_key
from bot.documents.recurring import Champion, Refresh
from bot.documents.registry import DOCUMENTS as BOT_DOCUMENTS
from bot.role import Role
from optimizer.storage.documents import DOCUMENTS as STUDY_DOCUMENTS
from optimizer.storage.documents import OptimizationStudy, OptimizationTrial
from optimizer.storage.embedded_mongo import EmbeddedMongo
from optimizer.studies.code_version import code_version
from optimizer.validation.verdict import judged
from reports.render import renderer_of
from tests.scenarios.conftest import SetClock, Stage, kept_bindings, opened, settings_for
from tests.slack.strict import BOT_ID, BOT_USER, StrictSlack
from tests.slack.workspace import Message

STORED = Path(__file__).parents[1] / "fixtures" / "before_rooms"
FACTS: Mapping[str, Any] = json.loads((STORED / "facts.json").read_text())
KILLED = datetime.fromisoformat(FACTS["stopped_at"])
#: Result of a study in the facts.
OUTCOME = ("verdict", "params", "value", "n_trials", "trials")
#: Collections from which MongoDB deletes expired documents.
EXPIRING = ("api_requests", "web_links", "web_sessions")

_Raw = CodecOptions(document_class=RawBSONDocument)


def stored_in(collection: str) -> list[dict[str, Any]]:
    """Documents of a collection as the older version stored them."""
    file = STORED / "database" / f"{collection}.bson.gz"
    return _read(file) if file.exists() else []


def restore(mongodb_uri: str, home: Path) -> None:
    """Copy the data of the older version into a database, byte for byte, and a data directory."""
    with MongoClient[RawBSONDocument](mongodb_uri, document_class=RawBSONDocument) as client:
        for file in (STORED / "database").iterdir():
            found = bson.decode_all(gzip.decompress(file.read_bytes()), _Raw)
            client.get_default_database()[file.name.removesuffix(".bson.gz")].insert_many(found)
    shutil.copytree(STORED / "snapshots", home / "snapshots")
    (home / "identity").write_text(stored_in("leases")[0]["holder"])


@asynccontextmanager
async def up(mongodb_uri: str, home: Path, now: datetime) -> AsyncIterator[Stage]:
    """Run a bot of this version on the stored data, in a Slack that has the messages of the older bot."""
    restore(mongodb_uri, home)
    async with StrictSlack() as slack:
        _restore_messages(slack)
        async with opened(slack, settings_for(home, slack, MONGODB_URI=mongodb_uri), clock=SetClock(now)) as stage:
            yield stage
        slack.assert_no_violations()


def _restore_messages(slack: StrictSlack) -> None:
    said: dict[str, str] = {}
    for entry in sorted(stored_in("slack_outbox"), key=lambda entry: entry["order"]):
        if (entry["method"], entry["sending"]) == ("post", "sent"):
            message = Message(channel=entry["channel_id"], ts=entry["ts"], user=BOT_USER, bot_id=BOT_ID)
            message.text, message.blocks = entry["text"], entry["blocks"]
            message.thread_ts = said.get(entry["under"], "")
            said[entry["key"]] = slack.workspace.add(message).ts


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def heir(mongod: EmbeddedMongo, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Bot started a minute after the older one was killed; shared by most tests of this module."""
    with kept_bindings():
        uri = mongod.uri.replace("/?", "/stored_by_an_older_version?")
        async with up(uri, tmp_path_factory.mktemp("heir"), KILLED + timedelta(minutes=1)) as stage:
            yield stage


@pytest.mark.usefixtures("other_bots_keep_theirs", "documents")
async def test_every_document_can_be_read(mongodb_uri: str, home: Path) -> None:
    restore(mongodb_uri, home)

    for model in (*STUDY_DOCUMENTS, *BOT_DOCUMENTS):
        name = model.get_collection_name()
        assert len(await model.find_all().to_list()) == len(stored_in(name)) or name in EXPIRING, name
    champion = await Champion.find_one()
    assert champion is not None
    assert {"study_name": champion.study_name, "params": champion.params} == FACTS["champion"]
    assert await find_key(FACTS["api_key"]) == KeyIdentity("ci", Role.RUNNER)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("fact", FACTS["finished"], ids=lambda fact: fact["study"])
async def test_a_finished_study_replays_and_shows_its_result(heir: Stage, fact: dict[str, Any]) -> None:
    service = heir.context.services.studies
    replayed = await service.replay(fact["study"])
    study = await service.get_study_results(fact["study"])
    shown = await heir.tell(f"show {fact['study']}")

    assert (replayed.n_trials, replayed.difference) == (fact["n_trials"], None)
    assert study.code_version != code_version()
    assert await _outcome(study, heir) == {name: fact[name] for name in OUTCOME}
    assert study.summary is not None
    assert renderer_of("en").labels("words", "verdicts")[judged(study.summary).verdict].lower() in shown
    assert all(f"{name}={value}" in shown for name, value in fact["params"].items())


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("fact", FACTS["stopped"], ids=lambda fact: fact["study"])
async def test_a_stopped_study_ends_as_if_nobody_had_stopped_it(heir: Stage, fact: dict[str, Any]) -> None:
    name = fact["study"]
    answers = await heir.answers(await heir.root(name), least=2, seconds=300)
    trials = await heir.context.services.studies.get_trials(name)
    undisturbed = [each for each in _read(STORED / "undisturbed_trials.bson.gz") if each["study"] == name]

    assert sum("study_adopt" in str(message.blocks) for message in answers) == 1
    assert [_played(trial.model_dump(), "number") for trial in trials] == [
        _played(trial, "trial_number") for trial in undisturbed
    ]
    # Its verdict is by the rules of now.
    expected = {key: value for key, value in fact["undisturbed"].items() if key != "verdict"}
    found = await _outcome(await heir.context.services.studies.find(name), heir)
    assert {key: value for key, value in found.items() if key != "verdict"} == expected
    former = [trial["_id"] for trial in stored_in("optimization_trials") if trial["study"] == name]
    assert await OptimizationTrial.find({"_id": {"$in": former}}).count() == fact["n_stored"] < len(trials)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("kind", ["schedule", "refresh"])
async def test_a_recurring_job_comes_at_the_time_it_had(heir: Stage, kind: str) -> None:
    jobs, fact = heir.context.services.jobs, FACTS[kind]

    assert await jobs.kept(kind) == [fact["name"]]
    assert await jobs.next_run(kind, fact["name"]) == datetime.fromisoformat(fact["next"])


@pytest.mark.usefixtures("other_bots_keep_theirs")
async def test_a_refresh_that_came_due_while_no_bot_ran_is_made_up_for_once(
    mongodb_uri: str, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    due = datetime.fromisoformat(FACTS["refresh"]["next"])
    async with up(mongodb_uri, home, due + timedelta(hours=1)) as stage:
        async with asyncio.timeout(60):
            while not (found := await Refresh.find({"started_at": {"$gt": due}, "ended_at": {"$ne": None}}).to_list()):
                await asyncio.sleep(0.05)

        assert len(found) == 1
        next_refresh = await stage.context.services.jobs.next_run("refresh", FACTS["refresh"]["name"])
        assert next_refresh == due + timedelta(days=1)
    assert "optimizer.jobs" not in caplog.text, "a job of the older version was loaded"


async def _outcome(study: OptimizationStudy, heir: Stage) -> dict[str, Any]:
    """Result of a study in the form of the facts."""
    assert study.summary is not None
    trials = await heir.context.services.studies.get_trials(study.study_name)
    table = [_played(trial.model_dump(), "number") for trial in trials]
    found = (
        str(study.summary.verdict),
        study.best_params,
        study.best_value,
        study.trials_completed,
        hashlib.sha256(json.dumps(table).encode()).hexdigest(),
    )
    return dict(zip(OUTCOME, found, strict=True))


def _played(trial: Mapping[str, Any], number: str) -> tuple[Any, ...]:
    return trial[number], sorted(trial["params"].items()), trial["value"], trial["n_trades"]


def _read(file: Path) -> list[dict[str, Any]]:
    return bson.decode_all(gzip.decompress(file.read_bytes()))
