"""Worker programs on other machines, as real processes: they run what a bot stored, and it is the same study."""

import asyncio
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from optimizer.domain.study_request import StudySpec
from optimizer.domain.study_results import StudyState
from optimizer.market.feed import Market
from optimizer.market.providers.sample import Sample
from optimizer.market.snapshots import is_whole
from optimizer.market.warehouse.warehouse import Warehouse
from optimizer.storage.copies.shared_snapshots import SnapshotNotKept, fetch_snapshots
from optimizer.storage.documents import OptimizationStudy, OptimizationTrial, WorkerProgram
from optimizer.storage.driver import collection_of, database_of
from optimizer.storage.leases import Claimant, LeaseLost, claim, next_claimable
from optimizer.studies.code_version import code_version
from optimizer.studies.running.machines import Machines
from optimizer.studies.running.remote_worker import RemoteWorker
from optimizer.studies.service import OptimizationService
from optimizer.studies.worker_messages import Configure
from optimizer.studies.worker_pool import WorkerPool
from optimizer.supervisor import Supervisor
from tests.undisturbed import Table, row_of, run_undisturbed
from tests.worker_process import WorkerProcess, worker_process

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("documents")]

SHORT = StudySpec(symbol="IBM", strategy_name="rsi", n_trials=20, folds=0)
#: Takes a second or more, so that it can be disturbed.
LONG = StudySpec(symbol="IBM", strategy_name="rsi", n_trials=4000, folds=0, seed=5)


@pytest_asyncio.fixture
async def bot(tmp_path: Path) -> AsyncIterator[OptimizationService]:
    """A bot's service that shares its bars and has no worker of its own."""
    pool = WorkerPool(0)
    pool.configure(Configure(mongodb_uri="none", snapshots=tmp_path / "snapshots"))
    with Warehouse.open(":memory:", sources=("sample",)) as warehouse:
        market = Market(warehouse, (Sample(),), sources=("sample",))
        yield OptimizationService(
            market=market,
            pool=pool,
            snapshots=tmp_path / "snapshots",
            clock=lambda: datetime.now(UTC),
            shares_snapshots=True,
        )


async def reaches(name: str, state: StudyState, *, seconds: float = 240.0) -> OptimizationStudy:
    async with asyncio.timeout(seconds):
        while True:
            study = await OptimizationStudy.find_one(OptimizationStudy.study_name == name)
            assert study is not None
            if study.status is state:
                return study
            await asyncio.sleep(0.05)


async def has_trials(name: str) -> None:
    async with asyncio.timeout(240):
        while not await OptimizationTrial.find(OptimizationTrial.study == name).count():
            await asyncio.sleep(0.01)


async def table_of(name: str) -> Table:
    trials = collection_of(OptimizationTrial).find({"study": name}).sort("trial_number", 1)
    return [row_of(trial) async for trial in trials]


async def undisturbed(name: str, folder: Path) -> Table:
    """The trials of a study that is run once more under another name."""
    stored = await collection_of(OptimizationStudy).find_one({"study_name": name})
    assert stored is not None
    del stored["_id"]
    return await run_undisturbed({**stored, "study_name": f"{name}00"}, folder)


async def test_worker_program_runs_studies_and_survives_what_happens_to_it(
    bot: OptimizationService, mongodb_uri: str, tmp_path: Path
) -> None:
    first = await bot.create_study(SHORT, created_by="U1")
    other = await bot.create_study(SHORT.model_copy(update={"seed": 9}), created_by="U1")
    await other.set({"code_version": "0.9+of_another_time"})
    with worker_process(tmp_path / "there", mongodb_uri) as worker:
        done = await reaches(first.study_name, StudyState.COMPLETE)
        assert done.lease is not None
        assert (done.lease.owner, done.lease.token, done.deaths) == (None, 1, 0)
        said = await worker.until_said(f"{first.study_name}: complete")
        assert "0.9+of_another_time" in said
        [program] = await Machines().seen()
        assert (program.size, program.is_silent) == (1, False)

        await _is_killed_in_the_middle(bot, worker, tmp_path)
        await _bars_are_damaged(bot, worker)
        await _is_asked_to_end(bot, worker)
    assert (await reaches(other.study_name, StudyState.QUEUED)).lease is None


async def _is_killed_in_the_middle(bot: OptimizationService, worker: WorkerProcess, folder: Path) -> None:
    long = await bot.create_study(LONG, created_by="U1")
    await has_trials(long.study_name)
    [child] = worker.children()
    child.kill()
    done = await reaches(long.study_name, StudyState.COMPLETE)

    assert done.deaths == 1
    assert await table_of(long.study_name) == await undisturbed(long.study_name, folder)


async def _bars_are_damaged(bot: OptimizationService, worker: WorkerProcess) -> None:
    """The worker has none of these bars yet, and MongoDB has not all of their pieces."""
    study = SHORT.model_copy(update={"symbol": "MSFT"})
    plan = await bot.plan(study)
    worker.send(signal.SIGSTOP)
    stored = await bot.store(plan, created_by="U1")
    database = database_of(OptimizationStudy)
    await database["snapshots.chunks"].delete_one({"files_id": stored.data_hash})
    worker.send(signal.SIGCONT)

    said = await worker.until_said(f"{stored.study_name}: ")
    left = await reaches(stored.study_name, StudyState.QUEUED)
    assert left.needs_bot
    assert "damaged" in said
    assert not await database["snapshots.files"].count_documents({"_id": stored.data_hash})


async def _is_asked_to_end(bot: OptimizationService, worker: WorkerProcess) -> None:
    study = await bot.create_study(LONG.model_copy(update={"seed": 6}), created_by="U1")
    await has_trials(study.study_name)
    assert await asyncio.to_thread(worker.stop) == 128 + signal.SIGTERM
    left = await reaches(study.study_name, StudyState.RUNNING)
    assert left.lease is not None
    assert (left.lease.owner, left.deaths) == (None, 0)
    assert await WorkerProgram.find_all().count() == 0


async def test_program_that_was_killed_frees_what_it_held_when_it_starts_again(
    bot: OptimizationService, tmp_path: Path
) -> None:
    """Each time is a death of the study's worker, and the third one is the last."""
    study = await bot.create_study(SHORT, created_by="U1")
    told = list[str]()
    for deaths in (1, 2, 3):
        held = await claim(study.study_name, Claimant(pool="there"))
        assert held is not None
        pool = WorkerPool(0)
        pool.configure(Configure(mongodb_uri="none", snapshots=tmp_path, pool="there"))
        async with RemoteWorker(pool, "", lambda name, _: told.append(name)).run(Supervisor()):
            found = await OptimizationStudy.find_one({})
            assert found is not None
            assert found.lease is not None
            assert (found.lease.owner, found.deaths) == (None, deaths)
        with pytest.raises(LeaseLost):
            await held.beat()
    assert found.status is StudyState.FAILED
    assert told == [study.study_name] * 3


async def test_disk_that_takes_no_bars_leaves_the_study_to_the_bot(bot: OptimizationService, tmp_path: Path) -> None:
    """A file stands where the folder would be: the same answer of the system as for a disk without room."""
    study = await bot.create_study(SHORT, created_by="U1")
    (tmp_path / "full").write_text("")
    with pytest.raises(SnapshotNotKept):
        await fetch_snapshots([study.data_hash], tmp_path / "full")
    await fetch_snapshots([study.data_hash], tmp_path / "room")
    assert is_whole(study.data_hash, tmp_path / "room")


async def test_next_study_is_one_of_whoever_has_the_fewest_running(bot: OptimizationService) -> None:
    names = [
        (await bot.create_study(SHORT.model_copy(update={"seed": seed}), created_by=person)).study_name
        for seed, person in enumerate(("U1", "U1", "U1", "U2"))
    ]
    claimant = Claimant(pool="there", code_version=code_version())
    order = []
    while (name := await next_claimable(claimant)) is not None:
        await claim(name, Claimant(pool=f"there-{name}", code_version=code_version()))
        order.append(names.index(name))
    assert order == [0, 3, 1, 2]
