"""Words about regimes, from the command over the result to replay, export, schedule and champion."""

import pytest

from bot.grammar.formatting import command_text
from bot.schedules.champions import rival_of
from optimizer.learned.regime_rows import GATES, is_one_of, labels_of
from optimizer.market.snapshots import read_snapshot
from optimizer.storage.documents import BacktestRecord, OptimizationStudy
from optimizer.strategies.regimes.splitting import without_split
from tests.scenarios.conftest import Stage, study_in
from tests.scenarios.test_api import Program, program
from tests.scenarios.test_schedules import scheduled

__all__ = ["program"]

pytestmark = pytest.mark.asyncio(loop_scope="session")

#: Two and a half years of few bearish or volatile bars, whatever the labels.
CALM = "from=2003-07-01 to=2005-12-30"
CALM_REQUEST = {
    "symbol": "MSFT",
    "strategy": "rsi",
    "by_regime": ["oversold"],
    "window": {"start": "2003-07-01", "end": "2005-12-30"},
}


async def study_named(stage: Stage, name: str) -> OptimizationStudy:
    return await stage.context.services.studies.find(name)


async def test_every_result_has_a_table_by_regime_in_its_details(stage: Stage) -> None:
    name, root = await stage.finished("AAPL SMA 20 seed=171 folds=0", user="bob")
    told = str((await stage.detailed(await stage.verdict(root))).blocks)
    summary = (await study_named(stage, name)).summary
    assert "*By regime*" in told
    assert "bullish" in told
    assert summary is not None
    assert summary.by_regime is not None
    assert sum(row.n_bars for row in summary.by_regime.rows) == summary.window.n_bars
    assert all(row.regime is not None for row in summary.by_regime.rows), "a year of bars before the window has labels"
    assert summary.split is None


async def test_a_gate_opens_positions_in_its_regimes_alone(stage: Stage) -> None:
    name, root = await stage.finished("MSFT RSI 30 seed=172 folds=0 regime=calm", user="bob")
    study = await study_named(stage, name)
    assert study.summary is not None
    assert study.summary.winner.params["regime"] == "calm"
    bars = read_snapshot(study.data_hash, stage.context.services.settings.snapshots)
    is_open = is_one_of(labels_of(bars), GATES["calm"] or ())
    kept = await BacktestRecord.find({"study": name}).to_list()
    entered = [bars.row_at(trade["entered"]) for record in kept for trade in record.trades]
    assert entered
    assert all(is_open[row - 1] for row in entered)
    assert "regime calm" in str(root.blocks)
    assert (await stage.context.services.studies.replay(name)).difference is None
    told = await stage.tell(f"export {name} python", user="bob")
    assert "`regime=calm`" in told
    assert f"`export {name} trades`" in told


async def test_a_searched_gate_is_one_more_dimension(stage: Stage) -> None:
    name, _ = await stage.finished("MSFT SMA 30 seed=173 folds=0 regime=any,bull", user="bob")
    study = await study_named(stage, name)
    trials = await stage.context.services.studies.get_trials(name)
    assert {trial.params["regime"] for trial in trials} == {"any", "bull"}
    assert study.space_size == 2 * (await study_named(stage, (await stage.start("MSFT SMA 5 seed=1"))[0])).space_size


async def test_a_split_is_told_with_its_placebo_and_its_plain_set(stage: Stage) -> None:
    words = "MSFT RSI 40 seed=174 folds=2 by_regime=oversold,stop"
    name, root = await stage.finished(words, user="bob")
    details = await stage.detailed(await stage.verdict(root))
    told = str(details.blocks)
    study = await study_named(stage, name)
    assert study.summary is not None
    split = study.summary.split
    assert split is not None
    assert {"oversold_stress", "stop_stress"} <= study.summary.winner.params.keys()
    assert "*Split of `oversold`, `stop` by regime*" in told
    assert "labels shifted in time gain" in told
    assert "Plain set: `" in told
    assert "with `stop` in the place of `by_regime=oversold,stop`" in told
    assert split.is_freedom == ("not the regimes" in told)
    assert (await stage.context.services.studies.replay(name)).difference is None
    refused = await stage.tell(f"export {name} pine", user="bob")
    assert "`by_regime=oversold,stop`" in refused
    await stage.context.champions.adopt(study, by="U1", why="")
    champion = (await stage.context.champions.current())[-1]
    other, _ = await stage.finished("MSFT RSI 20 seed=175 folds=0", user="bob")
    judged = await stage.context.services.studies.challenge(other, rival_of(champion))
    assert judged.n_bars > 0
    assert judged.champion == study.summary.winner.out_of_sample
    assert split.is_freedom
    plain = study_in(str(await stage.told(await stage.act.click(details, "study_plain", user="bob"))))
    assert plain is not None
    found = (await study_named(stage, plain)).spec
    assert found == without_split(study.spec)


async def test_the_plan_says_what_a_second_value_costs_and_what_the_bars_have(stage: Stage) -> None:
    told = await stage.tell("MSFT RSI 40 by_regime=oversold regime=no-storm dry")
    assert "second value for stress: 16 times as many sets" in told
    assert "Searched bars by regime: bullish" in told
    shared = await stage.tell("MSFT,IBM RSI 40 mode=shared by_regime=oversold dry")
    assert "Each symbol has its own regimes" in shared


async def test_a_schedule_carries_the_words(stage: Stage) -> None:
    text = "schedule IBM RSI 40 by_regime=oversold regime=any,no-bear seed=176 weekly mon 07:00 tz=Asia/Seoul"
    schedule = await scheduled(stage, text)
    assert schedule.spec.by_regime == ("oversold",)
    assert schedule.spec.narrowed[0].choices == ("any", "no-bear")
    assert "regime=any|no-bear" in (typed := command_text(schedule.spec))
    assert "by_regime=oversold" in typed


async def test_the_api_has_the_words(program: Program) -> None:
    name = await program.finished(
        symbol="MSFT",
        strategy="rsi",
        n_trials=12,
        seed=177,
        by_regime=["oversold"],
        search_space={"regime": {"choices": ["any", "calm"]}},
    )
    spec = (await study_named(program.stage, name)).spec
    assert spec.by_regime == ("oversold",)
    assert spec.narrowed[0].choices == ("any", "calm")
    status, told = await program.call(
        "POST", "/api/v1/backtests/optimize", json={"symbol": "AAPL", "strategy": "rsi", "by_regime": ["oversolt"]}
    )
    assert status == 422
    assert "/by_regime" in str(told), told
    status, told = await program.call("POST", "/api/v1/backtests/optimize", json=CALM_REQUEST)
    assert status == 422
    assert "/by_regime" in str(told), told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("by_regime=oversolt", "Did you mean `oversold`?"),
        ("by_regime=period,oversold,stop", "at most 2"),
        ("by_regime=stop,stop", "`stop` is named twice"),
        ("by_regime=", "but not `by_regime=`"),
        ("by_regime=trend", "`trend`"),
        (f"by_regime=oversold {CALM}", "in stress (bearish or volatile); `by_regime=` needs 252"),
        ("regime=sunny", "no-bear"),
    ],
)
async def test_what_cannot_be_is_refused_and_nothing_starts(stage: Stage, words: str, said: str) -> None:
    before = await stage.n_studies()
    assert said in await stage.tell(f"MSFT RSI 20 {words}")
    assert await stage.n_studies() == before


async def test_numbers_that_keep_an_order_and_words_cannot_be_split(stage: Stage) -> None:
    assert "must keep its order with `slow`" in await stage.tell("MSFT SMA 20 by_regime=fast")
    assert "one of a few words" in await stage.tell("MSFT bollinger 20 by_regime=mode")


async def test_korean_says_the_same(stage: Stage) -> None:
    told = await stage.tell(f"MSFT RSI 20 장세별=oversold {CALM}", user="kim")
    assert "252" in told
