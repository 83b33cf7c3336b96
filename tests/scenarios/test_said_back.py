"""What was requested is said back, found by its name, and not swallowed."""

from typing import Any

import pytest

from bot.documents.recurring import Champion
from optimizer.domain.study_results import StudyState, Verdict
from optimizer.storage.documents import OptimizationStudy
from optimizer.storage.driver import collection_of
from tests.scenarios.conftest import Stage, rank_again

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_everything_typed_is_said_back_in_ack_root_list_and_plan(stage: Stage) -> None:
    typed = (
        "AAPL RSI 20 goal=sharpe,maxdd maxdd<25% trades>5 period=14 stop short from=2006-01-03 folds=0 seed=901 "
        'name="spring check"'
    )
    plan = await stage.tell(f"{typed} dry")
    name, root = await stage.finished(typed, least=1)
    listed = await stage.tell("list")

    for words in (
        "AAPL RSI “spring check”", "best Sharpe and max drawdown", "max drawdown below 25%", "number of trades above 5",
        "period 14 (fixed)", "with stop", "long and short", "from 2006-01-03", "seed 901",
    ):  # fmt: skip
        assert words in plan
        assert words in str(root.blocks)
        assert words in listed
    assert name in listed


async def test_a_study_is_found_by_the_name_it_was_given(stage: Stage) -> None:
    name, _ = await stage.finished("AAPL RSI 10 folds=0 seed=902 name=Autumn")

    assert "AAPL RSI “Autumn” " in await stage.tell("show autumn")
    assert name in await stage.tell("status AUTUMN")
    assert name in await stage.tell(f"compare autumn {name}")
    assert "Did you mean `Autumn`" in await stage.tell("show autunm")

    other, _ = await stage.finished("AAPL RSI 10 folds=0 seed=903 name=autumn")
    said = await stage.tell("show autumn")
    assert "Several studies are called" in said
    assert name in said
    assert other in said


async def test_the_same_command_again_links_to_the_result_that_exists(stage: Stage) -> None:
    typed = "IBM RSI 10 folds=0 seed=904"
    name, _ = await stage.finished(typed)
    before = await stage.n_studies()

    said = await stage.tell(typed)

    assert f"`{name}` of the same request finished" in said
    assert "slack.com/archives/" in said
    assert f"/optimize show {name}" in said
    assert await stage.n_studies() == before


async def test_another_audience_is_not_swallowed(stage: Stage) -> None:
    public, _ = await stage.finished("IBM RSI 10 folds=0 seed=905")
    private = await stage.study_of(await stage.act.command("IBM RSI 10 folds=0 seed=905 private"))
    again = await stage.tell("IBM RSI 10 folds=0 seed=905 private")

    assert private != public
    assert private in again


async def test_a_paused_study_stays_in_the_lists_of_what_has_not_ended(stage: Stage) -> None:
    name, _ = await stage.start("IBM MACD 10000 stop take sampler=optuna folds=0 seed=906")
    await stage.tell(f"pause {name}")

    async def paused() -> bool | None:
        found = await stage.context.services.studies.find(name)
        return found.status is StudyState.PAUSED or None

    await stage.slack.eventually(paused, seconds=120, what="the pause")
    assert name in await stage.tell("status")
    assert name in await stage.tell("list running")
    await stage.tell(f"cancel {name}")
    assert name not in await stage.tell("list running")


async def _judged(name: str, verdict: Verdict, outside: float) -> None:
    changed: dict[str, Any] = {
        "summary.verdict": str(verdict),
        "summary.winner.out_of_sample.sharpe_ratio": outside,
    }
    await collection_of(OptimizationStudy).update_one({"study_name": name}, {"$set": changed})
    await rank_again(name)


async def test_top_ranks_each_set_once_and_by_its_verdict_first(stage: Stage) -> None:
    fixed = "GOOG SUPERTREND 1 folds=0"
    names = [(await stage.finished(f"{fixed} seed={seed}", least=1))[0] for seed in (911, 912)]
    third, _ = await stage.finished(f"{fixed} seed=913 period=12", least=1)
    for name in names:
        await _judged(name, Verdict.OVERFIT, 9.0)
    await _judged(third, Verdict.UNPROVEN, 0.1)

    said = await stage.tell("top GOOG supertrend all")

    assert sum(name in said for name in names) == 1
    assert said.index(third) < min(said.index(name) for name in names if name in said)


async def test_champions_are_listed_in_both_languages(stage: Stage) -> None:
    name, _ = await stage.finished("MSFT ZSCORE 10 folds=0 seed=907")
    study = await stage.context.services.studies.find(name)
    await stage.context.champions.adopt(study, by=await stage.slack.user_id("bob"), why="steady")

    assert name in await stage.tell("champions")
    assert name in await stage.tell("챔피언", user="kim")
    assert "the parameters in use" in await stage.tell("help champions")
    assert await Champion.find({"study_name": name}).count() == 1
