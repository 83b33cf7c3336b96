"""What a judge may want to know of a study, as arrays in one file, and what our own verdict on it rests on."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from optimizer.domain.bars import FloatArray
from optimizer.domain.metrics import periods_per_year
from optimizer.domain.space import Params
from optimizer.validation.evidence import evidence_of
from tests.calibration.studies import WORLDS, Searched, Task, bars_of, searched, spec_of


def name_of(task: Task) -> str:
    """A study's name, of its file and in the results."""
    return f"{task.world}, {task.strategy_name}, {task.seed}"


def file_of(name: str, folder: Path) -> Path:
    """Where a study's arrays are kept."""
    return folder / f"{name}.npz"


def make(task: Task, folder: Path) -> tuple[str, dict[str, Any] | None]:
    """Make a study, keep what judges want of it; its name and our evidence, None where no edge could be planted."""
    world, name = WORLDS[task.world], name_of(task)
    bars = bars_of(world, task.strategy_name, task.seed)
    if bars is None:
        return name, None
    study = searched(spec_of(world, task.strategy_name, task.seed), bars)
    summary = study.summary()
    _keep(dossier(study, summary.winner.params), file_of(name, folder))
    return name, asdict(evidence_of(summary))


def dossier(study: Searched, winner: Params) -> dict[str, Any]:
    """Arrays over the window's n_bars bars, searched ones first, then those held out.

    `returns`, `position` (at each close) of the winner and `market` (buy and hold) are (n_bars,), `prices` (4, n_bars)
    open, high, low and close, `tries` (n_tries, n_bars) the returns of every set that was tried; costs are in basis
    points a side.
    """
    rows, evaluator = study.rows, study.evaluator
    window, bars = slice(rows.start, rows.stop), evaluator.bars
    backtests = [evaluator.backtest(winner, start=start, stop=stop) for start, stop in study.windows]
    return {
        "time": bars.time[window].astype("datetime64[s]"),
        "prices": np.stack([bars.open, bars.high, bars.low, bars.close])[:, window],
        "returns": np.concatenate([backtest.returns for backtest in backtests]),
        "position": np.concatenate([backtest.position for backtest in backtests]),
        "market": evaluator.buy_and_hold(start=rows.start, stop=rows.stop).returns,
        "tries": _tried(study).astype(np.float32),
        "n_held_out": rows.stop - rows.holdout_start,
        "n_tries": len(study.trials),
        "commission": evaluator.costs.commission_bps,
        "slippage": evaluator.costs.slippage_bps,
        "periods_per_year": periods_per_year(bars),
    }


def _tried(study: Searched) -> FloatArray:
    sets = [dict(trial.params) for trial in study.trials]
    parts = [study.evaluator.returns(sets, start=start, stop=stop) for start, stop in study.windows]
    return np.concatenate(parts, axis=1)


def _keep(arrays: dict[str, Any], path: Path) -> None:
    """Write under another name first: a file that exists is whole."""
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        np.savez_compressed(file, **arrays)
    unfinished.replace(path)
