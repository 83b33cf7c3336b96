"""Two worker programs on one database, and what may happen to machines: no study is lost, none differs."""

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from optimizer.domain.study_results import StudyState
from optimizer.errors import WorkerLost, error_of
from optimizer.storage.documents import DOCUMENTS, OptimizationStudy
from optimizer.storage.embedded_mongo import EmbeddedMongo, restart_mongod
from optimizer.storage.leases import HEARTBEAT_SECONDS
from optimizer.storage.mongo import open_documents, wait_ready
from optimizer.studies.running.reaper import LOOK_SECONDS, Reaper
from optimizer.studies.service import OptimizationService
from optimizer.supervisor import Supervisor
from tests.chaos.mongo import mongod_in, through
from tests.optimizer.studies.test_remote_workers import LONG, SHORT, bot, has_trials, reaches, table_of
from tests.tcp_proxy import TcpProxy
from tests.worker_process import WorkerProcess, until, worker_process

pytestmark = [pytest.mark.server, pytest.mark.slow]

__all__ = ["bot"]

#: Seconds of silence that end a lease here, less than the bot's and more than a beat, and those without MongoDB.
EXPIRY, AWAY = HEARTBEAT_SECONDS + 7.0, 7.0


@dataclass
class Machine:
    """A worker program and its way to MongoDB."""

    worker: WorkerProcess
    network: TcpProxy

    @property
    def pool(self) -> str:
        """Name under which it holds studies."""
        return (self.worker.home / "worker/identity").read_text()


@asynccontextmanager
async def machine(home: Path, uri: str, port: int) -> AsyncIterator[Machine]:
    """A machine that is ready."""
    async with TcpProxy(port) as network:
        with worker_process(home, through(network, uri)) as worker:
            await worker.until_said("1 ready on", seconds=300)
            yield Machine(worker, network)


async def now(name: str) -> OptimizationStudy:
    found = await OptimizationStudy.find_one(OptimizationStudy.study_name == name)
    assert found is not None
    return found


async def test_two_machines_in_trouble_lose_no_study(bot: OptimizationService, tmp_path: Path) -> None:
    async with (
        mongod_in(tmp_path / "mongo") as server,
        open_documents(server.uri, DOCUMENTS),
        machine(tmp_path / "one", server.uri, server.port) as one,
        machine(tmp_path / "two", server.uri, server.port) as two,
    ):
        machines, supervisor = (one, two), Supervisor()
        async with supervisor.repeat("reaper", Reaper("bot").tick, every=LOOK_SECONDS):
            again = await _mongodb_is_away(bot, server)
        try:
            async with supervisor.repeat("reaper", Reaper("bot", expiry=EXPIRY, every=1.0).tick, every=1.0):
                await _owner_is_frozen(bot, machines)
                await _owner_is_cut_off(bot, machines)
                await _a_study_kills_its_workers(bot, machines)
                await _disks_are_full(bot, machines)
        finally:
            await asyncio.to_thread(again.stop)


async def _mongodb_is_away(bot: OptimizationService, server: EmbeddedMongo) -> EmbeddedMongo:
    """MongoDB dies under two studies and comes back: both go on where they were, and no lease is taken away."""
    studies = [await bot.create_study(LONG.model_copy(update={"seed": n}), created_by="U1") for n in (1, 2)]
    names = [study.study_name for study in studies]
    await asyncio.gather(*map(has_trials, names))
    server.process.kill()
    server.process.wait()
    await asyncio.sleep(AWAY)
    again = restart_mongod(server)
    await wait_ready(again)
    done = [await reaches(name, StudyState.COMPLETE) for name in names]
    assert [(study.deaths, study.lease and study.lease.token) for study in done] == [(0, 1), (0, 1)]
    for name in names:
        await _is_as_on_a_quiet_day(bot, name)
    return again


async def _begun(bot: OptimizationService, machines: Sequence[Machine], seed: int) -> tuple[str, Machine]:
    """A study in the middle, and the machine that has it."""
    study = await bot.create_study(LONG.model_copy(update={"seed": seed}), created_by="U1")
    await has_trials(study.study_name)
    lease = (await now(study.study_name)).lease
    assert lease is not None
    return study.study_name, next(each for each in machines if each.pool == lease.pool)


async def _owner_is_frozen(bot: OptimizationService, machines: Sequence[Machine]) -> None:
    name, owner = await _begun(bot, machines, 3)
    owner.worker.send(signal.SIGSTOP)
    await reaches(name, StudyState.COMPLETE)
    before = await now(name)
    owner.worker.send(signal.SIGCONT)
    await _loses_its_lease(owner, name)
    await _nothing_came_of_it(bot, before, owner)


async def _owner_is_cut_off(bot: OptimizationService, machines: Sequence[Machine]) -> None:
    name, owner = await _begun(bot, machines, 4)
    async with owner.network.cut():
        await reaches(name, StudyState.COMPLETE)
        before = await now(name)
    await _loses_its_lease(owner, name)
    await _nothing_came_of_it(bot, before, owner)


async def _loses_its_lease(owner: Machine, name: str) -> None:
    await owner.worker.until_said(f"study_lease_lost study={name}", seconds=90)


async def _nothing_came_of_it(bot: OptimizationService, before: OptimizationStudy, owner: Machine) -> None:
    """The other machine ended the study, and what the old owner tried since then changed nothing."""
    after = await now(before.study_name)
    assert after == before
    assert after.deaths == 1
    assert after.lease is not None
    assert after.lease.pool != owner.pool
    await _is_as_on_a_quiet_day(bot, before.study_name)


async def _is_as_on_a_quiet_day(bot: OptimizationService, name: str) -> None:
    """The same request, run again without any trouble, has the same trials."""
    again = await bot.create_study((await now(name)).spec, created_by="U9")
    assert (await reaches(again.study_name, StudyState.COMPLETE)).deaths == 0
    assert await table_of(name) == await table_of(again.study_name)


async def _a_study_kills_its_workers(bot: OptimizationService, machines: Sequence[Machine]) -> None:
    """Two people ask for more meanwhile; both get what they asked for."""
    poison = await bot.create_study(LONG.model_copy(update={"seed": 5}), created_by="U1")
    asked = [("U1", 6), ("U2", 7), ("U2", 8)]
    others = [
        (await bot.create_study(SHORT.model_copy(update={"seed": seed}), created_by=person)).study_name
        for person, seed in asked
    ]
    for death in range(1, 4):
        await _its_worker_dies(poison.study_name, machines, death)
    failed = await reaches(poison.study_name, StudyState.FAILED)
    assert failed.deaths == 3
    assert failed.failure is not None
    assert isinstance(error_of(failed.failure), WorkerLost)
    for name in others:
        assert (await reaches(name, StudyState.COMPLETE)).deaths == 0


async def _its_worker_dies(name: str, machines: Sequence[Machine], death: int) -> None:
    async with asyncio.timeout(90):
        while (study := await now(name)).deaths < death:
            if study.lease is not None and study.lease.owner is not None:
                pid = int(study.lease.owner.split(":")[1])
                children = (child for each in machines for child in each.worker.children() if child.pid == pid)
                with suppress(psutil.NoSuchProcess):
                    for child in children:
                        child.kill()
            await asyncio.sleep(0.02)


async def _disks_are_full(bot: OptimizationService, machines: Sequence[Machine]) -> None:
    """A file stands where the folder of bars would be: the same answer of the system as for a disk without room."""
    for each in machines:
        snapshots = each.worker.home / "worker" / "snapshots"
        snapshots.rename(snapshots.with_name("before"))
        snapshots.write_text("")
    study = await bot.create_study(SHORT.model_copy(update={"symbol": "MSFT"}), created_by="U1")

    def told() -> str:
        said = (each.worker.said.read_text() for each in machines)
        return next((text for text in said if f"{study.study_name}: " in text), "")

    assert "cannot be written to" in (await until(told)).split(f"{study.study_name}: ")[1]
    assert (await reaches(study.study_name, StudyState.QUEUED)).needs_bot
