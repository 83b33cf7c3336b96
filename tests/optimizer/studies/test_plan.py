"""The plan of a study: its bars, where they come from, and what is wrong with those that it uses."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from optimizer.domain.study_request import StudySpec
from optimizer.errors import BarsEnd, TooFewBars
from optimizer.market.feed import Market
from optimizer.market.providers.sample import Sample
from optimizer.market.warehouse.warehouse import Warehouse
from optimizer.strategies.declaration import OwnCode
from optimizer.strategies.plugins.own_rules import with_positions
from optimizer.strategies.registry import STRATEGIES
from optimizer.studies.service import OptimizationService
from optimizer.studies.worker_pool import WorkerPool
from tests.refused import refused, worded

#: A Saturday, eight years after the end of the sample.
NOW = datetime(2021, 3, 6, tzinfo=UTC)
AAPL = StudySpec(symbol="AAPL", strategy_name="rsi", n_trials=10)


@pytest.fixture
def clock() -> list[datetime]:
    return [NOW]


@pytest.fixture
def service(tmp_path: Path, clock: list[datetime]) -> Iterator[OptimizationService]:
    """A service that only plans: its pool has no worker yet."""
    with Warehouse.open(":memory:", sources=("sample",)) as warehouse:
        market = Market(warehouse, (Sample(),), sources=("sample",))
        yield OptimizationService(market=market, pool=WorkerPool(1), snapshots=tmp_path, clock=lambda: clock[-1])


async def test_a_finding_stands_only_in_studies_that_use_its_day(service: OptimizationService) -> None:
    outlier = "On 2000-09-29 the price moves by −51.9%, 19 times its usual move."

    late = await service.plan(AAPL)
    early = await service.plan(AAPL.model_copy(update={"start": date(2000, 6, 1)}))

    assert outlier in [worded(note.phrase) for note in early.data_notes]
    assert [note.kind for note in late.data_notes] == ["stale_end"]


async def test_a_finding_in_the_warm_up_stands(service: OptimizationService) -> None:
    """The longest indicator of this search reaches back to the day of the outlier, and the window does not."""
    spec = AAPL.model_copy(update={"strategy_name": "sma", "start": date(2000, 10, 16), "end": date(2012, 12, 31)})

    plan = await service.plan(spec)

    assert plan.bars.time[plan.rows.start] > plan.bars.time[plan.bars.row_at(date(2000, 9, 29))]
    assert [note.kind for note in plan.data_notes] == ["outlier"]


@pytest.mark.parametrize(("days", "kinds"), [(7, []), (9, []), (10, ["stale_end"])])
async def test_bars_older_than_five_sessions_are_a_finding(
    service: OptimizationService, clock: list[datetime], days: int, kinds: list[str]
) -> None:
    friday = datetime(2013, 3, 1, 23, tzinfo=UTC)
    clock.append(friday + timedelta(days=days))

    assert [note.kind for note in (await service.plan(AAPL)).data_notes] == kinds


async def test_a_last_day_after_the_bars_is_as_old_as_none(service: OptimizationService) -> None:
    past = await service.plan(AAPL.model_copy(update={"end": date(2012, 6, 29)}))
    future = await service.plan(AAPL.model_copy(update={"end": date(2030, 1, 1)}))

    assert past.data_notes == ()
    assert [worded(note.phrase) for note in future.data_notes] == [
        "The last bar is of 2013-03-01; 2,017 sessions have closed since."
    ]


async def test_a_window_after_the_last_bar_says_where_the_bars_end(service: OptimizationService) -> None:
    with refused(BarsEnd, match=r"^The bars of `AAPL` \(sample\) end on 2013-03-01; `from=2024-01-01` is after that\."):
        await service.plan(AAPL.model_copy(update={"start": date(2024, 1, 1)}))
    with refused(TooFewBars, match="has 187 bars .*: a study needs at least two years, and its bars end on 2013-03-01"):
        await service.plan(AAPL.model_copy(update={"start": date(2012, 6, 1)}))


async def test_only_a_live_source_has_new_bars(service: OptimizationService) -> None:
    plan = await service.plan(AAPL)

    assert (plan.source, plan.has_new_bars) == ("sample", False)


async def test_a_strategy_in_python_adds_its_own_time(service: OptimizationService) -> None:
    own = OwnCode(file="mine.py", path="/x/mine.py", digest="ab", seconds=0.01, n_bars=1500)
    mine = with_positions(
        replace(STRATEGIES["rsi"], key="mine", own=own), lambda conditions, *values: conditions.bars.close * 0
    )
    ours = await service.plan(AAPL)
    STRATEGIES.set_own((mine,))
    try:
        plan = await service.plan(AAPL.model_copy(update={"strategy_name": "mine"}))
    finally:
        STRATEGIES.set_own(())

    n_sets = plan.n_trials * (1 + AAPL.folds)
    assert plan.seconds - ours.seconds == pytest.approx(n_sets * 0.01 * len(plan.bars) / 1500)
    assert (plan.own_code, ours.own_code) == (own, None)
