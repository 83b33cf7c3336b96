"""Queries over many studies: what they answer, and that none of them reads every study."""

import gzip
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import bson
import pytest
from bson.codec_options import CodecOptions

from bot.documents.audiences import Viewer, has_hidden, seen_by
from optimizer.domain.study_results import StudyState, StudySummary, Verdict
from optimizer.storage.curves import OF_FOLDS, OF_SUMMARY, move_curves, split, with_curves
from optimizer.storage.documents import BY_AGE, BY_PERSON, BY_STATE, OptimizationStudy, StudyCurves
from optimizer.storage.driver import collection_of, database_of
from optimizer.storage.leases import Claimant, claim
from optimizer.storage.study_queries import (
    both,
    page_of_studies,
    ranked_names,
    symbols_among,
    without_charts,
)
from optimizer.storage.study_store import find_stored, store_result
from optimizer.storage.tries import store_tried_sets, tries_before
from optimizer.studies.finding import find_study
from tests.optimizer.storage.test_tries import NOW, study
from tests.reports import facts

pytestmark = pytest.mark.server
OLD = Path(__file__).parents[2] / "fixtures" / "before_rooms" / "database" / "optimization_studies.bson.gz"
ALICE = seen_by(Viewer(user_id="alice"))


def ranked(
    name: str, verdict: Verdict, *, p: float, sharpe: float, window: int = 20, **changed: Any
) -> OptimizationStudy:
    """A finished study with that place among all; studies of the same `window` have the same winner."""
    plain = facts.summary()
    outside = plain.winner.out_of_sample
    assert outside is not None
    assert plain.significance is not None
    winner = plain.winner.model_copy(
        update={"params": {"window": window}, "out_of_sample": outside.model_copy(update={"sharpe_ratio": sharpe})}
    )
    evidence = plain.significance.model_copy(update={"p": p})
    summary = plain.model_copy(update={"verdict": verdict, "winner": winner, "significance": evidence})
    stored = study(name, **changed)
    return OptimizationStudy.model_validate(stored.model_dump() | {"summary": summary, "rank": None})


async def names_of(**more: Any) -> list[str]:
    return await ranked_names({}, **{"verdicts": tuple(Verdict), "limit": 10} | more)


async def test_studies_rank_by_verdict_then_evidence_then_sharpe_and_each_winner_once(documents: None) -> None:
    for one in (
        ranked("opt-1", Verdict.UNPROVEN, p=0.01, sharpe=3.0, window=1),
        ranked("opt-2", Verdict.STRONG, p=0.02, sharpe=1.0, window=2),
        ranked("opt-3", Verdict.STRONG, p=0.01, sharpe=0.5, window=3),
        ranked("opt-4", Verdict.STRONG, p=0.01, sharpe=0.9, window=4),
        ranked("opt-5", Verdict.STRONG, p=0.03, sharpe=9.0, window=4),  # the winner of opt-4
        ranked("opt-6", Verdict.STRONG, p=0.03, sharpe=9.0, window=4, symbol="IBM"),  # the same for another symbol
        study("opt-7").model_copy(update={"summary": None, "rank": None}),
    ):
        await one.insert()

    assert await names_of() == ["opt-4", "opt-3", "opt-2", "opt-6", "opt-1"]
    assert await names_of(limit=2) == ["opt-4", "opt-3"]
    assert await names_of(symbol="IBM") == ["opt-6"]
    assert await names_of(verdicts=(Verdict.UNPROVEN,)) == ["opt-1"]


async def test_a_summary_is_whole_wherever_one_study_is_read_and_light_in_lists(documents: None) -> None:
    stored = study("opt-1").model_copy(update={"summary": None, "rank": None, "status": StudyState.QUEUED})
    await stored.insert()
    whole = facts.summary()
    held = await claim("opt-1", Claimant(pool="here"))
    assert held is not None
    await store_result(held, stored, whole, stored.timings, [], None)

    found, of_worker = await find_study("opt-1"), await find_stored("opt-1")
    assert found.summary == whole
    assert of_worker is not None
    assert of_worker.summary == whole
    (light,) = await without_charts({}, limit=1)
    assert light.summary is not None
    assert not light.summary.curve.dates
    assert not light.summary.bootstrap_sharpes
    assert light.rank is not None
    document = await collection_of(OptimizationStudy).find_one({})
    assert document is not None
    assert {name: document["summary"][name] for name in OF_SUMMARY} == OF_SUMMARY
    assert {name: document["summary"]["walk_forward"][name] for name in OF_FOLDS} == OF_FOLDS


def test_what_an_early_version_did_not_store_stays_missing() -> None:
    kept, series = split({"curve": {"dates": []}, "verdict": "strong", "walk_forward": {"returns": [0.1], "folds": []}})

    assert kept["walk_forward"] == {"returns": [], "folds": []}
    assert series == {"curve": {"dates": []}, "returns": [0.1]}


async def test_studies_of_an_earlier_version_are_moved_once_and_read_the_same(documents: None) -> None:
    collection = collection_of(OptimizationStudy)
    old = bson.decode_all(gzip.decompress(OLD.read_bytes()), CodecOptions(tz_aware=True))
    await collection.insert_many(old)
    before = {s["study_name"]: s.get("summary") and StudySummary.model_validate(s["summary"]) for s in old}

    assert await move_curves() == len(old)
    assert await move_curves() == 0

    for name, summary in before.items():
        moved = await with_curves(await find_study(name))
        assert moved.summary == summary
        assert (moved.summary is None) or (moved.summary.model_fields_set == summary.model_fields_set)
        assert moved.symbols
        assert moved.search
    assert await StudyCurves.count() == sum(summary is not None for summary in before.values())


async def test_a_study_that_cannot_be_read_stays_as_it_is(documents: None) -> None:
    await collection_of(OptimizationStudy).insert_one({"study_name": "opt-bad", "spec": 1})

    assert await move_curves() == 0


QUERIES: dict[str, Callable[[], Awaitable[object]]] = {
    "list": lambda: without_charts(ALICE, order=dict(BY_AGE), limit=10, index=BY_AGE),
    "list mine": lambda: without_charts({"created_by": "alice"}, order=dict(BY_AGE), limit=10, index=BY_PERSON),
    "list running": lambda: without_charts(
        {"status": {"$in": ["queued", "running"]}, **ALICE}, order=dict(BY_AGE), limit=10, index=BY_STATE
    ),
    "top": lambda: ranked_names(ALICE, verdicts=(Verdict.STRONG,), limit=3),
    "top of a symbol": lambda: ranked_names(ALICE, verdicts=tuple(Verdict), limit=3, symbol="AAPL"),
    "symbols of a board": lambda: symbols_among(ALICE),
    "hidden": lambda: has_hidden("alice"),
    "tries": lambda: _tries(),
    **{
        f"API by {field}": lambda field=field, value=value: page_of_studies(  # type: ignore[misc]
            {field: [value]}, older_than=None, limit=5, among=ALICE
        )
        for field, value in {
            "symbol": "AAPL", "strategy_name": "rsi", "status": "failed", "summary.verdict": "strong",
        }.items()
    },
    "API by what no study is": lambda: page_of_studies(
        {"status": ["queued"], "summary.verdict": ["strong"], "strategy_name": ["rsi"]},
        older_than=None, limit=5, among=ALICE,
    ),
    "top of what no study is": lambda: ranked_names(
        both(ALICE, {"status": "queued", "strategy_name": "sma"}), verdicts=tuple(Verdict), limit=3
    ),
}  # fmt: skip
#: Queries that find nothing, and read no study to know it.
EMPTY = ("API by what no study is", "top of what no study is")


async def _tries() -> None:
    found = await OptimizationStudy.find_one({"study_name": "opt-001"})
    assert found is not None
    await tries_before(found)


def many() -> list[OptimizationStudy]:
    """Forty studies of two symbols, two people and all verdicts; all but one in ten are everyone's."""
    verdicts = list(Verdict)
    return [
        ranked(
            f"opt-{i:03}", verdicts[i % 5], p=i / 50, sharpe=i / 10, window=i, symbol=("AAPL", "IBM")[i % 2],
            by=("alice", "bob")[i % 3 == 0],
        ).model_copy(
            update={"created_at": NOW + timedelta(hours=i), "audience": "requester" if i % 10 == 0 else "workspace",
                    "status": StudyState.COMPLETE if i % 8 else StudyState.FAILED, "trials_completed": 1}
        )
        for i in range(40)
    ]  # fmt: skip


async def test_no_list_reads_every_study(documents: None) -> None:
    await OptimizationStudy.insert_many(many())
    for one in many():
        await store_tried_sets(one, [{"window": 1}])
    database = database_of(OptimizationStudy)
    await database.command("profile", 2)
    for name, query in QUERIES.items():
        await query()
        studies = {"ns": f"{database.name}.optimization_studies"}
        plans = await database["system.profile"].find(studies).to_list(None)
        assert plans, name
        await database.command("profile", 0)
        await database["system.profile"].drop()
        await database.command("profile", 2)
        for plan in plans:
            assert "COLLSCAN" not in plan.get("planSummary", ""), name  # what goes on with a cursor has no plan
            assert not plan.get("hasSortStage"), name
            # The profile of a cursor that was closed, or of a read that was cut off, has no number.
            assert plan.get("docsExamined", 0) < 40, (name, plan.get("planSummary"))
        if name in ("tries", "symbols of a board", "hidden"):
            assert sum(plan.get("docsExamined", 0) for plan in plans) <= 25, name  # only those of the same bars
        if name in EMPTY:
            assert [plan["docsExamined"] for plan in plans] == [0], name
    await database.command("profile", 0)
