"""`python -m tests.calibration.by_regime [--seeds 20] [--world split]`: splits by regime on made-up markets.

All have ten years of bars, and calm and wild stretches, which the labels mostly find. *split*: prices rise after
shallow falls in calm stretches, and after deep ones in wild stretches, where they go on falling after shallow ones, so
that `oversold` has a best value in each; the set with both values has an annual Sharpe ratio of about 2 in each, after
costs. *same*: one level is bought back everywhere, the volatility is the same, and the labels are stretches that have
nothing to do with the prices. *same level*: one level is bought back in both kinds of stretches; trading less in wild
ones is worth something there all the same. *noise*: nothing is bought back. Each is searched with 200 sets and
`by_regime=oversold`, noise with `by_regime=oversold,stop` and without.
"""

import argparse
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.results.regime_results import SplitEvidence
from optimizer.domain.space import Params
from optimizer.domain.study_request import Costs, StudySpec, budget
from optimizer.domain.study_results import Tries, Verdict
from optimizer.engine.evaluator import Evaluator
from optimizer.indicators.conditions import Conditions
from optimizer.search.fold_search import refit
from optimizer.search.loop import search
from optimizer.strategies.regimes.splitting import split, without_split
from optimizer.strategies.registry import STRATEGIES, longest_warm_up, space_of, strategy_of
from optimizer.validation.assessment import Assessment
from optimizer.validation.regimes.split_evidence import split_evidence
from optimizer.validation.summarize import window_rows
from tests.calibration.worlds import SESSIONS, VOLATILITY, WARM_UP, Shocks, market
from tests.optimizer.validation.test_by_regime import summary_of

YEARS = 10
WORLDS = ("split", "same", "same level", "noise")
#: Annual volatility of calm and of wild stretches, and bars that one lasts on average.
_CALM, _WILD, _STAY = 0.14, 0.42, 126
#: Levels that are bought back, and the one in between that is where they are the same.
_SHALLOW, _DEEP, _SAME = 35, 22, 29
#: Drift of a session while the planted set of *same* is invested, in deviations of its stretch.
_STRENGTH = 0.3
#: The same of *split*, in calm and in wild stretches: a Sharpe ratio of 2 in each.
_CALM_STRENGTH, _WILD_STRENGTH = 0.24, 0.29
_MOST_ROUNDS = 60
_SPLIT = StudySpec(symbol="WALK", strategy_name="rsi", by_regime=("oversold",))
_GOOD = (Verdict.STRONG, Verdict.PROMISING)


@dataclass(frozen=True)
class Told:
    """What a study with a split says of it; of noise the verdicts with it and without it as well."""

    evidence: SplitEvidence | None
    split: Verdict | None = None
    plain: Verdict | None = None


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one row for each world."""
    parser = argparse.ArgumentParser(prog="python -m tests.calibration.by_regime", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--world", choices=WORLDS, action="append", default=[])
    options = parser.parse_args(arguments)
    print(
        "| world | studies | p ≤ 0.05 | gain | of shifted labels | earns | cannot be told | costs | good | plain good |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for world in options.world or WORLDS:
        seeds = range(options.first, options.first + options.seeds)
        print(row(world, [told(world, seed) for seed in seeds]), flush=True)


def told(world: str, seed: int) -> Told:
    """Search a market with a split; noise without it as well."""
    bars = market_of(world, seed)
    if world == "noise":
        spec = StudySpec(symbol="WALK", strategy_name="rsi", by_regime=("oversold", "stop"))
        summary = summary_of(spec, bars)
        return Told(summary.split, summary.verdict, summary_of(without_split(spec), bars).verdict)
    plain = Evaluator(strategy_of(_SPLIT), bars, costs=_SPLIT.costs)
    return Told(_evidence(_with_labels(bars, stretches(seed)[0]) if world == "same" else plain))


def _evidence(evaluator: Evaluator) -> SplitEvidence | None:
    """Evidence of a study with a split, without the rest of its summary."""
    space, bars = space_of(_SPLIT), evaluator.bars
    rows = window_rows(_SPLIT, bars, longest_warm_up(evaluator.strategy, space))
    n_trials = budget(_SPLIT, space)
    trials = search(
        _SPLIT, space, evaluator, start=rows.start, stop=rows.holdout_start, n_trials=n_trials, seed=_SPLIT.seed
    )
    return split_evidence(
        Assessment(
            spec=_SPLIT, space=space, evaluator=evaluator, trials=list(trials), rows=rows, tries=Tries(), refit=refit
        )
    )


def _with_labels(bars: Bars, is_stress: NDArray[np.bool_]) -> Evaluator:
    """Evaluator of a split by labels that are given."""

    def row(conditions: Conditions, _: int) -> FloatArray:
        return is_stress.astype(np.float64)

    return Evaluator(split(STRATEGIES["rsi"], _SPLIT.by_regime, row), bars, costs=_SPLIT.costs)


def row(world: str, found: Sequence[Told]) -> str:
    """Row of the table."""
    evidence = [one.evidence for one in found if one.evidence is not None]
    worth = [str(one.worth) for one in evidence]
    cells = [
        f"{len(found)}",
        _share(not one.is_freedom for one in evidence),
        f"{np.mean([one.gain for one in evidence if one.gain is not None]):+.2f}",
        f"{np.mean([one.placebo_gain for one in evidence if one.placebo_gain is not None]):+.2f}",
        *(_share(one == name for one in worth) for name in ("earns", "cannot_tell", "costs")),
        *(_share(verdict in _GOOD for verdict in verdicts) if any(verdicts) else "–" for verdicts in _verdicts(found)),
    ]
    return f"| {world} | {' | '.join(cells)} |"


def _verdicts(found: Sequence[Told]) -> tuple[list[Verdict | None], list[Verdict | None]]:
    """Verdicts with the split and without it."""
    return [one.split for one in found], [one.plain for one in found]


def _share(values: Iterable[bool]) -> str:
    return f"{np.mean(list(values)):.0%}"


def market_of(world: str, seed: int) -> Bars:
    """Bars of a market."""
    is_wild, shocks = stretches(seed)
    if world == "noise":
        return market(shocks)
    deviation = np.where(is_wild, _WILD, _CALM) / math.sqrt(SESSIONS)
    if world == "same":
        shocks, deviation = Shocks.of(seed, years=YEARS), np.full(len(is_wild), VOLATILITY / math.sqrt(SESSIONS))
    drift = np.zeros(len(is_wild))
    for _ in range(_MOST_ROUNDS):  # what a set does depends on the prices, and they on what it does
        settled = _drift(world, market(shocks, drift), is_wild) * deviation
        if np.array_equal(settled, drift):
            break
        drift = settled
    return market(shocks, drift)


def stretches(seed: int) -> tuple[NDArray[np.bool_], Shocks]:
    """Whether each bar is in a wild stretch, and the noise of a market with such stretches."""
    plain = Shocks.of(seed, years=YEARS, volatility=_CALM)
    rng = np.random.default_rng([seed, 77])
    is_wild = np.cumsum(rng.random(len(plain.session)) < 1.0 / _STAY) % 2 == 1
    factor = np.where(is_wild, _WILD / _CALM, 1.0)
    names = ("overnight", "session", "above", "below")
    return is_wild, Shocks(**{name: getattr(plain, name) * factor for name in names})


def _drift(world: str, bars: Bars, is_wild: NDArray[np.bool_]) -> FloatArray:
    """Drift of each session in deviations of its stretch."""
    if world.startswith("same"):
        return _STRENGTH * _invested(Evaluator(STRATEGIES["rsi"], bars, costs=Costs()), oversold=_SAME)
    both = _with_labels(bars, is_wild)
    rises = _invested(both, oversold=_SHALLOW, oversold_stress=_DEEP)
    too_soon = np.maximum(_invested(both, oversold=_SHALLOW, oversold_stress=_SHALLOW) - rises, 0.0)
    return np.where(is_wild, _WILD_STRENGTH * (rises - too_soon), _CALM_STRENGTH * rises)


def _invested(evaluator: Evaluator, **levels: int) -> FloatArray:
    """1 at each bar at which the set with these levels is invested, else 0; nothing in the warm-up."""
    params: Params = {"period": 12, "overbought": 66, **levels}
    played = evaluator.backtest(params, start=WARM_UP, stop=len(evaluator.bars))
    return np.concatenate([np.zeros(WARM_UP), (played.position > 0).astype(np.float64)])


if __name__ == "__main__":
    main()
