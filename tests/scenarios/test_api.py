"""The API as a program uses it: over HTTP, with a key, against the whole bot."""

import asyncio
import csv
import io
import json
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any

import aiohttp
import duckdb
import pytest
import pytest_asyncio

from bot.access import audit
from bot.api.api_keys import add_key, revoke_key
from bot.api.app import build_api
from bot.documents.audit_log import AuditEntry, Outcome
from bot.role import Role
from optimizer.domain.results.learned_results import Label
from optimizer.domain.study_request import StudySpec
from optimizer.storage.documents import OptimizationStudy
from optimizer.storage.study_queries import EVERY
from tests.refused import worded
from tests.scenarios.conftest import Stage
from tests.slack.workspace import Message

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROOT = "/api/v1"
START = f"{ROOT}/backtests/optimize"
ENDED = ("complete", "failed", "cancelled")


class Program:
    """Something that calls the API with a key of its own."""

    def __init__(self, stage: Stage, session: aiohttp.ClientSession, name: str, key: str) -> None:
        self.stage = stage
        self.session = session
        self.name = name
        self.key = key

    def address(self, path: str) -> str:
        """Where a path is."""
        return self.stage.url.replace("/slack/events", path)

    @asynccontextmanager
    async def asked(self, method: str, path: str, **more: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer whose body is still to be read."""
        headers = {"Authorization": f"Bearer {self.key}"} | more.pop("headers", {})
        async with self.session.request(method, self.address(path), headers=headers, **more) as answer:
            yield answer

    async def call(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        """Status and values of an answer."""
        async with self.asked(method, path, **more) as answer:
            body = await answer.read()
        return answer.status, json.loads(body) if "json" in answer.content_type else body

    async def start(self, **wanted: Any) -> dict[str, Any]:
        """Start a quick study."""
        status, body = await self.call("POST", START, json={"window": {"folds": 0}, "n_trials": 10, **wanted})
        assert status == 202, body
        return dict(body)

    async def ended(self, name: str) -> dict[str, Any]:
        """A study's progress once it has ended."""
        async with asyncio.timeout(300):
            while (progress := (await self.call("GET", f"{START}/{name}"))[1])["status"] not in ENDED:
                await asyncio.sleep(0.1)
        return dict(progress)

    async def finished(self, **wanted: Any) -> str:
        """The name of a study that was started and has ended."""
        name = (await self.start(**wanted))["study_name"]
        assert (await self.ended(name))["status"] == "complete"
        return str(name)


@asynccontextmanager
async def program_of(stage: Stage, role: Role) -> AsyncIterator[Program]:
    """A program with a new key."""
    name = f"p{secrets.token_hex(6)}"
    key = await add_key(name, role, created_by="tests", now=stage.context.clock())
    async with aiohttp.ClientSession() as session:
        yield Program(stage, session, name, key)


@pytest_asyncio.fixture(loop_scope="session")
async def program(stage: Stage) -> AsyncIterator[Program]:
    """A runner."""
    async with program_of(stage, Role.RUNNER) as program:
        yield program


async def test_a_study_is_started_followed_and_its_winner_read(program: Program) -> None:
    body = await program.start(symbol="aapl", strategy="RSI", n_trials=30, seed=81)
    progress = await program.ended(body["study_name"])
    status, best = await program.call("GET", body["links"]["best"])

    assert (status, best["verdict"]) == (200, progress["verdict"])
    assert progress["trials_completed"] == progress["n_trials"] == body["n_trials"] == 30
    assert [trial["number"] for trial in progress["recent_trials"]] == list(range(29, 19, -1))
    assert progress["best_params"] == best["params"] == best["winner"]["params"]
    assert progress["created_by"] == f"key:{program.name}"


async def test_what_a_program_calls_a_study_is_kept_as_it_is(program: Program) -> None:
    remark = 'after "it" <!channel> & `more`'
    body = await program.start(symbol="IBM", strategy="rsi", seed=82, name="spring", notes=remark)

    study = await program.stage.context.services.studies.find(body["study_name"])
    assert (study.name, study.notes) == ("spring", remark.replace("`", ""))


async def test_each_of_several_symbols_has_a_study(program: Program) -> None:
    body = await program.start(symbols=["AAPL", "MSFT"], strategy="sma", seed=83)

    assert [study["symbol"] for study in body["studies"]] == ["AAPL", "MSFT"]
    assert body["study_name"] == body["studies"][0]["study_name"]


@pytest.mark.parametrize("accept", ["application/json", "text/csv", "application/vnd.apache.parquet"])
async def test_trials_come_in_the_form_asked_for(program: Program, accept: str, tmp_path: Path) -> None:
    name = await program.finished(symbol="MSFT", strategy="bollinger", n_trials=12, seed=84)
    records = await program.stage.context.services.studies.get_trials(name)

    async with program.asked("GET", f"{START}/{name}/trials", headers={"Accept": f"{accept}, */*;q=0.1"}) as answer:
        body = await answer.read()

    assert answer.content_type == accept
    if accept == "application/json":
        rows = json.loads(body)["trials"]
    elif accept == "text/csv":
        rows = list(csv.DictReader(io.StringIO(body.decode())))
    else:
        (tmp_path / "trials.parquet").write_bytes(body)
        rows = _rows_of(tmp_path / "trials.parquet")
        assert rows[0]["mode"] in ("revert", "break")
    assert [int(row["number"]) for row in rows] == [record.number for record in records]
    assert [float(row["value"]) if row["value"] not in ("", None) else None for row in rows] == [
        record.value for record in records
    ]


def _rows_of(origin: Path) -> list[dict[str, Any]]:
    with duckdb.connect(":memory:") as connection:
        found = connection.execute("SELECT * FROM read_parquet(?) ORDER BY number", [str(origin)])
        names = [str(column[0]) for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


async def test_a_form_that_is_not_there_is_refused(program: Program) -> None:
    name = await program.finished(symbol="MSFT", strategy="rsi", seed=85)

    status, problem = await program.call("GET", f"{START}/{name}/trials", headers={"Accept": "image/png"})

    assert (status, problem["type"].rpartition(":")[2]) == (406, "NotOffered")


PROGRAMS = {
    "python": "text/x-python",
    "backtesting": "text/x-python",
    "vectorbt": "text/x-python",
    "freqtrade": "text/x-python",
    "pine": "text/plain",
}


async def test_the_winner_comes_as_a_program_of_each_system_and_its_trades_as_a_table(program: Program) -> None:
    name = await program.finished(symbol="MSFT", strategy="bollinger", n_trials=12, seed=87)
    for target, form in PROGRAMS.items():
        async with program.asked("GET", f"{START}/{name}/programs/{target}") as answer:
            text = await answer.text()
        assert (answer.status, answer.content_type) == (200, form)
        assert f"bollinger on MSFT (1d): the winner of {name}" in text
        assert f"{name}-{target}." in answer.headers["Content-Disposition"]

    for table, first in {"trades": "entry_time", "positions": "time"}.items():
        async with program.asked("GET", f"{START}/{name}/{table}") as answer:
            assert (answer.status, answer.content_type) == (200, "text/csv")
            assert next(csv.reader(io.StringIO(await answer.text())))[0] == first
        accept = {"Accept": "application/vnd.apache.parquet"}
        async with program.asked("GET", f"{START}/{name}/{table}", headers=accept) as answer:
            assert (await answer.read()).startswith(b"PAR1")


async def test_a_program_that_cannot_be_is_a_problem_that_says_why(program: Program) -> None:
    name = await program.finished(symbol="MSFT", strategy="rsi", seed=88, costs={"tax_bps": 20})

    status, problem = await program.call("GET", f"{START}/{name}/programs/pine")
    assert (status, problem["type"].rpartition(":")[2]) == (409, "NotExpressible")
    assert "tax" in problem["detail"]
    status, problem = await program.call("GET", f"{START}/{name}/programs/excel")
    assert status == 422
    status, problem = await program.call("GET", f"{START}/{name}/trades", headers={"Accept": "application/json"})
    assert (status, problem["type"].rpartition(":")[2]) == (406, "NotOffered")


async def test_events_count_up_and_end_with_the_study(program: Program) -> None:
    body = await program.start(symbol="AAPL", strategy="macd", n_trials=600, seed=86)

    async with asyncio.timeout(300), program.asked("GET", body["links"]["events"]) as answer:
        text = (await answer.read()).decode()

    seen = [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: ")]
    counts = [event["trials_completed"] for event in seen]
    assert answer.content_type == "text/event-stream"
    assert counts == sorted(counts)
    assert counts[-1] == 600
    assert [event["status"] for event in seen[:-1] if event["status"] in ENDED] == []
    assert seen[-1]["status"] == "complete"


async def test_pages_of_a_list_stand_still_while_studies_are_added(program: Program) -> None:
    first = [(await program.start(symbol="IBM", strategy="ema", seed=870 + i))["study_name"] for i in range(4)]
    query = f"{START}/studies?symbol=ibm&strategy=EMA&limit=2"

    _, page = await program.call("GET", query)
    await program.start(symbol="IBM", strategy="ema", seed=879)
    _, rest = await program.call("GET", f"{query}&cursor={page['next_cursor']}")

    assert [item["study_name"] for item in (*page["items"], *rest["items"])] == first[::-1]
    assert rest["next_cursor"] is None


async def test_lists_are_filtered_by_state_and_verdict(program: Program) -> None:
    name = await program.finished(symbol="GOOG", strategy="zscore", seed=88)
    _, best = await program.call("GET", f"{START}/{name}/best")
    query = f"{START}/studies?symbol=GOOG&strategy=zscore"

    _, same = await program.call("GET", f"{query}&status=complete&verdict={best['verdict']}")
    others = "".join(f"&verdict={v}" for v in ("strong", "promising", "unproven", "overfit") if v != best["verdict"])
    _, other = await program.call("GET", f"{query}{others}")
    _, running = await program.call("GET", f"{query}&status=running")

    assert [item["study_name"] for item in same["items"]] == [name]
    assert same["items"][0]["out_of_sample"] == best["winner"]["out_of_sample"]["sharpe_ratio"]
    assert other["items"] == running["items"] == []


async def test_a_request_sent_twice_with_its_key_is_done_once(program: Program) -> None:
    wanted = {"symbol": "MSFT", "strategy": "rsi", "n_trials": 5, "seed": 89, "window": {"folds": 0}}
    head = {"Idempotency-Key": secrets.token_hex(8)}

    answers = await asyncio.gather(*(program.call("POST", START, json=wanted, headers=head) for _ in range(3)))
    status, problem = await program.call("POST", START, json=wanted | {"seed": 90}, headers=head)

    assert {status for status, _ in answers} == {202}
    assert answers[0][1] == answers[1][1] == answers[2][1]
    assert await OptimizationStudy.find({"created_by": f"key:{program.name}"}).count() == 1
    assert (status, problem["type"].rpartition(":")[2]) == (422, "KeyReused")


async def test_a_key_is_free_again_when_nothing_was_started(program: Program) -> None:
    head = {"Idempotency-Key": "again"}
    wanted = {"symbol": "NOPE", "strategy": "rsi", "n_trials": 5, "window": {"folds": 0}}

    assert (await program.call("POST", START, json=wanted, headers=head))[0] == 422
    assert (await program.call("POST", START, json=wanted | {"symbol": "IBM"}, headers=head))[0] == 202


async def test_two_programs_may_choose_the_same_idempotency_key(program: Program) -> None:
    head, wanted = {"Idempotency-Key": "mine"}, {"symbol": "IBM", "strategy": "rsi", "n_trials": 5, "seed": 91}
    async with program_of(program.stage, Role.RUNNER) as other:
        _, one = await program.call("POST", START, json=wanted, headers=head)
        _, two = await other.call("POST", START, json=wanted, headers=head)

    assert one["study_name"] != two["study_name"]


async def test_a_study_is_told_in_the_slack_channel_named(program: Program) -> None:
    channel = await program.stage.slack.channel_id()
    body = await program.start(symbol="IBM", strategy="donchian", seed=92, slack_channel=channel)

    root = await program.stage.root(body["study_name"])
    answers = await program.stage.answers(root, least=2, seconds=120)

    assert root.channel == channel
    assert f"key:{program.name}" in str(root.blocks)
    assert any("study_adopt" in str(message.blocks) for message in answers)


@pytest.mark.parametrize(("channel", "code"), [("C0ELSE001", "not_in_channel"), ("C0NOBODY1", "channel_not_found")])
async def test_a_channel_the_bot_is_not_in_is_refused_and_nothing_starts(
    program: Program, channel: str, code: str
) -> None:
    before = await program.stage.context.services.studies.list_studies(among=EVERY, limit=1)
    wanted = {"symbol": "IBM", "strategy": "donchian", "seed": 96, "slack_channel": channel}
    with program.stage.slack.ledger.expecting(code):
        status, problem = await program.call("POST", START, json=wanted)

    assert status == 422
    assert problem["errors"][0]["pointer"] == "#/slack_channel"
    assert "/invite" in problem["errors"][0]["detail"]
    assert await program.stage.context.services.studies.list_studies(among=EVERY, limit=1) == before


async def test_without_a_channel_slack_hears_nothing(program: Program) -> None:
    name = await program.finished(symbol="IBM", strategy="donchian", seed=93)

    assert await program.stage.context.conversations.find(name) is None
    channel = await program.stage.slack.channel_id()
    assert not [m for m in await program.stage.slack.messages(channel) if name in str(m.blocks)]


async def test_pause_resume_and_cancel_are_the_commands_of_slack(program: Program) -> None:
    service, owner = program.stage.context.services.studies, f"key:{program.name}"
    channel = await program.stage.slack.channel_id()
    body = await program.start(symbol="AAPL", strategy="rsi", n_trials=5000, seed=94, slack_channel=channel)
    name = body["study_name"]
    root = await program.stage.root(name)
    study = await service.create_study(StudySpec(symbol="IBM", strategy_name="rsi", seed=95), created_by=owner)

    assert (await program.call("POST", f"{START}/{study.study_name}/pause"))[1]["status"] == "paused"
    assert (await program.call("POST", f"{START}/{study.study_name}/resume"))[1]["status"] in ("queued", "running")
    await program.ended(study.study_name)
    status, problem = await program.call("POST", f"{START}/{study.study_name}/cancel")
    assert (status, problem["type"].rpartition(":")[2]) == (409, "AlreadyFinished")

    status, _ = await program.call("POST", f"{START}/{name}/cancel")
    if status == 200:  # unless it was faster

        async def told() -> Message | None:
            said = (await program.stage.slack.thread(channel, root.ts))[1:]
            return next((message for message in said if owner in str(message.blocks)), None)

        assert "Cancelled" in (await program.stage.slack.eventually(told, seconds=120, what="the thread")).text


async def test_another_ones_study_is_not_for_a_runner_to_stop(program: Program) -> None:
    service = program.stage.context.services.studies
    study = await service.create_study(StudySpec(symbol="IBM", strategy_name="rsi", seed=96), created_by="U0BOB2")
    path = f"{START}/{study.study_name}/cancel"

    status, problem = await program.call("POST", path)
    async with program_of(program.stage, Role.APPROVER) as approver:
        assert (await approver.call("POST", path))[1]["status"] == "cancelled"

    assert (status, problem["type"].rpartition(":")[2]) == (403, "NotYours")
    denied = await AuditEntry.find_one({"user_id": f"key:{program.name}", "outcome": str(Outcome.DENIED)})
    assert denied is not None
    assert (denied.door, denied.verb, denied.study) == ("api", "cancel", study.study_name)


async def test_a_viewer_looks_and_starts_nothing(program: Program) -> None:
    before = await OptimizationStudy.count()
    async with program_of(program.stage, Role.VIEWER) as viewer:
        assert (await viewer.call("GET", f"{ROOT}/strategies"))[0] == 200
        status, problem = await viewer.call("POST", START, json={"symbol": "IBM", "strategy": "rsi"})
        entries = await AuditEntry.find({"user_id": f"key:{viewer.name}"}).to_list()

    assert (status, problem["type"].rpartition(":")[2]) == (403, "KeyTooSmall")
    assert "role=runner" in problem["detail"]
    assert [entry.outcome for entry in entries] == [Outcome.DENIED]
    assert await OptimizationStudy.count() == before


async def test_what_is_done_and_refused_stands_in_the_audit(program: Program) -> None:
    await program.start(symbol="IBM", strategy="rsi", seed=97)
    await program.call("POST", START, json={"symbol": "IBM", "strategy": "rsy"})

    mine = [entry for entry in await audit.latest(50) if entry.user_id == f"key:{program.name}"]
    assert [(entry.outcome, entry.door, entry.verb) for entry in mine] == [
        (Outcome.REFUSED, "api", "start"),
        (Outcome.DONE, "api", "start"),
    ]
    assert mine[1].said.startswith("/optimize IBM rsi 10")


async def test_a_full_queue_is_full_for_programs_too(program: Program) -> None:
    limit = program.stage.context.services.settings.waiting_per_person
    service = program.stage.context.services.studies
    spec = StudySpec(symbol="IBM", strategy_name="rsi")
    plan = await service.plan(spec)
    waiting = [await service.store(plan, created_by=f"key:{program.name}") for _ in range(limit)]

    async with program.asked("POST", START, json={"symbol": "IBM", "strategy": "rsi"}) as answer:
        problem = json.loads(await answer.read())
    for study in waiting:
        await service.cancel(study.study_name)

    assert (answer.status, problem["type"].rpartition(":")[2]) == (429, "TooManyWaiting")
    assert int(answer.headers["Retry-After"]) > 0


async def test_nothing_is_served_without_a_key_that_counts(program: Program) -> None:
    name = await program.finished(symbol="IBM", strategy="rsi", seed=98)
    gone = await add_key("gone", Role.ADMIN, created_by="tests", now=program.stage.context.clock())
    await revoke_key("gone", now=program.stage.context.clock())
    paths = build_api(program.stage.context).openapi()["paths"]
    known = [
        (method.upper(), ROOT + path.replace("{study_name}", name).replace("{symbol}", "AAPL"))
        for path, methods in paths.items()
        for method in methods
    ]
    odd = [("GET", f"{ROOT}{path}") for path in ("/openapi.json", "/", "/docs", "/nothing", "/a%0Ab", "/..%2Fhealthz")]
    heads = (
        {}, {"Authorization": "Bearer"}, {"Authorization": f"Bearer {gone}"}, {"Authorization": f"Bearer {gone[:-1]}"},
        {"Authorization": f"Basic {program.key}"}, {"Authorization": program.key}, {"X-Api-Key": program.key},
    )  # fmt: skip

    for method, path in (*known, *odd):
        for head in heads:
            async with program.session.request(method, program.address(path), headers=head, data=b"{") as answer:
                body = await answer.read()
            assert answer.status == 401, (method, path, head)
            assert answer.content_type == "application/problem+json"
            assert name.encode() not in body
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")


BAD: dict[str, tuple[bytes, int, str]] = {
    "no JSON": (b"{", 400, "NotJson"),
    "no text": (b"\xff\xfe", 400, "NotJson"),
    "nothing": (b"", 400, "NotJson"),
    "NaN": (b'{"symbol": "IBM", "strategy": "rsi", "n_trials": NaN}', 400, "NotANumberOfJson"),
    "a number without end": (b'{"n_trials": ' + b"9" * 5000 + b"}", 400, "NotANumberOfJson"),
    "deep": (b"[" * 30_000 + b"]" * 30_000, 400, "TooDeep"),
    "a name twice": (b'{"symbol": "IBM", "symbol": "AAPL", "strategy": "rsi"}', 400, "NamedTwice"),
    "huge": (b" " * 200_000, 413, "TooLarge"),
    "a list": (b"[]", 422, "NotAnObject"),
    "no strategy": (b'{"symbol": "IBM"}', 422, "MissingField"),
    "no symbol": (b'{"strategy": "rsi"}', 422, "MissingField"),
    "two kinds of symbol": (b'{"symbol": "IBM", "symbols": ["IBM"], "strategy": "rsi"}', 422, "OneOf"),
    "an unknown field": (b'{"symbol": "IBM", "strategy": "rsi", "n_trails": 5}', 422, "UnknownField"),
    "an unknown strategy": (b'{"symbol": "IBM", "strategy": "rsy"}', 422, "UnknownStrategy"),
    "text for a number": (b'{"symbol": "IBM", "strategy": "rsi", "n_trials": "5"}', 422, "NotWhole"),
    "a path for a symbol": (b'{"symbol": "../etc", "strategy": "rsi"}', 422, "NotASymbol"),
    "no bars": (b'{"symbol": "NOPE", "strategy": "rsi"}', 422, "UnknownSymbol"),
    "an option as a parameter": (
        b'{"symbol": "IBM", "strategy": "rsi", "search_space": {"seed": {"value": 1}}}', 422, "UnknownParameter",
    ),
    "a flag as an overlay": (b'{"symbol": "IBM", "strategy": "rsi", "overlays": ["dry"]}', 422, "UnknownOverlay"),
    "a mode as a choice": (
        b'{"symbol": "IBM", "strategy": "bb", "search_space": {"mode": {"value": "shared"}}}', 422, "WrongChoice",
    ),
}  # fmt: skip


@pytest.mark.parametrize("body", list(BAD))
async def test_a_bad_body_is_a_problem_and_starts_nothing(program: Program, body: str) -> None:
    content, status, kind = BAD[body]
    head = {"Content-Type": "application/json"}

    found, problem = await program.call("POST", START, data=content, headers=head)

    assert (found, problem["type"].rpartition(":")[2]) == (status, kind)
    assert problem["detail"]
    assert await OptimizationStudy.find({"created_by": f"key:{program.name}"}).count() == 0


async def test_a_body_without_a_length_is_cut_off_too(program: Program) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 4096

    head = {"Content-Type": "application/json"}
    assert (await program.call("POST", START, data=endless(), headers=head))[0] == 413


async def test_a_body_must_say_that_it_is_json(program: Program) -> None:
    wanted = json.dumps({"symbol": "IBM", "strategy": "rsi"}).encode()

    status, problem = await program.call("POST", START, data=wanted, headers={"Content-Type": "text/plain"})

    assert (status, problem["type"].rpartition(":")[2]) == (415, "NotJsonType")


async def test_every_wrong_field_is_named_in_the_language_asked_for(program: Program) -> None:
    wanted = {"symbol": "IBM", "strategy": "rsi", "n_trials": 0, "window": {"years": 1, "start": "2005"}}

    _, english = await program.call("POST", START, json=wanted)
    _, korean = await program.call("POST", START, json=wanted, headers={"Accept-Language": "fr, ko-KR;q=0.8, en;q=0.3"})

    assert [error["pointer"] for error in english["errors"]] == ["#/n_trials", "#/window/start", "#/window/years"]
    told = await program.stage.tell("IBM RSI 0")
    assert english["errors"][0]["detail"].replace("`", "") in told.replace("`", "")
    assert "값은" in korean["errors"][0]["detail"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{START}/ffffffff", 404), (f"{START}/..%2F..%2Fetc%2Fpasswd", 404), (f"{START}/%00", 404),
        (f"{START}/{'a' * 5000}", 422), (f"{START}/.*", 404), (f"{START}/studies?cursor=AAAA", 422),
        (f"{START}/studies?cursor=AAAAAAAAAAAAAAAA%E2%82%AC", 422), (f"{START}/studies?limit=0", 422),
        (f"{START}/studies?status=gone", 422), (f"{START}/studies?symbol=%7Bwhere", 422),
        (f"{ROOT}/market-data/NOPE/quality", 404), (f"{ROOT}/market-data/..%2F..%2Fx/quality", 404),
        (f"{ROOT}/market-data/NOPE/regime", 404), (f"{ROOT}/market-data/AAPL/regime?as_of=yesterday", 422),
        (f"{ROOT}/market-data/regime", 422),
        (f"{ROOT}/market-data/AAPL/regime?timeframe=1y", 422), (f"{ROOT}/market-data/AAPL/regime?refresh=perhaps", 422),
        (f"{ROOT}/market-data/AAPL/regime?as_of=2000-06-30", 409),
        (f"{ROOT}/signals/NOPE", 404), (f"{ROOT}/signals/AAPL?horizon=20", 422),
        (f"{ROOT}/signals/AAPL?label=profit", 422),
        (f"{ROOT}/signals/AAPL?as_of=2001-01-31", 409),
        (f"{ROOT}/nothing", 404), (f"{START}/a%0Ab/events", 404),
    ],
)  # fmt: skip
async def test_a_bad_address_is_a_problem(program: Program, path: str, status: int) -> None:
    found, problem = await program.call("GET", path)

    assert found == status, problem
    assert problem["status"] == status


async def test_a_method_that_is_not_there_is_refused_with_those_that_are(program: Program) -> None:
    async with program.asked("DELETE", f"{START}/opt-1") as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "GET")


async def test_a_program_has_only_so_many_streams_open(program: Program) -> None:
    service, owner = program.stage.context.services.studies, f"key:{program.name}"
    study = await service.create_study(StudySpec(symbol="IBM", strategy_name="rsi", seed=99), created_by=owner)
    await service.pause(study.study_name)
    path = f"{START}/{study.study_name}/events"
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as many:
        head = {"Authorization": f"Bearer {program.key}"}
        streams = [await many.get(program.address(path), headers=head) for _ in range(32)]
        refused = await many.get(program.address(path), headers=head)
        assert [stream.status for stream in (*streams, refused)] == [200] * 32 + [429]
        for stream in streams:
            stream.close()

    async with asyncio.timeout(120):
        while True:  # as soon as the bot sees that they are gone
            async with program.asked("GET", path) as again:
                if again.status == 200:
                    break
            await asyncio.sleep(0.2)


async def test_quality_of_bars_is_what_the_guard_says(program: Program) -> None:
    _, told = await program.call("GET", f"{ROOT}/market-data/aapl/quality")
    _, report = program.stage.context.services.market.checked_bars("AAPL", now=program.stage.context.clock())

    assert (told["symbol"], told["n_bars"], told["coverage"]) == ("AAPL", report.n_bars, report.coverage)
    assert [finding["kind"] for finding in told["findings"]] == [finding.kind for finding in report.findings]
    assert [finding["detail"] for finding in told["findings"]] == [
        worded(finding.phrase) for finding in report.findings
    ]


async def test_a_regime_is_that_of_the_day_and_the_same_by_path_and_by_parameter(program: Program) -> None:
    status, told = await program.call("GET", f"{ROOT}/market-data/aapl/regime?as_of=2008-10-31")
    _, same = await program.call("GET", f"{ROOT}/market-data/regime?symbol=AAPL&as_of=2008-10-31")

    assert (status, told["symbol"], told["regime"], told["foretells"]) == (200, "AAPL", "volatile", False)
    assert told["as_of"].startswith("2008-10-31")
    assert sum(told["probabilities"].values()) == pytest.approx(1.0)
    assert told["confidence"] == told["probabilities"]["volatile"]
    assert {**same, "created_at": ""} == {**told, "created_at": ""}


async def test_a_regime_that_was_said_is_said_again_until_new_bars_are_asked_for(program: Program) -> None:
    _, first = await program.call("GET", f"{ROOT}/market-data/AAPL/regime")
    _, again = await program.call("GET", f"{ROOT}/market-data/AAPL/regime")
    _, fresh = await program.call("GET", f"{ROOT}/market-data/AAPL/regime?refresh=true")

    assert again == first == fresh  # the sample has no new bars
    _, day = await program.call("GET", f"{ROOT}/market-data/AAPL/regime?as_of={first['as_of'][:10]}")
    assert day == first


@pytest.mark.parametrize("label", [*Label])
async def test_a_signal_is_that_of_the_service(program: Program, label: Label) -> None:
    _, told = await program.call("GET", f"{ROOT}/signals/aapl?horizon=2&as_of=2012-06-29&label={label}")
    facts = await program.stage.context.services.signals.signal("AAPL", 2, label=label, as_of=date(2012, 6, 29))

    assert (told["symbol"], told["horizon"], told["label"]) == ("AAPL", 2, label)
    assert told["as_of"] == "2012-06-29T00:00:00Z"
    assert (told["probability"], told["base_rate"], told["edge"]) == (facts.probability, facts.base_rate, facts.edge)
    assert (told["model_hash"], told["data_hash"]) == (facts.model_hash, facts.data_hash)
    assert told["quality"]["word"] == "no_better"
    assert told["bucket"] is None


async def test_findings_about_bars_are_told_in_the_language_asked_for(program: Program) -> None:
    _, korean = await program.call("GET", f"{ROOT}/market-data/aapl/quality", headers={"Accept-Language": "ko"})

    assert korean["findings"]
    assert all(re.search("[가-힣]", finding["detail"]) for finding in korean["findings"])


async def test_strategies_are_told_in_the_language_asked_for(program: Program) -> None:
    _, english = await program.call("GET", f"{ROOT}/strategies")
    _, korean = await program.call("GET", f"{ROOT}/strategies", headers={"Accept-Language": "ko"})

    assert [s["key"] for s in english["strategies"]] == [s["key"] for s in korean["strategies"]]
    assert english["strategies"][0]["title"] != korean["strategies"][0]["title"]
    assert english["strategies"][0]["parameters"][0]["name"] == "period"


async def test_a_rule_in_words_runs_once_it_was_confirmed_as_it_was_understood(program: Program) -> None:
    wanted = {"symbol": "AAPL", "rule": "buy when rsi < 30; sell when rsi > 55", "window": {"folds": 0}, "n_trials": 10}
    status, refused = await program.call("POST", START, json=wanted)
    assert status == 422
    [problem] = refused["errors"]
    assert (problem["pointer"], problem["kind"]) == ("#/confirmed", "RuleNotConfirmed")
    assert "buy when rsi(14) < 30; sell when rsi(14) > 55" in problem["detail"]
    status, _ = await program.call("POST", START, json={**wanted, "confirmed": "0" * 12})
    assert status == 422

    name = await program.finished(**{**wanted, "confirmed": problem["nearest"]})
    study = await program.stage.context.services.studies.find(name)
    assert study.spec.rule is not None
    status, wrong = await program.call("POST", START, json={**wanted, "rule": "buy when rsx < 30"})
    assert (status, wrong["errors"][0]["pointer"], wrong["errors"][0]["nearest"]) == (422, "#/rule", "rsi")
    status, both = await program.call("POST", START, json={**wanted, "strategy": "rsi"})
    assert (status, both["errors"][0]["pointer"]) == (422, "#/rule")
    status, neither = await program.call("POST", START, json={"symbol": "AAPL"})
    assert (status, neither["errors"][0]["pointer"]) == (422, "#/strategy")
