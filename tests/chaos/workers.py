"""Worker programs on one database: killed and frozen, their broker too, and every study ends as if nothing had been."""

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from optimizer.domain.study_request import StudySpec
from optimizer.domain.study_results import StudyState
from optimizer.market.feed import Market
from optimizer.market.providers.sample import Sample
from optimizer.market.warehouse.warehouse import Warehouse
from optimizer.storage.documents import DOCUMENTS, OptimizationStudy, OptimizationTrial
from optimizer.storage.driver import collection_of
from optimizer.storage.mongo import open_documents
from optimizer.studies.running.broker import BrokerBell
from optimizer.studies.running.reaper import LOOK_SECONDS, Reaper
from optimizer.studies.service import OptimizationService
from optimizer.studies.worker_messages import Configure
from optimizer.studies.worker_pool import WorkerPool
from optimizer.supervisor import Supervisor
from tests.chaos.mongo import mongod_in
from tests.undisturbed import Table, row_of, run_undisturbed
from tests.worker_process import Redis, WorkerProcess, redis_server, worker_process

_SYMBOLS, _STRATEGIES = ("AAPL", "IBM", "MSFT"), ("rsi", "sma", "macd")
#: A study may lose so many workers and still has to end well.
_MOST_DEATHS = 2
_ENDED_SECONDS = 300.0


@dataclass
class Outcome:
    """What became of the studies."""

    n_complete: int
    n_studies: int
    n_different: int
    n_trials: int
    seconds: float
    longest_stop: float  # seconds that a study stood still after its worker was killed or frozen

    def __str__(self) -> str:
        return (
            f"{self.n_complete}/{self.n_studies} complete, {self.n_different} trial tables different "
            f"({self.n_trials} trials, {self.seconds:.0f} s); longest stop {self.longest_stop:.0f} s"
        )


@asynccontextmanager
async def service_in(home: Path, redis: Redis | None) -> AsyncIterator[OptimizationService]:
    """A bot's service without a worker of its own; it shares its bars and rings."""
    pool = WorkerPool(0)
    pool.configure(Configure(mongodb_uri="none", snapshots=home / "snapshots", pool="bot"))
    bell = BrokerBell(redis.url) if redis else None
    with Warehouse.open(":memory:", sources=("sample",)) as warehouse:
        market = Market(warehouse, (Sample(),), sources=("sample",))
        yield OptimizationService(
            market=market,
            pool=pool,
            snapshots=home / "snapshots",
            clock=lambda: datetime.now(UTC),
            shares_snapshots=True,
        )
    if bell:
        bell.stop()


def spec_of(seed: int, n_trials: int) -> StudySpec:
    """A study of its own for each seed."""
    symbol, strategy = _SYMBOLS[seed % len(_SYMBOLS)], _STRATEGIES[seed // 3 % len(_STRATEGIES)]
    return StudySpec(symbol=symbol, strategy_name=strategy, n_trials=n_trials, seed=seed, folds=0)


async def workers(
    home: Path, n_studies: int, n_trials: int, *, kills: int, freezes: int, with_celery: bool, seed: int = 31
) -> Outcome:
    """Run studies on two worker programs while they are killed and frozen so often, and the broker beside them."""
    began, dice = time.monotonic(), random.Random(seed)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(mongod_in(home))
        await stack.enter_async_context(open_documents(server.uri, DOCUMENTS))
        redis = stack.enter_context(redis_server(home)) if with_celery else None
        bot = await stack.enter_async_context(service_in(home, redis))
        reaper = Reaper("bot")
        await stack.enter_async_context(Supervisor().repeat("reaper", reaper.tick, every=LOOK_SECONDS))
        options = ("count=1", *(["--celery"] if redis else []))
        more = {"OPTIMIZE_BOT_BROKER": redis.url} if redis else {}
        programs = [
            stack.enter_context(worker_process(home / f"there-{n}", server.uri, *options, **more)) for n in (1, 2)
        ]
        names = [
            (await bot.create_study(spec_of(n, n_trials), created_by=f"U{n % 3}")).study_name for n in range(n_studies)
        ]
        strikes = ["kill"] * kills + ["freeze"] * freezes
        dice.shuffle(strikes)
        longest = 0.0
        for strike in strikes:
            if (name := await _one_that_runs(names)) is None:
                break
            longest = max(longest, await _strike(strike, name, programs, redis))
        complete = await _all_ended(names)
        tables = [await _table(name) for name in names]
        fresh = [await _undisturbed(name, home) for name in names]
    different = sum(one != other for one, other in zip(tables, fresh, strict=True))
    n_all = sum(map(len, tables))
    return Outcome(complete, len(names), different, n_all, time.monotonic() - began, longest)


async def _one_that_runs(names: list[str]) -> str | None:
    """A study with trials that can bear another death; None when all have ended."""
    while True:
        query = {"study_name": {"$in": names}, "status": {"$in": ["queued", "running"]}}
        open_ones = await OptimizationStudy.find(query).to_list()
        if not open_ones:
            return None
        for study in open_ones:
            is_held = study.lease is not None and study.lease.owner is not None
            if is_held and study.trials_completed and study.deaths < _MOST_DEATHS:
                return study.study_name
        await asyncio.sleep(0.05)


async def _strike(kind: str, name: str, programs: list[WorkerProcess], redis: Redis | None) -> float:
    """Kill or freeze the program that runs a study; returns the seconds until the study went on, or had ended."""
    before = await _now(name)
    assert before.lease is not None
    holder = next((p for p in programs if (p.home / "worker/identity").read_text() == before.lease.pool), None)
    if holder is None or before.lease.owner is None:
        return 0.0
    began = time.monotonic()
    if kind == "kill":
        if redis is not None:
            redis.kill()
        for child in holder.children():
            child.kill()
        holder.process.kill()
        holder.process.wait()
    else:
        holder.send(signal.SIGSTOP)
    while (now := await _now(name)).status is StudyState.RUNNING and _token(now) == _token(before):
        await asyncio.sleep(0.1)
    seconds = time.monotonic() - began
    if kind == "kill":
        if redis is not None:
            redis.start()
        holder.launch()
    else:
        holder.send(signal.SIGCONT)
    return seconds


def _token(study: OptimizationStudy) -> int:
    return study.lease.token if study.lease else 0


async def _now(name: str) -> OptimizationStudy:
    found = await OptimizationStudy.find_one(OptimizationStudy.study_name == name)
    assert found is not None
    return found


async def _all_ended(names: list[str]) -> int:
    """Number of the studies that are complete, once none is under way."""
    query = {"study_name": {"$in": names}}
    async with asyncio.timeout(_ENDED_SECONDS):
        while await OptimizationStudy.find({**query, "status": {"$in": ["queued", "running"]}}).count():
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
    return await run_undisturbed({**stored, "study_name": f"{name}00", "request_key": None}, home)
