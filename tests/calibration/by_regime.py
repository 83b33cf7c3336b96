"""`python -m tests.calibration.by_regime [--seeds 20] [--world split]`: splits by regime on made-up markets.

All have ten years of bars, and calm and wild stretches, which the labels mostly find. *split*: shallow falls are bought
back in calm stretches, where deep ones go on falling, and the other way about in wild ones, so that `oversold` has a
best value in each. *same*: one level is bought back everywhere, the volatility is the same, and the labels are
stretches that have nothing to do with the prices. *same level*: one level is bought back in both kinds of stretches;
trading less in wild ones is worth something there all the same. *noise*: nothing is bought back. Each is searched with
200 sets and `by_regime=oversold`, noise with `by_regime=oversold,stop` and without.
"""

import argparse
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.space import Params
from optimizer.domain.study_request import Costs, StudySpec
from optimizer.domain.study_results import StudySummary, Verdict
from optimizer.engine.evaluator import Evaluator
from optimizer.indicators.conditions import Conditions
from optimizer.strategies.regimes.splitting import split, without_split
from optimizer.strategies.registry import STRATEGIES, strategy_of
from tests.calibration.worlds import SESSIONS, VOLATILITY, WARM_UP, Shocks, market
from tests.optimizer.validation.test_by_regime import summary_of

YEARS = 10
WORLDS = ("split", "same", "same level", "noise")
#: Annual volatility of calm and of wild stretches, and bars that one lasts on average.
_CALM, _WILD, _STAY = 0.14, 0.42, 126
#: Levels that are bought back, and the one in between that is where they are the same.
_SHALLOW, _DEEP, _SAME = 35, 22, 29
#: Drift of a session while a planted set is invested, in deviations of its stretch: calm ones are a third as large.
_STRENGTH = 0.3
_CALM_STRENGTH = 0.6
_MOST_ROUNDS = 60
_GOOD = (Verdict.STRONG, Verdict.PROMISING)


@dataclass(frozen=True)
class Told:
    """What a study with a split says, and what the same one without it says."""

    split: StudySummary
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
    names = ("oversold", "stop") if world == "noise" else ("oversold",)
    spec = StudySpec(symbol="WALK", strategy_name="rsi", by_regime=names)
    bars = market_of(world, seed)
    plain = summary_of(without_split(spec), bars).verdict if world == "noise" else None
    evaluator = _with_labels(spec, bars, stretches(seed)[0]) if world == "same" else None
    return Told(summary_of(spec, bars, evaluator=evaluator), plain)


def _with_labels(spec: StudySpec, bars: Bars, is_stress: NDArray[np.bool_]) -> Evaluator:
    """Evaluator of a split by labels that are given."""

    def row(conditions: Conditions, _: int) -> FloatArray:
        return is_stress.astype(np.float64)

    strategy = split(strategy_of(without_split(spec)), spec.by_regime, row)
    return Evaluator(strategy, bars, costs=spec.costs)


def row(world: str, found: Sequence[Told]) -> str:
    """Row of the table."""
    evidence = [one.split.split for one in found if one.split.split is not None]
    worth = [str(one.worth) for one in evidence]
    cells = [
        f"{len(found)}",
        _share(not one.is_freedom for one in evidence),
        f"{np.mean([one.gain for one in evidence if one.gain is not None]):+.2f}",
        f"{np.mean([one.placebo_gain for one in evidence if one.placebo_gain is not None]):+.2f}",
        *(_share(one == name for one in worth) for name in ("earns", "cannot_tell", "costs")),
        _share(one.split.verdict in _GOOD for one in found),
        _share(one.plain in _GOOD for one in found) if world == "noise" else "–",
    ]
    return f"| {world} | {' | '.join(cells)} |"


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
        return _STRENGTH * _invested(bars, _SAME)
    shallow, deep = _invested(bars, _SHALLOW), _invested(bars, _DEEP)
    rises = np.where(is_wild, deep > 0, (shallow > 0) & (deep == 0))
    strength = np.where(is_wild, _STRENGTH, _CALM_STRENGTH)
    return np.where(rises, strength, -strength * np.maximum(shallow, deep))


def _invested(bars: Bars, oversold: int) -> FloatArray:
    """1 at each bar at which the set with this level is invested, else 0; nothing in the warm-up."""
    params: Params = {"period": 12, "oversold": oversold, "overbought": 66}
    played = Evaluator(STRATEGIES["rsi"], bars, costs=Costs()).backtest(params, start=WARM_UP, stop=len(bars))
    return np.concatenate([np.zeros(WARM_UP), (played.position > 0).astype(np.float64)])


if __name__ == "__main__":
    main()
