"""`/optimize AAPL RSI 200` from the signed command to the charts in the thread."""

import pytest

from optimizer.domain.results.forecast_results import ForecastOf
from optimizer.domain.study_results import StudyState
from optimizer.storage.documents import OptimizationTrial
from tests.scenarios.conftest import Stage, charts_in

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_command_is_acknowledged_at_once_and_answered_in_its_thread(stage: Stage) -> None:
    delivery = await stage.act.command("AAPL RSI 200")
    name = await stage.study_of(delivery)
    root = await stage.root(name)
    answers = await stage.answers(root, least=2)

    assert delivery.seconds < 2.0
    assert "on the unseen" in str(answers[0].blocks)
    # The latter in a workspace of before 2026.
    assert charts_in(answers) in (["AAPL RSI · growth of 1"], ["Growth and drawdown"])
    study = await stage.context.services.studies.find(name)
    assert study.status is StudyState.COMPLETE
    assert study.summary is not None
    assert [one.of for one in study.summary.forecasts] == [ForecastOf.WINNER, ForecastOf.HOLD]
    assert study.summary.n_unseen == study.summary.forecasts[0].n_days > 1008
    trials = await OptimizationTrial.find(OptimizationTrial.study == name).to_list()
    assert len({tuple(sorted(trial.params.items())) for trial in trials}) == len(trials) == 200
    best = await stage.context.services.studies.get_best_params(name)
    posted = str([message.blocks for message in answers])
    assert all(f"{key}={value}" in posted for key, value in best.items())


async def test_unknown_strategy_is_told_privately_and_starts_nothing(stage: Stage) -> None:
    before = await stage.n_studies()
    told = await stage.told(await stage.act.command("AAPL RSO 200"))

    assert told["response_type"] == "ephemeral"
    assert "`rso`" in told["text"]
    assert "AAPL rsi 200" in str(told["blocks"])
    assert await stage.n_studies() == before
