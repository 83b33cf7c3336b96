"""What is counted of earlier studies: every search of overlapping bars, by whom, and who saw the held-out ones."""

import os
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from optimizer.domain.study_request import StudySpec
from optimizer.domain.study_results import StudyState, Suggestion, Tries
from optimizer.storage.documents import DOCUMENTS, OptimizationStudy, WindowRecord
from optimizer.storage.driver import collection_of, database_of
from optimizer.storage.embedded_mongo import find_mongod, start_mongod
from optimizer.storage.mongo import kept_ready, open_documents
from optimizer.storage.trial_documents import trial_document
from optimizer.storage.tries import tries_before
from optimizer.supervisor import Supervisor
from tests.reports import facts
from tests.scenarios.conftest import kept_bindings

pytestmark = pytest.mark.server
NOW = datetime(2026, 11, 3, 9, 30, tzinfo=UTC)


@pytest_asyncio.fixture
async def documents(home: Path) -> AsyncIterator[None]:
    with kept_bindings():
        async with (
            kept_ready(start_mongod(find_mongod(os.environ), home), Supervisor()) as uri,
            open_documents(uri, DOCUMENTS, waits=True),
        ):
            yield


def study(name: str, *, start: date = date(2003, 1, 1), by: str = "alice", **changed: Any) -> OptimizationStudy:
    """A finished study of ten years of AAPL from `start` on."""
    spec = StudySpec.model_validate({"symbol": "AAPL", "strategy_name": "rsi"} | changed)
    end = start.replace(year=start.year + 10)
    held_out = start.replace(year=start.year + 8)
    window = WindowRecord(start=0, holdout_start=1, stop=2, start_date=start, holdout_date=held_out, end_date=end)
    return OptimizationStudy(
        study_name=name,
        spec=spec,
        symbol=spec.label,
        strategy_name=spec.strategy_name,
        search_space={},
        space_size=5376,
        n_trials=200,
        direction="maximize",
        objective="sharpe",
        sampler="tpe",
        seed=spec.seed,
        window=window,
        data_hash="ab",
        source="sample",
        n_bars=2520,
        code_version="0.1.0",
        status=StudyState.COMPLETE,
        created_at=NOW,
        created_by=by,
        trials_completed=200,
        summary=facts.summary(),
    )


async def test_the_first_search_of_its_bars_has_nothing_before_it(documents: None) -> None:
    first = study("opt-1")
    await first.insert()
    await study("opt-2", symbol="IBM").insert()
    await study("opt-3", start=date(2014, 1, 1)).insert()

    assert await tries_before(first) == Tries()


async def test_a_study_of_a_request_for_several_symbols_is_one_of_as_many(documents: None) -> None:
    one = study("opt-1")
    one.n_together = 20
    await one.insert()
    found = await tries_before(one)

    assert (found.n_searches, found.n_together, found.n_counted) == (1, 20, 20)


async def test_searches_count_by_what_is_searched_and_sets_by_how_many_were_tried(documents: None) -> None:
    ours = study("opt-0", by="carol")
    others = [
        study("opt-1", strategy_name="sma"),
        study("opt-2", strategy_name="sma", start=date(2003, 1, 2), by="bob"),  # moved by a day: the same search
        study("opt-3", strategy_name="sma", seed=99, n_trials=50),
        study("opt-4", overlays=("stop",)),
        study("opt-5", allow_short=True, start=date(2004, 5, 1)),
        study("opt-6", goals=("calmar",)),
    ]
    for one in others[1:3]:
        one.summary = facts.summary(suggestion=Suggestion.RESEARCH)
    for one in (ours, *others):
        await one.insert()
    found = await tries_before(ours)

    assert (found.n_searches, found.n_looks, found.n_people, found.since) == (5, 6, 3, NOW.date())
    assert found.n_research == 2
    assert found.n_sets == 200 * 4  # opt-4 and opt-6 tried the strategy in this window: their sets are read one by one


async def test_sets_of_the_same_strategy_and_window_are_counted_once(documents: None) -> None:
    ours, twin = study("opt-0"), study("opt-1", seed=8)
    for one in (ours, twin):
        await one.insert()
    tried = facts.trials(40)
    collection = database_of(OptimizationStudy)["optimization_trials"]
    documents_of = {"opt-0": tried[:30], "opt-1": tried[10:]}
    await collection.insert_many(
        [trial_document(name, record, NOW) for name, records in documents_of.items() for record in records]
    )
    found = await tries_before(ours)

    assert found.n_searches == 1
    assert found.n_sets == len(
        {tuple(r.params.items()) for r in tried[10:]} - {tuple(r.params.items()) for r in tried[:30]}
    )


async def test_who_never_began_is_not_counted_and_who_has_no_result_did_not_look(documents: None) -> None:
    ours, queued, cancelled = study("opt-0"), study("opt-1", strategy_name="ema"), study("opt-2", strategy_name="macd")
    queued.trials_completed, cancelled.summary = 0, None
    for one in (ours, queued, cancelled):
        await one.insert()
    found = await tries_before(ours)

    assert (found.n_searches, found.n_looks, found.n_sets) == (2, 0, 200)


async def test_a_search_stored_before_there_was_a_re_entry_rule_waited_for_a_fresh_signal(documents: None) -> None:
    await study("opt-1", overlays=["stop"]).insert()
    await collection_of(OptimizationStudy).update_one(
        {"study_name": "opt-1"}, {"$unset": {"spec.reenter": "", "spec.counts_ahead": "", "spec.counts_weekdays": ""}}
    )
    early = await OptimizationStudy.find_one(OptimizationStudy.study_name == "opt-1")

    assert early is not None
    assert (early.spec.reenter, early.spec.counts_ahead, early.spec.counts_weekdays) == ("fresh", True, False)
    assert (await tries_before(study("opt-2", overlays=["stop"]))).n_searches == 1
    assert (await tries_before(study("opt-3", overlays=["stop"], reenter="signal"))).n_searches == 2
