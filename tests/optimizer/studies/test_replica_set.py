"""A replica set that loses its primary while studies run, on the bot and on another machine."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pymongo import WriteConcern

from optimizer.domain.study_results import StudyState
from optimizer.market.feed import Market
from optimizer.market.providers.sample import Sample
from optimizer.market.warehouse.warehouse import Warehouse
from optimizer.storage.documents import DOCUMENTS, OptimizationStudy
from optimizer.storage.driver import collection_of
from optimizer.storage.mongo import open_documents
from optimizer.studies.service import OptimizationService
from optimizer.studies.worker_messages import Configure
from optimizer.studies.worker_pool import WorkerPool
from tests.optimizer.studies.test_remote_workers import LONG, has_trials, reaches, table_of, undisturbed
from tests.replica_set import replica_set
from tests.worker_process import worker_process

pytestmark = [pytest.mark.server, pytest.mark.slow]


async def test_election_costs_studies_nothing_here_and_elsewhere(tmp_path: Path) -> None:
    pool = WorkerPool(1)
    await pool.prepare()
    snapshots = tmp_path / "snapshots"
    async with replica_set(tmp_path / "mongo") as servers, open_documents(servers.uri, DOCUMENTS):
        collection = collection_of(OptimizationStudy)
        assert collection.write_concern == WriteConcern(w="majority", j=True)
        pool.configure(Configure(mongodb_uri=servers.uri, snapshots=snapshots, pool="bot"))
        with (
            Warehouse.open(":memory:", sources=("sample",)) as warehouse,
            worker_process(tmp_path / "there", servers.uri) as worker,
        ):
            market = Market(warehouse, (Sample(),), sources=("sample",))
            clock = {"clock": lambda: datetime.now(UTC)}
            bot = OptimizationService(market=market, pool=pool, snapshots=snapshots, shares_snapshots=True, **clock)
            await worker.until_said("1 ready on", seconds=300)
            await pool.ready()
            here = await bot.create_study(LONG, created_by="U1")
            await here.set({"needs_bot": True})
            running = asyncio.create_task(bot.run_study(here.study_name))
            there = await bot.create_study(LONG.model_copy(update={"seed": 8}), created_by="U2")
            await asyncio.gather(has_trials(here.study_name), has_trials(there.study_name))

            await servers.kill_primary()
            done = [await running, await reaches(there.study_name, StudyState.COMPLETE)]
            await pool.stop()
        assert [study.lease.pool == "bot" for study in done if study.lease] == [True, False]
        assert [(study.status, study.deaths, study.lease and study.lease.token) for study in done] == [
            (StudyState.COMPLETE, 0, 1)
        ] * 2
        for study in done:
            assert await table_of(study.study_name) == await undisturbed(study.study_name, tmp_path)
