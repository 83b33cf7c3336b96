"""Worker programs on one database: killed, frozen and cut off, their broker and their primary killed too.

Every study has to end as if nothing had been.
"""

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count, islice
from pathlib import Path

from optimizer.domain.study_request import StudySpec
from optimizer.domain.study_results import StudyState
from optimizer.market.feed import Market
from optimizer.market.providers.sample import Sample
from optimizer.market.warehouse.warehouse import Warehouse
from optimizer.storage.documents import DOCUMENTS, OptimizationStudy, OptimizationTrial
from optimizer.storage.driver import collection_of
from optimizer.storage.mongo import open_documents
from optimizer.storage.outage import patiently
from optimizer.studies.finding import find_study
from optimizer.studies.running.broker import BrokerBell
from optimizer.studies.running.reaper import LOOK_SECONDS, Reaper
from optimizer.studies.service import OptimizationService
from optimizer.studies.worker_messages import Configure
from optimizer.studies.worker_pool import WorkerPool
from optimizer.supervisor import Supervisor
from tests.chaos.mongo import mongod_in, through
from tests.replica_set import ReplicaSet, replica_set
from tests.tcp_proxy import TcpProxy
from tests.undisturbed import Table, row_of, run_undisturbed
from tests.worker_process import Redis, WorkerProcess, redis_server, worker_process

_SYMBOLS, _STRATEGIES = ("AAPL", "IBM", "MSFT"), ("rsi", "sma", "macd")
#: A study may lose so many workers and still has to end well.
_MOST_DEATHS = 2
#: Strikes that cost a study its worker for good, as `kill` does where a program takes longer to start than a lease
#: lasts; after an election it goes on where it was, as nothing had died.
_DEADLY = frozenset({"kill", "child", "lost", "freeze", "partition"})
_ENDED_SECONDS, _READY_SECONDS = 300.0, 180.0


@dataclass
class Outcome:
    """What became of the studies."""

    n_complete: int
    n_studies: int
    n_different: int
    n_trials: int
    seconds: float
    done: Counter[str]  # strikes, by kind
    stops: dict[str, float]  # of each kind the longest time in seconds that a study stood still
    heard: int | None  # bells that worker programs received of a broker; None without one

    def __str__(self) -> str:
        heard = "" if self.heard is None else f", {self.heard} bells heard"
        strikes = ", ".join(
            f"{n} {kind} (stood still {self.stops[kind]:.0f} s at most)" for kind, n in self.done.items()
        )
        return (
            f"{self.n_complete}/{self.n_studies} complete, {self.n_different} trial tables different "
            f"({self.n_trials} trials, {self.seconds:.0f} s{heard}); {strikes}"
        )


@dataclass
class Program:
    """A worker program, and its way to MongoDB where that can be cut."""

    worker: WorkerProcess
    network: TcpProxy | None

    @property
    def pool(self) -> str:
        """Name under which it holds studies."""
        return (self.worker.home / "worker/identity").read_text()

    def kill(self) -> None:
        """End it and its worker at once."""
        children = self.worker.children()
        self.worker.process.kill()
        self.worker.process.wait()
        for child in children:
            if child.is_running():
                child.kill()


@dataclass
class Scene:
    """Everything that can be struck."""

    programs: list[Program]
    redis: Redis | None
    servers: ReplicaSet | None


@dataclass
class Asked:
    """Studies of three people, each of which the bell rings for where there is one."""

    bot: OptimizationService
    n_trials: int
    names: list[str] = field(default_factory=list)
    bell: BrokerBell | None = None
    _numbers: Iterator[int] = field(default_factory=count)

    async def ask(self, n: int) -> None:
        """Ask for so many more."""
        for number in islice(self._numbers, n):
            spec = spec_of(number, self.n_trials)
            study = await self.bot.create_study(spec, created_by=f"U{number % 3}")
            self.names.append(study.study_name)
            await self.ring(study.study_name)

    async def ring(self, name: str) -> None:
        """Ring for a study."""
        if self.bell:
            self.bell.ring(name)


@asynccontextmanager
async def service_in(home: Path) -> AsyncIterator[OptimizationService]:
    """A bot's service without a worker of its own; it shares its bars."""
    pool = WorkerPool(0)
    pool.configure(Configure(mongodb_uri="none", snapshots=home / "snapshots", pool="bot"))
    with Warehouse.open(":memory:", sources=("sample",)) as warehouse:
        market = Market(warehouse, (Sample(),), sources=("sample",))
        yield OptimizationService(
            market=market,
            pool=pool,
            snapshots=home / "snapshots",
            clock=lambda: datetime.now(UTC),
            shares_snapshots=True,
        )


def spec_of(seed: int, n_trials: int) -> StudySpec:
    """A study of its own for each seed."""
    symbol, strategy = _SYMBOLS[seed % len(_SYMBOLS)], _STRATEGIES[seed // 3 % len(_STRATEGIES)]
    return StudySpec(symbol=symbol, strategy_name=strategy, n_trials=n_trials, seed=seed, folds=0)


async def workers(
    home: Path,
    n_studies: int,
    n_trials: int,
    *,
    strikes: Mapping[str, int],
    with_celery: bool = False,
    seed: int = 31,
    seconds: float = 600.0,
) -> Outcome:
    """Run studies on two worker programs, so many at least, while they are struck so often in each way.

    `strikes` is by kind: `kill` ends a program, which is started again at once, and its broker meanwhile; `child` ends
    a worker process; `lost` ends a program until its lease was taken away; `freeze` stops it, and `partition` cuts its
    network, for as long; `election` ends the primary of a replica set. After so many seconds no more is struck.
    """
    began = time.monotonic()
    left = [kind for kind, n in strikes.items() for _ in range(n)]
    random.Random(seed).shuffle(left)
    async with AsyncExitStack() as stack:
        scene = await _scene(stack, home, with_celery=with_celery, has_replicas="election" in strikes)
        asked = Asked(await stack.enter_async_context(service_in(home)), n_trials)
        if scene.redis is not None:
            asked.bell = BrokerBell(scene.redis.url)
            stack.callback(asked.bell.stop)
        reaper = Reaper("bot", on_free=asked.ring)
        await stack.enter_async_context(Supervisor().repeat("reaper", reaper.tick, every=LOOK_SECONDS))
        await asked.ask(n_studies)
        done, stops = await _struck(scene, asked, left, until=time.monotonic() + seconds)
        names = asked.names
        complete = await _all_ended(names)
        heard = sum(map(_bells, scene.programs)) if with_celery else None
        assert heard != 0, "no task of the broker was received: what ran was found by looking"
        tables = [await _table(name) for name in names]
        fresh = [await _undisturbed(name, home) for name in names]
    different = sum(one != other for one, other in zip(tables, fresh, strict=True))
    n_trials, lasted = sum(map(len, tables)), time.monotonic() - began
    return Outcome(complete, len(names), different, n_trials, lasted, done, stops, heard)


def _bells(program: Program) -> int:
    """Number of tasks that a program received of the broker, over all its starts."""
    return program.worker.said.read_text().count("bell_heard study=")


async def _struck(
    scene: Scene, asked: Asked, left: list[str], *, until: float
) -> tuple[Counter[str], dict[str, float]]:
    """Strike while studies run; returns how often in each way, and the longest stops.

    Each program is struck for itself, whatever happens to the other one; of a replica set one server at a time.
    """
    done, stops = Counter[str](), dict[str, float]()

    async def strike(programs: Sequence[Program]) -> None:
        while left and time.monotonic() < until:
            kind = left.pop()
            stood = await _strike_once(kind, programs, scene, asked)
            if stood is None:
                left.append(kind)
                continue
            done[kind] += 1
            stops[kind] = max(stops.get(kind, 0.0), stood)

    apart = [scene.programs] if scene.servers else [[program] for program in scene.programs]
    await asyncio.gather(*map(strike, apart))
    return done, stops


async def _strike_once(kind: str, programs: Sequence[Program], scene: Scene, asked: Asked) -> float | None:
    """Strike one of the programs, or ask for more studies where none can bear it; returns as `_strike` does."""
    study = await _one_that_runs(asked.names, kind, {program.pool for program in programs})
    if study is None:
        await asked.ask(2)
        return None
    return await _strike(kind, study, scene)


async def _scene(stack: AsyncExitStack, home: Path, *, with_celery: bool, has_replicas: bool) -> Scene:
    """Start servers and two programs, and bind the documents."""
    servers, proxies = None, list[TcpProxy]()
    if has_replicas:
        servers = await stack.enter_async_context(replica_set(home / "replicas"))
        uri, uris = servers.uri, [servers.uri] * 2
    else:
        server = await stack.enter_async_context(mongod_in(home))
        uri = server.uri
        proxies = [await stack.enter_async_context(TcpProxy(server.port)) for _ in range(2)]
        uris = [through(proxy, uri) for proxy in proxies]
    await stack.enter_async_context(open_documents(uri, DOCUMENTS))
    redis = stack.enter_context(redis_server(home)) if with_celery else None
    options = ("count=1", *(["--celery", "--verbose"] if redis else []))
    more = {"OPTIMIZE_BOT_BROKER": redis.url} if redis else {}
    started = [
        stack.enter_context(worker_process(home / f"there-{n}", each, *options, **more)) for n, each in enumerate(uris)
    ]
    for worker in started:
        await worker.until_said("1 ready on", seconds=_READY_SECONDS)
        if redis:
            await worker.until_said("connected to the broker", seconds=_READY_SECONDS)
    programs = [Program(worker, proxies[n] if proxies else None) for n, worker in enumerate(started)]
    return Scene(programs, redis, servers)


async def _one_that_runs(names: list[str], kind: str, pools: set[str]) -> OptimizationStudy | None:
    """A study with trials that can bear this and that one of the pools holds; None when no open one can bear it."""
    while True:
        query = {"study_name": {"$in": names}, "status": {"$in": ["queued", "running"]}}
        open_ones = await patiently(OptimizationStudy.find(query).to_list, what="studies")
        if not open_ones:
            return None
        for study in open_ones:
            is_held = study.lease is not None and study.lease.owner is not None and study.lease.pool in pools
            if is_held and study.trials_completed and (kind not in _DEADLY or study.deaths < _MOST_DEATHS):
                return study
        if kind in _DEADLY and all(study.deaths >= _MOST_DEATHS for study in open_ones):
            return None
        await asyncio.sleep(0.05)


async def _strike(kind: str, before: OptimizationStudy, scene: Scene) -> float | None:
    """Strike whoever runs a study; returns the seconds until the study went on, or had ended, or None: too late."""
    assert before.lease is not None
    holder = next((each for each in scene.programs if each.pool == before.lease.pool), None)
    if holder is None or not _is_same(await _now(before.study_name), before):
        return None
    began = time.monotonic()
    async with _STRIKES[kind](holder, scene):
        while _is_same(now := await _now(before.study_name), before) and _is_stopped(kind, now, before):
            await asyncio.sleep(0.05)
        stood = time.monotonic() - began
    await _is_back(holder)
    return stood


async def _is_back(program: Program) -> None:
    """Wait until a program has a worker: what is struck next should be no start."""
    async with asyncio.timeout(_READY_SECONDS):
        while not program.worker.children():
            await asyncio.sleep(0.1)


def _is_same(now: OptimizationStudy, before: OptimizationStudy) -> bool:
    """True while a study runs under the lease of before."""
    return now.status is StudyState.RUNNING and _token(now) == _token(before)


def _is_stopped(kind: str, now: OptimizationStudy, before: OptimizationStudy) -> bool:
    """True while a study has not gone on; one whose worker only waits for MongoDB keeps its lease."""
    return kind != "election" or now.trials_completed == before.trials_completed


@asynccontextmanager
async def _killed(program: Program, scene: Scene) -> AsyncIterator[None]:
    """Kill a program and the broker, and start both again at once, as systemd would."""
    program.kill()
    if scene.redis is not None:
        scene.redis.kill()
        scene.redis.start()
    program.worker.launch()
    yield


@asynccontextmanager
async def _lost(program: Program, _scene: Scene) -> AsyncIterator[None]:
    """Kill a program, and start it again after the block."""
    program.kill()
    yield
    program.worker.launch()


@asynccontextmanager
async def _child_killed(program: Program, _scene: Scene) -> AsyncIterator[None]:
    """Kill the process that runs the study."""
    for child in program.worker.children():
        child.kill()
    yield


@asynccontextmanager
async def _frozen(program: Program, _scene: Scene) -> AsyncIterator[None]:
    """Stop a program for the block."""
    program.worker.send(signal.SIGSTOP)
    yield
    program.worker.send(signal.SIGCONT)


@asynccontextmanager
async def _cut_off(program: Program, _scene: Scene) -> AsyncIterator[None]:
    """Cut a program off from MongoDB for the block; it lives on."""
    assert program.network is not None
    async with program.network.cut():
        yield


@asynccontextmanager
async def _primary_killed(_program: Program, scene: Scene) -> AsyncIterator[None]:
    """Kill the primary, and start it again when there is another one."""
    assert scene.servers is not None
    port = await scene.servers.kill_primary()
    yield
    await scene.servers.until_primary()
    scene.servers.start(port)


_STRIKES: Mapping[str, Callable[[Program, Scene], AbstractAsyncContextManager[None]]] = {
    "kill": _killed,
    "child": _child_killed,
    "lost": _lost,
    "freeze": _frozen,
    "partition": _cut_off,
    "election": _primary_killed,
}


def _token(study: OptimizationStudy) -> int:
    return study.lease.token if study.lease else 0


async def _now(name: str) -> OptimizationStudy:
    return await patiently(lambda: find_study(name), what="study")


async def _all_ended(names: list[str]) -> int:
    """Number of the studies that are complete, once none is under way."""
    query = {"study_name": {"$in": names}}
    async with asyncio.timeout(_ENDED_SECONDS):
        is_open = OptimizationStudy.find({**query, "status": {"$in": ["queued", "running"]}})
        while await patiently(is_open.count, what="studies"):
            await asyncio.sleep(0.2)
    return await OptimizationStudy.find({**query, "status": "complete"}).count()


async def _table(name: str) -> Table:
    trials = collection_of(OptimizationTrial).find({"study": name}).sort("trial_number", 1)
    return [row_of(trial) async for trial in trials]


async def _undisturbed(name: str, home: Path) -> Table:
    """The trials of the same study, run once more under another name."""
    stored = await collection_of(OptimizationStudy).find_one({"study_name": name})
    assert stored is not None
    del stored["_id"]
    afresh = {"study_name": f"{name}00", "request_key": None, "needs_bot": True}  # no program may take it
    return await run_undisturbed({**stored, **afresh}, home)
