"""A snapshot that a worker finds missing or damaged is written again where the warehouse has the same bars.

Else that is said.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from optimizer.domain.study_request import StudySpec
from optimizer.domain.study_results import StudyState
from optimizer.errors import DamagedSnapshot, error_of
from optimizer.market.feed import Market
from optimizer.market.providers.sample import Sample
from optimizer.market.warehouse.warehouse import Warehouse
from optimizer.studies.service import OptimizationService
from optimizer.studies.worker_messages import Configure
from optimizer.studies.worker_pool import WorkerPool
from tests.refused import refused, worded

pytestmark = pytest.mark.usefixtures("documents")

ONE = StudySpec(symbol="IBM", strategy_name="rsi", n_trials=6, folds=0)
#: Other symbols' bars on common dates, and an end before that of the bars.
SHARED = ONE.model_copy(update={"partners": ("AAPL", "MSFT"), "end": date(2012, 6, 29)})
DAMAGES: dict[str, Callable[[Path], object]] = {
    "cut": lambda file: file.write_bytes(file.read_bytes()[:200]),
    "gone": lambda file: file.unlink(),
}


@pytest_asyncio.fixture
async def pool(tmp_path: Path, mongodb_uri: str) -> AsyncIterator[WorkerPool]:
    """A real worker."""
    pool = WorkerPool(1)
    await pool.prepare()
    pool.configure(Configure(mongodb_uri=mongodb_uri, snapshots=tmp_path))
    yield pool
    await pool.stop()


@pytest.fixture
def service(pool: WorkerPool, tmp_path: Path) -> Iterator[OptimizationService]:
    """A service with that worker."""
    with serving(pool, tmp_path) as service:
        yield service


@contextmanager
def serving(pool: WorkerPool, snapshots: Path, *, is_shared: bool = False) -> Iterator[OptimizationService]:
    """A service with a warehouse of its own."""
    with Warehouse.open(":memory:", sources=("sample",)) as warehouse:
        market, clock = Market(warehouse, (Sample(),), sources=("sample",)), partial(datetime.now, UTC)
        yield OptimizationService(
            market=market, pool=pool, snapshots=snapshots, clock=clock, shares_snapshots=is_shared
        )


@pytest.mark.parametrize("spec", [ONE, SHARED], ids=["one", "shared"])
async def test_damaged_snapshots_are_mended_while_a_study_runs_and_when_it_is_replayed(
    service: OptimizationService, tmp_path: Path, spec: StudySpec
) -> None:
    study = await service.create_study(spec, created_by="U1")
    files = _files(tmp_path)
    assert len(files) == len(spec.symbols)

    _damage_all(tmp_path, "cut")
    assert (await service.run_study(study.study_name)).status is StudyState.COMPLETE
    _damage_all(tmp_path, "gone")
    assert (await service.replay(study.study_name)).difference is None

    assert _files(tmp_path) == files


@pytest.mark.parametrize("is_shared", [True, False], ids=["shared", "not"])
async def test_a_bot_that_takes_over_on_another_machine_has_the_bars_if_they_are_shared(
    pool: WorkerPool, tmp_path: Path, *, is_shared: bool
) -> None:
    with serving(pool, tmp_path / "first", is_shared=is_shared) as first:
        study = await first.create_study(SHARED, created_by="U1")
    with serving(pool, tmp_path, is_shared=is_shared) as other:
        ended = await other.run_study(study.study_name)

    assert ended.status is (StudyState.COMPLETE if is_shared else StudyState.FAILED)
    assert {file.stem for file in _files(tmp_path)} == (set(study.data_hashes) if is_shared else set())


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_warehouse_with_other_bars_is_said(service: OptimizationService, tmp_path: Path, damage: str) -> None:
    study = await service.create_study(ONE, created_by="U1")
    with service._market.warehouse.writing() as cursor:
        cursor.execute("UPDATE bars SET close = close * 1.001 WHERE time < '2005-01-01'")
    _damage_all(tmp_path, damage)

    ended = await service.run_study(study.study_name)

    assert ended.status is StudyState.FAILED
    assert ended.failure is not None
    assert "no longer has the same bars. Start the study again" in worded(error_of(ended.failure))
    again = await service.create_study(ONE, created_by="U1")
    assert (await service.run_study(again.study_name)).status is StudyState.COMPLETE
    if damage == "cut":
        [file] = [file for file in _files(tmp_path) if file.stem == study.data_hash]
        assert len(file.read_bytes()) == 200


async def test_a_study_asked_for_again_replaces_its_damaged_snapshot(
    service: OptimizationService, tmp_path: Path
) -> None:
    for _ in range(2):
        study = await service.create_study(ONE, created_by="U1")
        assert (await service.run_study(study.study_name)).status is StudyState.COMPLETE
        _damage_all(tmp_path, "cut")
    with service._market.warehouse.writing() as cursor:
        cursor.execute("UPDATE bars SET close = close * 1.001 WHERE time < '2005-01-01'")
    with refused(DamagedSnapshot, match="are damaged: it cannot be read"):
        await service.replay(study.study_name)


def _damage_all(folder: Path, damage: str) -> None:
    for file in _files(folder):
        DAMAGES[damage](file)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.parquet"))
