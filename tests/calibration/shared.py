"""How often the verdict on a shared set is right: `python -m tests.calibration.shared` prints one line a world.

Three symbols whose daily shocks are correlated one half: walks, walks that rise, and walks in each of which the same
set of the strategy earns an annual Sharpe ratio.
"""

import math
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import optuna

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.study_request import StudySpec, budget
from optimizer.domain.study_results import Verdict
from optimizer.engine.multi_symbol import evaluator_of
from optimizer.search.loop import search
from optimizer.strategies.registry import find_strategy, longest_warm_up, space_of
from optimizer.validation.summarize import summarize
from optimizer.validation.window import window_rows
from tests.calibration.studies import RISE
from tests.calibration.worlds import SESSIONS, Shocks, market, planted_set, with_edge

NAMES = ("A", "B", "C")
CORRELATION = 0.5
STRATEGIES = ("rsi", "sma", "bollinger")


def shocks_of(seed: int) -> list[Shocks]:
    """One market's noise a symbol, half of its variance common to all."""
    common, *own = (Shocks.of(100 * seed + i, years=10) for i in range(len(NAMES) + 1))
    return [
        replace(one, overnight=_mixed(common.overnight, one.overnight), session=_mixed(common.session, one.session))
        for one in own
    ]


def verdict_on(strategy_name: str, seed: int, many: Sequence[Bars]) -> Verdict:
    """The verdict on the set that 200 trials find for all markets together."""
    spec = StudySpec(symbol="", strategy_name=strategy_name, n_trials=200, seed=seed).shared_with(NAMES)
    named = [replace(bars, symbol=symbol) for bars, symbol in zip(many, spec.symbols, strict=True)]
    space, evaluator = space_of(spec), evaluator_of(spec, named)
    rows = window_rows(spec, named[0], longest_warm_up(find_strategy(strategy_name), space))
    n_trials = budget(spec, space)
    trials = search(spec, space, evaluator, start=rows.start, stop=rows.holdout_start, n_trials=n_trials, seed=seed)
    return summarize(spec, space, evaluator, list(trials), window=rows).verdict


def planted(strategy_name: str, seed: int, *, sharpe: float) -> list[Bars]:
    """Markets in which one set earns an annual Sharpe ratio on each symbol; none where it cannot be planted."""
    strategy, shocks = find_strategy(strategy_name), shocks_of(seed)
    params = planted_set(strategy, shocks[0], seed)
    found = [with_edge(strategy, params, one, sharpe=sharpe) for one in shocks] if params else []
    return [bars for bars in found if bars is not None] if None not in found else []


def main() -> None:
    """Make every study and print how many got which verdict."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    for name, drift in (("walks", 0.0), ("walks that rise", math.log(1 + RISE) / SESSIONS)):
        _tell(name, [verdict_on(s, seed, _markets(seed, drift)) for s in STRATEGIES for seed in range(1, 14)])
    for sharpe in (2.0, 1.0):
        worlds = [(s, seed, planted(s, seed, sharpe=sharpe)) for s in STRATEGIES for seed in range(1, 9)]
        _tell(f"a Sharpe ratio of {sharpe:g} on each", [verdict_on(s, seed, bars) for s, seed, bars in worlds if bars])


def _markets(seed: int, drift: float) -> list[Bars]:
    return [market(one, drift) for one in shocks_of(seed)]


def _mixed(common: FloatArray, own: FloatArray) -> FloatArray:
    return math.sqrt(CORRELATION) * common + math.sqrt(1 - CORRELATION) * own


def _tell(name: str, verdicts: Sequence[Verdict]) -> None:
    counted = Counter(verdicts)
    told = ", ".join(f"{counted[verdict]} {verdict}" for verdict in Verdict)
    sys.stdout.write(f"{name}: {len(verdicts)} studies, {told}\n")


if __name__ == "__main__":
    main()
