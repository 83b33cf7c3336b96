"""Costs of a market, an account in money, interest on cash and a benchmark, from Slack to the replay."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from optimizer.engine.other_series import benchmark_returns
from optimizer.market.importing import import_files
from optimizer.market.providers.file import Reading
from optimizer.market.snapshots import read_snapshot
from tests.scenarios.conftest import Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")

WORDS = "short fees=us borrow=3 rf=2 capital=20000 per_share=0.005 min_fee=1 whole benchmark=MSFT:60,IBM:30,cash:10"


async def test_a_study_with_an_account_and_a_benchmark_is_told_and_replayed(stage: Stage) -> None:
    name, root = await stage.finished(f"AAPL SMA 30 seed=91 folds=0 {WORDS}", user="kim")
    study = await stage.context.services.studies.find(name)
    told = str((await stage.detailed(await stage.verdict(root))).blocks)

    assert study.summary is not None
    assert study.summary.comparison is not None
    assert len(study.companion_hashes) == 2
    assert "*Beside 60% MSFT + 30% IBM + 10% cash*, out of sample:" in told
    assert "The verdict compares with buy and hold." in told
    assert "Cash earns 2% a year; Sharpe ratios and all tests count what is earned beyond that." in told
    assert "The account starts with 20,000; only whole shares are bought" in told
    assert "Shares sold short cost 3% of their value a year." in told
    assert "0 + 5 bps per side, 0.3 bps tax on sales, 0.005 per share, at least 1 per order" in told
    replay = await stage.tell(f"replay {name}", user="kim")
    assert "differ" not in replay


async def test_figures_beside_a_benchmark_are_those_of_its_bars(stage: Stage) -> None:
    name, _ = await stage.finished("AAPL RSI 20 seed=92 folds=0 benchmark=MSFT", user="kim")
    study = await stage.context.services.studies.find(name)
    assert study.summary is not None
    found = study.summary.comparison
    assert found is not None
    folder, window = stage.context.services.settings.snapshots, study.window
    bars, msft = read_snapshot(study.data_hash, folder), read_snapshot(study.companion_hashes[0], folder)
    n = window.stop - window.holdout_start
    moves = benchmark_returns(
        study.spec.benchmark or (), bars, {"MSFT": msft}, start=window.holdout_start, interest=np.zeros(n)
    )

    assert found.n_bars == n
    assert found.sharpe == pytest.approx(moves.mean() / moves.std(ddof=1) * np.sqrt(252))


async def test_cash_earns_what_a_stored_yield_says(stage: Stage, tmp_path: Path) -> None:
    days = pd.bdate_range("2000-01-03", "2013-03-01")
    frame = pd.DataFrame(dict.fromkeys(("Open", "High", "Low", "Close"), 3.0), index=days).assign(Volume=0)
    path, services = tmp_path / "YIELD.csv", stage.context.services
    frame.to_csv(path, index_label="Date")
    import_files(path, services.market.warehouse, reading=Reading(), now=services.clock())

    name, root = await stage.finished("AAPL RSI 20 seed=93 folds=0 rf=YIELD", user="kim")
    fixed, _ = await stage.finished("AAPL RSI 20 seed=93 folds=0 rf=3", user="kim")
    one, other = [(await services.studies.find(each)).summary for each in (name, fixed)]

    assert "Cash earns the rate of YIELD" in str((await stage.detailed(await stage.verdict(root))).blocks)
    assert one is not None
    assert other is not None
    assert one.winner.params == other.winner.params
    assert one.winner.in_sample.cagr == pytest.approx(other.winner.in_sample.cagr, rel=1e-6)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("min_fee=1", "`min_fee=` is an amount of money, so it needs the size of the account: add `capital=10000`."),
        ("whole", "`whole` is an amount of money"),
        ("benchmark=SPY:60,AGG:30", "`benchmark=SPY:60,AGG:30` is not a benchmark."),
        ("benchmark=NOSUCH", "`NOSUCH`"),
        ("fees=krw", "There are no fees called `krw`. I know: binance, fx, krx, none, us. Did you mean `krx`?"),
        ("rf=99999", "rf"),
    ],
)
async def test_what_cannot_be_is_refused_and_nothing_starts(stage: Stage, words: str, said: str) -> None:
    before = await stage.n_studies()

    assert said in await stage.tell(f"AAPL RSI 20 {words}")
    assert await stage.n_studies() == before
