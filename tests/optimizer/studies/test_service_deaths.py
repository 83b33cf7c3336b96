"""A study whose workers die: carried on three times at most, then failed with a reason that can be told."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from optimizer.domain.study_request import StudySpec
from optimizer.domain.study_results import StudyState
from optimizer.errors import Unavailable, WorkerLost, error_of
from optimizer.market.feed import Market
from optimizer.market.providers.sample import Sample
from optimizer.market.warehouse.warehouse import Warehouse
from optimizer.storage.documents import OptimizationStudy
from optimizer.strategies.declaration import OwnCode
from optimizer.strategies.registry import STRATEGIES
from optimizer.studies.service import OptimizationService
from optimizer.studies.worker_messages import Configure
from optimizer.studies.worker_pool import WorkerPool

pytestmark = pytest.mark.usefixtures("documents")


@pytest_asyncio.fixture
async def service(tmp_path: Path) -> AsyncIterator[OptimizationService]:
    """A service whose only worker is the small one."""
    pool = WorkerPool(1, module="tests.optimizer.deadly_worker")
    await pool.prepare()
    pool.configure(Configure(mongodb_uri="none", snapshots=tmp_path))
    with Warehouse.open(tmp_path / "market.duckdb", sources=("sample",)) as warehouse:
        market = Market(warehouse, (Sample(),), sources=("sample",))
        yield OptimizationService(
            market=market, pool=pool, snapshots=tmp_path / "snapshots", clock=lambda: datetime.now(UTC)
        )
    await pool.stop()


async def test_study_that_kills_its_workers_fails_with_a_reason(service: OptimizationService) -> None:
    spec = StudySpec(symbol="IBM", strategy_name="rsi", n_trials=10)
    study = await service.create_study(spec, created_by="U1")

    ended = await service.run_study(study.study_name)

    assert (ended.status, ended.deaths) == (StudyState.FAILED, 3)
    assert ended.failure is not None
    error = error_of(ended.failure)
    assert isinstance(error, WorkerLost | Unavailable)
    assert study.study_name in str(error)
    assert not service.is_under_way(study.study_name)
    assert await OptimizationStudy.find(OptimizationStudy.status == StudyState.FAILED).count() == 1


async def test_own_strategy_under_which_workers_die_is_named(service: OptimizationService) -> None:
    own = OwnCode(file="mine.py", path="/x/mine.py", digest="ab", seconds=0.001, n_bars=1500)
    STRATEGIES.set_own((replace(STRATEGIES["rsi"], key="mine", own=own),))
    try:
        spec = StudySpec(symbol="IBM", strategy_name="mine", n_trials=10)
        study = await service.create_study(spec, created_by="U1")
        ended = await service.run_study(study.study_name)
    finally:
        STRATEGIES.set_own(())

    assert study.strategy_digest == "ab"
    assert ended.failure is not None
    assert error_of(ended.failure).facts | {"study": ""} == {
        "strategy": "mine",
        "file": "mine.py",
        "deaths": 3,
        "study": "",
    }
