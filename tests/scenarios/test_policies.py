"""Policies found by reward, from the typed command through the real bot and worker to what they learned."""

import asyncio
from pathlib import Path

import pandas as pd
import pytest

from optimizer.domain.study_results import StudyState, Verdict
from optimizer.market.importing import import_files
from optimizer.market.providers.file import Reading
from tests.optimizer.learned.policy_worlds import Planted, planted_world
from tests.scenarios.conftest import Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")

#: Ten of the twenty rows of votes: long enough to be killed in.
NARROWED = "memory=1008..1260 folds=0 end=2006-12-29 source=sample"


async def test_a_study_killed_while_its_policies_are_searched_ends_the_same_and_says_what_they_learned(
    stage: Stage,
) -> None:
    services = stage.context.services
    name, root = await stage.start(f"AAPL rl {NARROWED}", user="bob")

    async def is_training() -> bool | None:
        study = await services.studies.find(name)
        return study.training is not None or study.status.is_finished or None

    await stage.slack.eventually(is_training, seconds=120, what="the training")
    assert services.pool.end_worker_of(name)
    verdict = await stage.verdict(root)
    study = await services.studies.get_study_results(name)
    assert (study.status, study.deaths, study.trials_completed) == (StudyState.COMPLETE, 1, 120)
    assert study.summary is not None
    learned = study.summary.learned
    assert learned is not None
    assert (learned.kind, learned.n_refits, len(learned.seeds)) == ("rl", 8, 5)
    assert [twin.name for twin in learned.twins] == ["hold", "ridge", "momentum"]
    assert learned.nulls is None
    assert study.summary.verdict not in (Verdict.STRONG, Verdict.PROMISING)  # nothing is found on a real share

    details = str((await stage.detailed(verdict, user="bob")).blocks)
    assert "What it learned" in details
    assert "Five policies, each searched 8 times" in details
    assert "Votes that learned noise were not asked" in details
    assert (await services.studies.replay(name)).difference is None
    assert "no fixed rules to export" in await stage.tell(f"export {name} python", user="bob")


async def test_policies_of_both_sides_are_searched(stage: Stage) -> None:
    name, root = await stage.start("AAPL rl short memory=504 thrift=1 folds=0 end=2005-06-30 source=sample", user="bob")
    verdict = await stage.verdict(root)
    study = await stage.context.services.studies.get_study_results(name)
    assert (study.status, study.trials_completed) == (StudyState.COMPLETE, 12)
    assert study.summary is not None
    assert study.summary.learned is not None
    assert "Five policies" in str((await stage.detailed(verdict, user="bob")).blocks)
    assert (await stage.context.services.studies.replay(name)).difference is None


async def _import_planted(stage: Stage, folder: Path) -> None:
    """Import a market with something to learn, as a symbol of its own."""
    bars = planted_world(Planted.MOMENTUM, 1, sharpe=3.0).cut(0, 2_500)
    columns = {name.title(): getattr(bars, name) for name in ("open", "high", "low", "close", "volume")}
    frame = pd.DataFrame(columns, index=pd.bdate_range("2000-01-03", periods=len(bars)))
    path, services = folder / "PLANTCO.csv", stage.context.services
    await asyncio.to_thread(frame.to_csv, path, index_label="Date")
    await asyncio.to_thread(import_files, path, services.market.warehouse, reading=Reading(), now=services.clock())


async def test_what_would_be_promising_stands_beside_noise_and_is_cancelled_between_two_votes_of_it(
    stage: Stage, tmp_path: Path
) -> None:
    await _import_planted(stage, tmp_path)
    services = stage.context.services
    name, root = await stage.start("PLANTCO rl memory=1008 thrift=1 folds=0", user="bob")

    async def is_beside_noise() -> bool | None:
        training = (await services.studies.find(name)).training
        return (training is not None and training.is_noise) or None

    await stage.slack.eventually(is_beside_noise, seconds=120, what="the noise")
    await stage.tell(f"cancel {name}", user="bob")

    async def has_ended() -> StudyState | None:
        study = await services.studies.find(name)
        return study.status if study.status.is_finished else None

    assert await stage.slack.eventually(has_ended, seconds=120, what="the end") is StudyState.CANCELLED
    cancelled = await services.studies.find(name)
    assert (cancelled.trials_completed, cancelled.summary, cancelled.training) == (12, None, None)

    name, root = await stage.start("PLANTCO rl memory=504 thrift=1 folds=0 end=2007-04-13", user="bob")
    verdict = await stage.verdict(root)
    study = await services.studies.get_study_results(name)
    assert study.summary is not None
    assert study.summary.learned is not None
    nulls = study.summary.learned.nulls
    assert nulls is not None
    assert (study.summary.verdict, nulls.n, nulls.p) == (Verdict.PROMISING, 19, 0.05)
    assert study.training is None
    assert "With the default numbers" in str((await stage.detailed(verdict, user="bob")).blocks)
    assert (await services.studies.replay(name)).difference is None


async def test_a_study_is_cancelled_between_two_searches(stage: Stage) -> None:
    services = stage.context.services
    name, _ = await stage.start("IBM rl folds=0 source=sample", user="bob")

    async def is_training() -> bool | None:
        return (await services.studies.find(name)).training is not None or None

    await stage.slack.eventually(is_training, seconds=120, what="the training")
    await stage.tell(f"cancel {name}", user="bob")

    async def has_ended() -> bool | None:
        return (await services.studies.find(name)).status is StudyState.CANCELLED or None

    await stage.slack.eventually(has_ended, seconds=60, what="the end")
    assert (await services.studies.find(name)).trials_completed == 0


async def test_what_policies_cannot_do_is_refused_in_a_sentence(stage: Stage) -> None:
    shared, short, english, korean = await asyncio.gather(
        stage.tell("AAPL,IBM rl mode=shared", user="bob"),
        stage.tell("AAPL rl end=2004-03-31 source=sample", user="bob"),
        stage.tell("help rl", user="bob"),
        stage.tell("help rl", user="kim"),
    )
    assert "learns each symbol on its own" in shared
    assert "Five policies are searched" in english
    assert "정책 다섯 개" in korean
    assert "needs 1008: this strategy learns" in short
