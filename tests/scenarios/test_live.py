"""Watching a study: every look says more than the one before, and the last one that it has ended."""

from itertools import pairwise

import pytest

from bot.delivery.progress import RECENT, follow, read_progress
from optimizer.domain.study_request import StudySpec
from optimizer.domain.study_results import StudyState
from optimizer.studies.finding import UnknownStudy
from tests.scenarios.conftest import Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_following_ends_with_the_study_and_counts_up_until_then(stage: Stage) -> None:
    name, root = await stage.start("AAPL RSI 900 seed=71")

    seen = [progress async for progress in follow(stage.context.services, name)]

    counts = [progress.facts.trials_completed for progress in seen]
    assert counts == sorted(counts)
    assert seen[-1].has_ended
    assert seen[-1].facts.status is StudyState.COMPLETE
    assert counts[-1] == 900
    assert not any(progress.has_ended for progress in seen[:-1])
    assert all(one.sign != next_.sign for one, next_ in pairwise(seen))
    await stage.answers(root, least=2)


async def test_a_look_has_the_newest_trials_first(stage: Stage) -> None:
    name, _ = await stage.finished("MSFT RSI 40 folds=0 seed=72")

    seen = await read_progress(stage.context.services, name)

    assert [trial.number for trial in seen.recent] == list(range(39, 39 - RECENT, -1))


async def test_a_paused_study_is_still_followed(stage: Stage) -> None:
    service = stage.context.services.studies
    study = await service.create_study(StudySpec(symbol="IBM", strategy_name="rsi", seed=73), created_by="U0BOB2")
    await service.pause(study.study_name)
    watching = follow(stage.context.services, study.study_name)

    assert (await anext(watching)).facts.status is StudyState.PAUSED
    await service.cancel(study.study_name)

    assert [progress.facts.status async for progress in watching] == [StudyState.CANCELLED]


async def test_an_unknown_study_cannot_be_followed(stage: Stage) -> None:
    with pytest.raises(UnknownStudy):
        await anext(follow(stage.context.services, "opt-ffffffff"))
