"""`python -m tests.benchmarks workers`: what workers on other machines cost and bring, on this one.

Real worker programs of one process each, a real MongoDB and, where it is installed, a real Redis. A study is rung for,
or found by looking, and its first trial begins; many symbols are searched by the bot's own pool, by one program, by two
and by one that hears of them through Celery; eight processes claim the same studies at once. The machine should have
two idle cores: on a busy one the times say little, and the processor time beside them more.

A worker process takes a second core when there is one, for the regimes and for large batches of sets. So a program has
a core of its own here, as on two machines of one core each; what the two share is MongoDB's server, and that bounds
what they can do on two cores: the bound is printed beside the ratio. What both do when nothing is tied is printed too.
"""

import argparse
import asyncio
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import psutil

from optimizer.domain.study_request import StudySpec
from optimizer.domain.study_results import StudyState
from optimizer.market.feed import Market
from optimizer.market.providers.sample import Sample
from optimizer.market.raw_bars import RawBars
from optimizer.market.warehouse.warehouse import Warehouse
from optimizer.storage.documents import DOCUMENTS, OptimizationStudy, OptimizationTrial
from optimizer.storage.embedded_mongo import EmbeddedMongo
from optimizer.storage.mongo import open_documents
from optimizer.studies.running.broker import BrokerBell
from optimizer.studies.service import OptimizationService
from optimizer.studies.worker_messages import Configure
from optimizer.studies.worker_pool import WorkerPool
from tests.chaos.mongo import mongod_in
from tests.optimizer.storage.claiming import claimed_by_eight
from tests.worker_process import WorkerProcess, redis_server, worker_process

#: What is wanted: seconds to the first trial, ratios of throughput, and seconds of a refused claim.
CELERY, LOOKING, TWO, BELL, REFUSED = 0.100, 0.600, 1.8, 0.95, 0.100
#: Symbols of the sample with bars enough for folds.
LONG_ONES = ("AAPL", "GOOG", "IBM", "MSFT")
_FOLDS, _READY_SECONDS, _ENDED_SECONDS, _N_CORES = 4, 180.0, 1800.0, 2
#: Processes by what they are.
_Roles = Mapping[str, Sequence[psutil.Process]]


@dataclass(frozen=True)
class Lasted:
    """How long studies took together, and the processor time of each kind of process meanwhile."""

    seconds: float
    spent: Mapping[str, float]

    @property
    def total(self) -> float:
        """Seconds of processor time, of all together."""
        return sum(self.spent.values())

    @property
    def busy(self) -> float:
        """Number of cores that were busy with it; above one where a study is written while it is searched."""
        return self.total / self.seconds

    def __str__(self) -> str:
        return ", ".join(f"{name} {seconds:.1f} s" for name, seconds in self.spent.items())


class ManySymbols(Sample):
    """Source of as many symbols as one likes: those of the sample, each time at other prices."""

    def fetch(self, symbol: str, *, timeframe: str, start: date | None, end: date | None, now: datetime) -> RawBars:
        """Bars of a symbol such as IBM7."""
        base = next(name for name in LONG_ONES if symbol.startswith(name))
        bars = super().fetch(base, timeframe=timeframe, start=start, end=end, now=now)
        scale = 1.0 + int(symbol.removeprefix(base) or 0) / 1000
        prices = {name: getattr(bars, name) * scale for name in ("open", "high", "low", "close")}
        return replace(bars, symbol=symbol, **prices)


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks workers", description=__doc__)
    parser.add_argument("--symbols", type=int, default=100)
    parser.add_argument("--trials", type=int, default=200, help="of each study")
    parser.add_argument("--rings", type=int, default=20, help="studies whose first trial is waited for")
    parser.add_argument("--rounds", type=int, default=200, help="studies that eight processes claim at once")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="workers-", ignore_cleanup_errors=True) as folder:
        asyncio.run(_measure(Path(folder), options))


async def _measure(home: Path, options: argparse.Namespace) -> None:
    print("| what | figure | bar |\n|---|---:|---:|", flush=True)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(mongod_in(home / "mongo"))
        await stack.enter_async_context(open_documents(server.uri, DOCUMENTS))
        redis = stack.enter_context(redis_server(home)) if shutil.which("redis-server") else None
        bench = Bench(home, server, redis.url if redis else "")
        first, *many = [
            StudySpec(
                symbol=f"{LONG_ONES[n % len(LONG_ONES)]}{n}", strategy_name="rsi", n_trials=options.trials, folds=_FOLDS
            )
            for n in range(options.symbols + 1)
        ]
        await _claims(server.uri, options.rounds)
        own = await _by_own_pool(bench, first, many)
        _row(f"{len(many)} symbols × {options.trials} trials × {_FOLDS} folds, the bot's own pool of one", own.seconds)
        _spent(own)
        async with _service(home, server.uri, WorkerPool(0)) as bot:
            await _throughput(bot, bench, many, own)
            await _rings(bot, bench, "", options.rings)
            if redis:
                await _rings(bot, bench, redis.url, options.rings)


@dataclass(frozen=True)
class Bench:
    """What stays while one way after the other is measured."""

    home: Path
    server: EmbeddedMongo
    broker: str  # address, or empty without Redis

    def roles(self, **others: Sequence[psutil.Process]) -> _Roles:
        """Everything that takes processor time."""
        return {**others, "mongod": [psutil.Process(self.server.process.pid)], "this program": [psutil.Process()]}


async def _by_own_pool(bench: Bench, first: StudySpec, many: Sequence[StudySpec]) -> Lasted:
    pool = WorkerPool(1)
    async with _service(bench.home, bench.server.uri, pool) as bot:
        roles = bench.roles(worker=[psutil.Process(pid) for pid in pool.pids])
        await _all(bot, [first], lambda names: _run_here(bot, names), roles)
        return await _all(bot, many, lambda names: _run_here(bot, names), roles)


def _row(what: str, seconds: float, bar: str = "", *, is_met: bool = True) -> None:
    figure = f"{seconds:.1f} s" if seconds >= 10 else f"{1e3 * seconds:,.0f} ms"
    print(f"| {what} | {figure} | {bar}{'' if is_met else ' **missed**'} |", flush=True)


def _ratio(what: str, ratio: float, least: float) -> None:
    print(f"| {what} | {ratio:.2f} × | ≥ {least:.2f} ×{'' if ratio >= least else ' **missed**'} |", flush=True)


def _spent(lasted: Lasted) -> None:
    print(f"| … processor time: {lasted} | {lasted.busy:.2f} cores | |", flush=True)


@asynccontextmanager
async def _service(home: Path, uri: str, pool: WorkerPool) -> AsyncIterator[OptimizationService]:
    """A bot's service with workers of its own."""
    await pool.prepare()
    pool.configure(Configure(mongodb_uri=uri, snapshots=home / "snapshots", pool="bot"))
    await pool.ready()
    with Warehouse.open(":memory:", sources=("sample",)) as warehouse:
        yield OptimizationService(
            market=Market(warehouse, (ManySymbols(),), sources=("sample",)),
            pool=pool,
            snapshots=home / "snapshots",
            clock=lambda: datetime.now(UTC),
            shares_snapshots=True,
        )
    await pool.stop()


async def _all(
    bot: OptimizationService,
    specs: Sequence[StudySpec],
    run: Callable[[Sequence[str]], Awaitable[None]],
    roles: _Roles,
) -> Lasted:
    """Run studies which are stored before."""
    names = [(await bot.create_study(spec, created_by=f"U{n % 3}")).study_name for n, spec in enumerate(specs)]
    before, began = _processor_times(roles), time.perf_counter()
    await run(names)
    query = {"study_name": {"$in": names}}
    async with asyncio.timeout(_ENDED_SECONDS):
        while await OptimizationStudy.find({**query, "status": {"$in": ["queued", "running"]}}).count():
            await asyncio.sleep(0.2)  # seldom: it takes time of the same cores
    seconds, after = time.perf_counter() - began, _processor_times(roles)
    assert await OptimizationStudy.find({**query, "status": str(StudyState.COMPLETE)}).count() == len(names)
    return Lasted(seconds, {name: after[name] - before[name] for name in roles})


def _processor_times(roles: _Roles) -> dict[str, float]:
    return {name: sum(sum(one.cpu_times()[:2]) for one in processes) for name, processes in roles.items()}


async def _run_here(bot: OptimizationService, names: Sequence[str]) -> None:
    await asyncio.gather(*(bot.run_study(name) for name in names))


@asynccontextmanager
async def _programs(bench: Bench, broker: str, n: int, *, is_tied: bool = False) -> AsyncIterator[list[WorkerProcess]]:
    """So many warm programs of one process each; tied, each has a core of its own."""
    options = ("count=1", *(["--celery"] if broker else []))
    more = {"OPTIMIZE_BOT_BROKER": broker} if broker else {}
    cores = sorted(os.sched_getaffinity(0))
    async with AsyncExitStack() as stack:
        programs = list[WorkerProcess]()
        for i in range(n):
            home = Path(tempfile.mkdtemp(prefix="there-", dir=bench.home))  # anew: it has no bars yet
            programs.append(stack.enter_context(worker_process(home, bench.server.uri, *options, **more)))
            if is_tied:  # before it starts a process, which inherits it
                os.sched_setaffinity(programs[i].process.pid, cores[i : i + 1])
        for program in programs:
            await program.until_said("1 ready on", seconds=_READY_SECONDS)
            if broker:
                await program.until_said("connected to the broker", seconds=_READY_SECONDS)
        yield programs
        for program in programs:
            program.stop()


async def _throughput(bot: OptimizationService, bench: Bench, many: Sequence[StudySpec], own: Lasted) -> None:
    one = await _elsewhere(bot, bench, "", many, 1, is_tied=True)
    _row("the same, one worker program with a core of its own", one.seconds)
    _spent(one)
    two = await _elsewhere(bot, bench, "", many, 2, is_tied=True)
    _row("the same, two worker programs with a core each", two.seconds)
    _spent(two)
    _ratio("two worker programs ÷ one", one.seconds / two.seconds, TWO)
    print(f"| … as much as {_N_CORES} cores can do: {_N_CORES} ÷ {one.busy:.2f} | {_N_CORES / one.busy:.2f} × | |")
    _row("the same, one worker program with all cores", (free := await _elsewhere(bot, bench, "", many, 1)).seconds)
    _spent(free)
    _row("the same, two worker programs with all cores", (await _elsewhere(bot, bench, "", many, 2)).seconds)
    if bench.broker:
        heard = await _elsewhere(bot, bench, bench.broker, many, 1)
        _row("the same, one worker program with Celery on Redis", heard.seconds)
        _spent(heard)
        _ratio("Celery ÷ the bot's own pool", own.seconds / heard.seconds, BELL)
        print(f"| … by processor time | {own.total / heard.total:.2f} × | |", flush=True)


async def _elsewhere(
    bot: OptimizationService, bench: Bench, broker: str, specs: Sequence[StudySpec], n: int, *, is_tied: bool = False
) -> Lasted:
    """Run studies on so many programs; they are frozen while the studies are stored."""
    bell = BrokerBell(broker) if broker else None
    async with _programs(bench, broker, n, is_tied=is_tied) as programs:

        async def go(names: Sequence[str]) -> None:
            for program in programs:
                program.send(signal.SIGCONT)
            if bell:
                for name in names:
                    bell.ring(name)

        workers = [child for program in programs for child in program.children()]
        parents = [psutil.Process(program.process.pid) for program in programs]
        children = [child for parent in parents for child in parent.children(recursive=True)]
        bells = [child for child in children if child not in workers]
        roles = bench.roles(worker=workers, program=parents, **({"Celery": bells} if bells else {}))
        for program in programs:
            program.send(signal.SIGSTOP)
        lasted = await _all(bot, specs, go, roles)
    if bell:
        bell.stop()
    return lasted


async def _rings(bot: OptimizationService, bench: Bench, broker: str, n: int) -> None:
    """From the moment in which a study is stored, or rung for, to the start of its first trial."""
    bell = BrokerBell(broker) if broker else None
    waits = list[float]()
    async with _programs(bench, broker, 1):
        for seed in range(n + 1):
            spec = StudySpec(symbol="IBM", strategy_name="rsi", n_trials=20, folds=0, seed=seed)
            plan = await bot.plan(spec)
            study = await bot.store(plan, created_by="U1")
            stored = datetime.now(UTC)
            if bell:
                bell.ring(study.study_name)
            waits.append((await _first_trial(study.study_name) - stored).total_seconds())
            await asyncio.sleep(0.13 * (seed % 5))  # so that looks and studies do not keep step
    if bell:
        bell.stop()
    del waits[0]  # with it the program fetched the bars
    limit, way = (CELERY, "Celery") if broker else (LOOKING, "looking")
    middle, longest = statistics.median(waits), max(waits)
    _row(f"ring to first trial, {way}, median of {n}", middle, f"≤ {1e3 * limit:.0f} ms", is_met=middle <= limit)
    _row(f"ring to first trial, {way}, longest of {n}", longest)


async def _first_trial(name: str) -> datetime:
    """When the first trial of a study began, by the clock of this machine; waits until the study has ended."""
    async with asyncio.timeout(_ENDED_SECONDS):
        while await OptimizationStudy.find({"study_name": name, "status": str(StudyState.COMPLETE)}).count() == 0:
            await asyncio.sleep(0.02)
    trial = await OptimizationTrial.find_one({"study": name, "trial_number": 0})
    assert trial is not None
    assert trial.started_at is not None
    return trial.started_at


async def _claims(uri: str, rounds: int) -> None:
    """Eight processes claim the same studies at once."""
    granted, answers = await claimed_by_eight(uri, rounds)
    assert sorted(granted) == sorted(set(granted)), "a study was claimed twice"
    slowest = sorted(answers)[len(answers) * 99 // 100]
    what = f"claim of eight processes at once, {rounds} rounds, {len(granted)} granted, p99 of the refusals"
    _row(what, slowest, f"< {1e3 * REFUSED:.0f} ms", is_met=slowest < REFUSED)


if __name__ == "__main__":
    main(sys.argv[1:])
