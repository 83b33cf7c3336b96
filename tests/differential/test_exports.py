"""Exported programs, run as programs: their trades are the engine's."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from optimizer.domain.metrics import periods_per_year
from optimizer.domain.study_request import Account, Costs, StudySpec
from optimizer.engine.evaluator import Evaluator
from optimizer.strategies.registry import find_strategy
from reports.exports.limits import Target
from reports.exports.programs import write_program
from reports.exports.refusals import NotExpressible
from tests.bars import made_up_bars, sample_bars
from tests.reports.exports.winners import Case, case_of, cases, random_cases, worded_cases
from tests.source_tree import ROOT

pytestmark = pytest.mark.slow

#: Random rules beside the built-in strategies.
N_RANDOM = 30
#: Each is a package to import and machine code to compile for, so each runs all its programs in one process.
RUNNABLE = (Target.PYTHON, Target.BACKTESTING, Target.VECTORBT)


def run_programs(target: str, named: dict[str, Case], folder: Path) -> dict[str, pd.DataFrame]:
    """Write, run and read the programs of all cases that the target can express; trades by the case's name."""
    jobs, written = [], {}
    for name, case in named.items():
        try:
            text = write_program(case.winner, target)
        except NotExpressible:
            continue
        files = [folder / f"{name}.py", _csv_of(case.spec.symbol, folder), folder / f"{name}.csv"]
        files[0].write_text(text)
        jobs.append([str(file) for file in files])
        written[name] = files[2]
    (folder / "jobs.json").write_text(json.dumps(jobs))
    environment = os.environ | {"PYTHONPATH": str(ROOT), "NUMBA_NUM_THREADS": "1", "TQDM_DISABLE": "1"}
    command = [sys.executable, "-m", "tests.differential.programs", str(folder / "jobs.json")]
    subprocess.run(command, check=True, env=environment, cwd=folder, stderr=subprocess.DEVNULL)
    assert not [path.read_text() for path in folder.glob("*.broken")]
    refused = {name: Path(f"{file}.refused").read_text() for name, file in written.items() if not file.exists()}
    # The other engines let a short account lose more than there is, so their programs end where ours has ended.
    assert all("used up the account" in said for said in refused.values())
    assert set(refused) == ({name for name in written if "ruin" in reasons([named[name]])} if refused else set())
    played = {name: file for name, file in written.items() if name not in refused}
    return {name: pd.read_csv(file, parse_dates=["entry_time", "exit_time"]) for name, file in played.items()}


def _csv_of(symbol: str, folder: Path) -> Path:
    """The bars as a person has them, with all digits."""
    bars, path = sample_bars(symbol), folder / f"{symbol}.csv"
    if path.exists():
        return path
    columns = {name: getattr(bars, name) for name in ("open", "high", "low", "close", "volume")}
    pd.DataFrame(columns, index=pd.DatetimeIndex(bars.time, name="Date")).to_csv(path)
    return path


def assert_trades(case: Case, found: pd.DataFrame) -> int:
    """The same closed trades to 1e-9; returns how many."""
    found, times = found[found["exit_time"].notna()], case.bars.time
    ours = case.backtest.closed_trades
    for column, rows in {
        "entry_time": [trade.entry_bar for trade in ours],
        "exit_time": [trade.exit_bar for trade in ours],
    }.items():
        np.testing.assert_array_equal(found[column].to_numpy(dtype="datetime64[ns]"), times[rows])
    assert found["side"].tolist() == [trade.side for trade in ours]
    for column, name in {"entry_price": "entry_price", "exit_price": "exit_price", "return": "trade_return"}.items():
        expected = [getattr(trade, name) for trade in ours]
        np.testing.assert_allclose(found[column].to_numpy(dtype=float), expected, rtol=1e-9, atol=1e-12)
    return len(ours)


@pytest.mark.parametrize("target", RUNNABLE)
def test_programs_trade_as_the_engine(target: Target, tmp_path: Path) -> None:
    # The plain program is run with all; the others, whose engines are slow, with what differs.
    named = {name: case for name, case in cases() if target == "python" or not name.endswith("-plain")}
    named |= dict(random_cases(N_RANDOM)) | dict(worded_cases(N_RANDOM))
    found = run_programs(target, named, tmp_path)
    n_trades = sum(assert_trades(named[name], trades) for name, trades in found.items())

    assert sum(len(found[name]) > 2 for name in found if name.startswith("random")) >= 0.7 * N_RANDOM
    left_out = {name for name in named if name not in found and "ruin" not in reasons([named[name]])}
    assert left_out == ({name for name in named if name.endswith("-take")} if target == "backtesting" else set())
    assert n_trades > 2000


def reasons(named: Sequence[Case]) -> set[str]:
    """Why the trades of some cases ended."""
    return {trade.reason.name.lower() for case in named for trade in case.backtest.trades}


def test_the_cases_have_trades_of_every_kind() -> None:
    named = [case for name, case in cases() if name.split("-")[0] in ("rsi", "sma", "donchian", "bollinger")]

    assert {"signal", "stop", "take", "trail", "max_hold", "open"} <= reasons(named)
    assert {trade.side for case in named for trade in case.backtest.trades} == {1, -1}


#: Accounts that the plain program has, beside what all have.
ACCOUNTS = {
    "interest": ({"account": Account(interest=0.05), "costs": Costs(borrow=0.08)}, {"stop": 6}),
    "whole shares": (
        {
            "account": Account(capital=3000, is_whole=True, interest=0.03),
            "costs": Costs(commission_bps=10, slippage_bps=5, per_share=0.05, least_fee=4, tax_bps=10),
        },
        {"stop": 8, "take": 10},
    ),
    "fees": ({"account": Account(capital=50_000), "costs": Costs(per_share=0.01, least_fee=2)}, {"voltarget": 12}),
    "too little": ({"account": Account(capital=60, is_whole=True)}, {}),
}


def test_the_plain_program_keeps_accounts_as_the_engine(tmp_path: Path) -> None:
    named = {
        f"{key}-{name}": case_of(key, is_other=True, allow_short=True, **wishes, **overlays)
        for key in ("rsi", "macd")
        for name, (wishes, overlays) in ACCOUNTS.items()
    }
    found = run_programs("python", named, tmp_path)

    assert all(assert_trades(named[name], trades) for name, trades in found.items() if "too little" not in name)
    assert [assert_trades(named[name], found[name]) for name in named if "too little" in name]


@pytest.mark.parametrize("counts_ahead", [False, True])
def test_bars_within_a_day_are_cut_and_sized_as_the_engine_does(counts_ahead: bool, tmp_path: Path) -> None:
    plain = made_up_bars(2000, volatility=0.004)
    days, hours = np.divmod(np.arange(2000), 7)
    days = np.busday_offset("2020-01-01", days, roll="forward").astype("datetime64[ns]")
    bars = replace(plain, timeframe="1h", time=days + hours * np.timedelta64(1, "h") + np.timedelta64(14, "h"))
    spec = StudySpec(symbol="TEST", strategy_name="sma", timeframe="1h", allow_short=True, counts_ahead=counts_ahead)
    params, start, stop = {"fast": 5, "slow": 20, "voltarget": 10, "stop": 3}, 403, 1898
    evaluator = Evaluator(
        find_strategy("sma"), bars, costs=spec.costs, allow_short=True, counts_ahead=spec.counts_ahead
    )
    times = [str(bars.time[row].astype("datetime64[s]")) for row in (start, stop - 1)]
    winner = replace(
        case_of("sma").winner,
        spec=spec,
        params=params,
        first=times[0],
        last=times[1],
        bars_per_year=periods_per_year(bars),
    )
    (tmp_path / "winner.py").write_text(write_program(winner, "python"))
    columns = {name: getattr(bars, name) for name in ("open", "high", "low", "close", "volume")}
    pd.DataFrame(columns, index=pd.DatetimeIndex(bars.time, name="time")).to_csv(tmp_path / "bars.csv")

    subprocess.run([sys.executable, "winner.py", "bars.csv", "trades.csv"], cwd=tmp_path, check=True)

    found = pd.read_csv(tmp_path / "trades.csv", parse_dates=["entry_time", "exit_time"])
    found, ours = found[found["exit_time"].notna()], evaluator.backtest(params, start=start, stop=stop).closed_trades
    np.testing.assert_array_equal(
        found["entry_time"].to_numpy(dtype="datetime64[ns]"), bars.time[[trade.entry_bar for trade in ours]]
    )
    np.testing.assert_allclose(found["return"], [trade.trade_return for trade in ours], rtol=1e-9, atol=1e-12)
    assert len(ours) > 30


def test_a_gap_beyond_the_stop_of_a_fresh_position_ends_the_program_of_backtesting(tmp_path: Path) -> None:
    case = case_of("macd", allow_short=True, trail=3)
    (tmp_path / "winner.py").write_text(write_program(case.winner, "backtesting"))
    done = subprocess.run(
        [sys.executable, "winner.py", str(_csv_of("AAPL", tmp_path))], cwd=tmp_path, capture_output=True, text=True
    )

    assert done.returncode != 0
    assert "a gap beyond the stop of its own position" in done.stderr
