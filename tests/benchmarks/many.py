"""`python -m tests.benchmarks many`: how long people wait for lists and rankings when there are ten thousand studies.

A bot of its own computes one study; a real MongoDB is then filled with copies of it that vary in everything that is
asked for, with their curves, trials, messages and audit. The backtests of the best sets are left out: nothing lists
them. What is timed is what the product calls: a command up to its message, a page or a question to the API up to the
last byte over HTTP, and the counting of tries that ends each study. The last column, the processor time of the bot and
of MongoDB together, is the same on a machine that has other work.
"""

import argparse
import asyncio
import os
import random
import statistics
import struct
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import bson
import psutil
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient

from bot.access.local import local_user
from bot.access.sign_in import SignIn
from bot.api.api_keys import add_key
from bot.cli.serve import RunningBot, keep_objects, run_bot
from bot.commands import registry
from bot.context import BotContext
from bot.documents.audiences import REQUESTER, channel_audience, seen_by
from bot.documents.registry import DOCUMENTS as BOT_DOCUMENTS
from bot.grammar.parsing import parse
from bot.origin import Origin
from bot.role import Role
from bot.runtime.processes import start_children
from bot.runtime.settings import Settings
from bot.runtime.slack_client import slack_client
from bot.slack.home_tab import Home
from optimizer.domain.study_request import StudySpec
from optimizer.domain.study_results import StudySummary, Verdict
from optimizer.storage.digests import bars_key, search_key
from optimizer.storage.documents import DOCUMENTS, OptimizationStudy, rank_of
from optimizer.storage.driver import database_of
from optimizer.storage.embedded_mongo import find_mongod, start_mongod
from optimizer.storage.mongo import DATABASE, kept_ready, open_documents
from optimizer.storage.tries import tries_before
from optimizer.supervisor import Supervisor
from reports.render import renderer_of
from tests.benchmarks.services import desk_in, finished, submitted

#: Seconds that the bot has for each question, for its start, and for counting tries.
QUESTION, START, TRIES = 0.150, 3.0, 0.020
SYMBOLS = ("AAPL", "IBM", "MSFT", *(f"S{number:03}" for number in range(47)))
STRATEGIES = ("rsi", "sma", "macd", "bollinger", "donchian", "zscore", "momentum", "stochastic")
#: Of a hundred studies so many have each verdict, best first.
VERDICTS = (2, 8, 60, 20, 10)
PEOPLE = tuple(f"U{number:08}" for number in range(1, 26))
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
STUDY = "/api/v1/backtests/optimize/studies?"
PAGES = (
    *("/board", "/board?verdict=all", "/board?symbol=AAPL&verdict=all&sort=-outside", "/studies", "/plans"),
    *("/api/studies", "/metrics"),
)
FILTERS = (
    *("limit=20", "limit=100", "symbol=AAPL", "symbol=NOSUCH", "strategy=rsi", "status=failed", "status=running"),
    *("verdict=strong", "verdict=overfit&strategy=rsi&symbol=IBM", "verdict=unproven&status=failed"),
)
_BATCH = 200


@dataclass(frozen=True, kw_only=True)
class Base:
    """What is copied: one real study with all that belongs to it, as stored."""

    study: Mapping[str, Any]
    curves: bytes
    trials: Sequence[bytes]


@dataclass(frozen=True, kw_only=True)
class Question:
    """Something that people or programs ask for."""

    name: str
    ask: Callable[[], Awaitable[object]]
    limit: float = QUESTION


def main(arguments: Sequence[str] = ()) -> None:
    """Fill, measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks many", description=__doc__)
    parser.add_argument("--studies", type=int, default=10_000)
    parser.add_argument("--trials", type=int, default=200, help="of each study")
    parser.add_argument("--repeats", type=int, default=40)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="many-", ignore_cleanup_errors=True) as folder:
        asyncio.run(_measure(Path(folder) / "home", options))


async def _measure(home: Path, options: argparse.Namespace) -> None:
    base = await made(home, options.trials)
    began = time.perf_counter()
    await fill(home, base, options.studies)
    n_trials = options.studies * options.trials
    print(
        f"{options.studies:,} studies, {n_trials:,} trials, filled in {time.perf_counter() - began:.0f} s", flush=True
    )
    print(f"On the disk: {size_of(home) / options.studies / 1e3:,.0f} kB a study\n", flush=True)
    print("| asked for | median | p99 | bar | processor |\n|---|---:|---:|---:|---:|", flush=True)
    facts = {"HOME": home, "PORT": 0, "WORKERS": 1, "VIEWERS": ",".join(PEOPLE)}
    settings = Settings.model_validate({f"OPTIMIZE_BOT_{name}": fact for name, fact in facts.items()})
    began = time.perf_counter()
    async with (
        start_children(settings) as children,
        run_bot(settings, slack_client(settings), children) as bot,
    ):
        _print("start", [time.perf_counter() - began], START)
        keep_objects()  # as `serve` does when it is ready
        assert children.mongod is not None
        server = psutil.Process(children.mongod.process.pid)
        async with _browser(bot) as web:
            for question in await _questions(bot, web):
                await question.ask()
                before = _processor(server)
                seconds = [await _seconds(question.ask) for _ in range(options.repeats)]
                _print(question.name, seconds, question.limit, (_processor(server) - before) / options.repeats)


def size_of(home: Path) -> int:
    """Bytes of all files of a folder."""
    return sum(place.stat().st_size for place in home.rglob("*") if place.is_file())


def _processor(server: psutil.Process) -> float:
    """Seconds of processor time that this process and MongoDB have taken."""
    times = server.cpu_times()
    return time.process_time() + times.user + times.system


async def _seconds(ask: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await ask()
    return time.perf_counter() - began


def _print(name: str, seconds: Sequence[float], limit: float, processor: float | None = None) -> None:
    p99 = sorted(seconds)[max(0, -(-len(seconds) * 99 // 100) - 1)]
    cells = (f"{1e3 * value:,.0f} ms" for value in (statistics.median(seconds), p99, limit))
    work = "" if processor is None else f"{1e3 * processor:,.0f} ms"
    print(f"| {name} | {' | '.join(cells)}{'' if p99 <= limit else ' **missed**'} | {work} |", flush=True)


async def made(home: Path, n_trials: int) -> Base:
    """Compute one study and read back what is stored of it."""
    async with desk_in(home, n_workers=1) as services:
        spec = StudySpec(symbol="AAPL", strategy_name="rsi", n_trials=n_trials)
        (study,) = await finished(services, [await submitted(services, spec)])
        await study.set({"best_value": study.best_value})
        database = database_of(OptimizationStudy)
        stored = await database["optimization_studies"].find_one({"study_name": study.study_name})
        curves = await database["optimization_curves"].find_one({"study": study.study_name})
        trials = await database["optimization_trials"].find({"study": study.study_name}).to_list(None)
    _print_sizes(stored, curves, trials)
    return Base(study=stored, curves=_elements(curves), trials=[_elements(trial) for trial in trials])


def _print_sizes(
    study: Mapping[str, Any], curves: Mapping[str, Any] | None, trials: Sequence[Mapping[str, Any]]
) -> None:
    sizes = (("study", [study]), ("curves", [curves or {}]), ("trials", trials))
    said = (f"{name} {sum(len(bson.encode(each)) for each in found) / 1e3:.0f} kB" for name, found in sizes)
    print(f"One real study: {', '.join(said)}", flush=True)


def _elements(document: Mapping[str, Any] | None) -> bytes:
    """The elements of a document in BSON, but for its id and its study's name."""
    return bson.encode({key: value for key, value in (document or {}).items() if key not in ("_id", "study")})[4:-1]


def _of_study(name: str, elements: bytes) -> RawBSONDocument:
    head = b"\x02study\x00" + struct.pack("<i", len(name) + 1) + name.encode() + b"\x00"
    return RawBSONDocument(struct.pack("<i", len(head) + len(elements) + 5) + head + elements + b"\x00")


async def fill(home: Path, base: Base, n_studies: int) -> None:
    """Store so many studies that vary, with all that belongs to them."""
    async with kept_ready(start_mongod(find_mongod(os.environ), home), Supervisor()) as uri:
        await asyncio.to_thread(_insert_all, uri, base, n_studies)
        async with open_documents(uri, (*DOCUMENTS, *BOT_DOCUMENTS)):  # makes the indexes, which is quicker at the end
            pass


def _insert_all(uri: str, base: Base, n_studies: int) -> None:
    chance = random.Random(1)
    with MongoClient[Any](uri) as client:
        database = client.get_default_database(DATABASE)
        for name in ("studies", "curves", "trials", "tried_sets"):
            database[f"optimization_{name}"].drop_indexes()
        for first in range(0, n_studies, _BATCH):
            studies = [_varied(base.study, number, chance) for number in range(first, min(first + _BATCH, n_studies))]
            names = [study["study_name"] for study in studies]
            many = {"ordered": False}
            database["optimization_studies"].insert_many(studies, **many)
            database["optimization_curves"].insert_many([_of_study(name, base.curves) for name in names], **many)
            trials = (_of_study(name, trial) for name in names for trial in base.trials)
            database["optimization_trials"].insert_many(trials, **many)
            database["optimization_tried_sets"].insert_many(_tried(studies, len(base.trials), chance), **many)
            database["slack_outbox"].insert_many(_outbox(studies), **many)
            database["audit_log"].insert_many(_audit(studies), **many)


def _varied(base: Mapping[str, Any], number: int, chance: random.Random) -> dict[str, Any]:
    """A copy of a study, of another symbol, strategy, person, state, audience and verdict."""
    symbol = "AAPL" if chance.random() < 0.2 else chance.choice(SYMBOLS)
    strategy, person = chance.choice(STRATEGIES), chance.choice(PEOPLE)
    verdict = chance.choices(list(Verdict), VERDICTS)[0]
    winner = base["summary"]["winner"]
    outside = winner["out_of_sample"] | {"sharpe_ratio": chance.gauss(0.2, 0.8)}
    params = winner["params"] | {"noise": chance.randrange(2000)}
    evidence = (base["summary"]["significance"] or {}) | {"p": chance.random()}
    summary = base["summary"] | {
        "verdict": str(verdict), "winner": winner | {"out_of_sample": outside, "params": params},
        "significance": evidence if base["summary"]["significance"] else None,
    }  # fmt: skip
    changed = {
        "study_name": f"opt-{number:06x}", "symbol": symbol, "strategy_name": strategy, "created_by": person,
        "spec": base["spec"] | {"symbol": symbol, "strategy_name": strategy},
        "created_at": BEGAN + timedelta(minutes=45 * number), "audience": _audience(chance), "status": "complete",
        "summary": summary,
    }  # fmt: skip
    if chance.random() < 0.03:
        changed |= {"status": chance.choice(("failed", "cancelled")), "summary": None, "failure": _FAILURE}
    study = {key: value for key, value in (base | changed).items() if key != "_id"}
    return study | _derived(study)


_FAILURE = {"kind": "WorkerLost", "facts": {"deaths": 3, "study": "opt-0"}}


def _derived(study: Mapping[str, Any]) -> dict[str, Any]:
    spec, days = StudySpec.model_validate(study["spec"]), study["window"]
    rank = rank_of(spec, StudySummary.model_validate(study["summary"])) if study["summary"] else None
    start, end = date.fromisoformat(days["start_date"]), date.fromisoformat(days["end_date"])
    keys = {"symbols": [spec.symbol], "search": search_key(spec), "bars": bars_key(spec, start, end)}
    return keys | {"rank": rank and rank.model_dump()}


def _audience(chance: random.Random) -> str:
    return chance.choices(("workspace", REQUESTER, channel_audience(f"G{chance.randrange(5):08}")), (90, 5, 5))[0]


def _tried(studies: Sequence[Mapping[str, Any]], n: int, chance: random.Random) -> list[dict[str, Any]]:
    return [
        {
            "study": s["study_name"],
            "bars": s["bars"],
            "n_trials": s["trials_completed"],
            "digests": chance.randbytes(8 * n),
        }
        for s in studies
    ]


def _outbox(studies: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 300}}] * 4
    plain = {"channel_id": "C00000001", "method": "post", "text": "x" * 100, "blocks": blocks, "sending": "sent"}
    parts = ("root", "end-0", "end-1", "end-2", "final")
    return [
        {**plain, "key": f"{s['study_name']}:{part}", "conversation": s["study_name"], "created_at": s["created_at"],
         "order": int(s["created_at"].timestamp()) * 10 + i, "ts": f"{s['created_at'].timestamp()}{i}"}
        for s in studies
        for i, part in enumerate(parts)
    ]  # fmt: skip


def _audit(studies: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    said = {"door": "command", "channel_id": "C00000001", "said": "AAPL RSI 200", "verb": "start", "outcome": "done"}
    return [{**said, "at": s["created_at"], "user_id": s["created_by"]} for s in studies for _ in range(3)]


@asynccontextmanager
async def _browser(bot: RunningBot) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of the bot's HTTP side with an API key, and signed in to its pages."""
    key = await add_key("bench", Role.ADMIN, created_by="bench", now=bot.context.clock())
    base = f"http://127.0.0.1:{bot.port}"
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(base, headers={"Authorization": f"Bearer {key}"}, cookie_jar=jar) as web:
        ticket = SignIn.of(bot.context.services.settings.home, bot.context.clock).link_for(PEOPLE[0])
        async with web.post("/sign-in", data={"ticket": ticket}, headers={"Origin": base}) as answer:
            assert answer.status == 200, await answer.text()
        yield web


async def _questions(bot: RunningBot, web: aiohttp.ClientSession) -> list[Question]:
    context = bot.context
    commands = (
        "list",
        "list all",
        "list running",
        "top",
        "top all",
        "top AAPL",
        "top all RSI",
        "best IBM RSI",
        "failures",
    )
    asked = [
        Question(name=f"`{text}` by {who}", ask=_command(context, text, user))
        for text in commands
        for who, user in (("a person", PEOPLE[0]), ("the local admin", local_user()))
    ]
    asked += [
        Question(name=f"Home of {role.name.lower()}", ask=_home(context, role)) for role in (Role.RUNNER, Role.APPROVER)
    ]
    asked += [
        Question(name=f"`{path}`", ask=_fetch(web, path)) for path in (*PAGES, *(STUDY + each for each in FILTERS))
    ]
    one = await OptimizationStudy.find_one({"symbol": "AAPL", "strategy_name": "rsi"})
    assert one is not None
    asked.append(Question(name="`show ID`", ask=_command(context, f"show {one.study_name}", local_user())))
    asked.append(Question(name="tries of AAPL RSI", ask=lambda: tries_before(one), limit=TRIES))
    return asked


def _command(context: BotContext, text: str, user: str) -> Callable[[], Awaitable[object]]:
    role = Role.ADMIN if user == local_user() else Role.RUNNER
    origin = Origin(channel_id="", user_id=user, role=role)
    return lambda: registry.answer(parse(text), origin, context)


def _home(context: BotContext, role: Role) -> Callable[[], Awaitable[object]]:
    async def ask() -> None:
        viewer = await context.viewers.viewer(PEOPLE[1], role)
        facts = await Home(context).facts(seen_by(viewer))
        renderer_of("en").render("home", h=facts, may_start=True, user=PEOPLE[1])

    return ask


def _fetch(web: aiohttp.ClientSession, path: str) -> Callable[[], Awaitable[object]]:
    async def ask() -> None:
        async with web.get(path) as answer:
            await answer.read()
            assert answer.status == 200, (path, answer.status)

    return ask
