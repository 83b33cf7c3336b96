"""Policies found by reward, from the typed command through the real bot and worker to what they learned."""

import asyncio

import pytest

from optimizer.domain.study_results import StudyState, Verdict
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
    assert learned.nulls is not None
    assert learned.nulls.n == 19
    assert learned.nulls.vote is not None
    assert study.summary.verdict not in (Verdict.STRONG, Verdict.PROMISING)  # nothing is found on a real share

    details = str((await stage.detailed(verdict, user="bob")).blocks)
    assert "What it learned" in details
    assert "Five policies, each searched 8 times" in details
    assert (await services.studies.replay(name)).difference is None
    assert "no fixed rules to export" in await stage.tell(f"export {name} python", user="bob")


async def test_policies_of_both_sides_stand_beside_noise_of_both(stage: Stage) -> None:
    name, root = await stage.start("AAPL rl short memory=504 thrift=1 folds=0 end=2005-06-30 source=sample", user="bob")
    verdict = await stage.verdict(root)
    study = await stage.context.services.studies.get_study_results(name)
    assert (study.status, study.trials_completed) == (StudyState.COMPLETE, 12)
    assert study.summary is not None
    learned = study.summary.learned
    assert learned is not None
    assert learned.nulls is not None
    assert "With the default numbers" in str((await stage.detailed(verdict, user="bob")).blocks)
    assert (await stage.context.services.studies.replay(name)).difference is None


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
