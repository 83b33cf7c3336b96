"""`python -m tests.calibration.policy_table`: what policies found by reward earn on markets whose truth is known.

    python -m tests.calibration.policy_table [--worlds 40] [--studies 10]

The first table plays the vote with the default numbers over ten years: a walk of a third of a second a world. The
second runs whole studies of 240 sets, some fifteen seconds each: so many random walks, and as many that rise by 15 % a
year.
"""

import argparse
from collections import Counter
from collections.abc import Sequence

import numpy as np
from scipy import stats

from optimizer.domain.bars import Bars
from optimizer.domain.study_request import Costs, StudySpec, budget
from optimizer.domain.study_results import Degenerate, StudySummary, Verdict
from optimizer.engine.backtest import simulate
from optimizer.engine.multi_symbol import evaluator_of
from optimizer.learned.policy.policy_features import FEATURES, Feature
from optimizer.learned.policy.policy_schedule import FIRST_FIT
from optimizer.learned.policy.policy_walk import Votes, walk
from optimizer.learned.rows import UNWATCHED
from optimizer.search.loop import search
from optimizer.strategies.registry import space_of, strategy_of
from optimizer.validation.summarize import summarize, window_rows
from tests.optimizer.learned.policy_worlds import Planted, attainable, planted_world, random_walk

RISE = 0.15
_GOOD = frozenset({Verdict.PROMISING, Verdict.STRONG})


def main(arguments: Sequence[str] | None = None) -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.calibration.policy_table", description=__doc__)
    parser.add_argument("--worlds", type=int, default=40)
    parser.add_argument("--studies", type=int, default=10)
    options = parser.parse_args(arguments)
    print("| world | worlds | attainable | vote, mean | 0.75 and more | the five lie apart | right sign |")
    print("|---|---|---|---|---|---|---|")
    for planted in (*Planted, None):
        print(_row(planted, options.worlds), flush=True)
    if options.studies:
        print("\n| studies | n | promising or strong | hold in disguise | verdicts | noise does as well, p |")
        print("|---|---|---|---|---|---|")
        for drift in (0.0, RISE):
            print(_studies(drift, options.studies), flush=True)


def _row(planted: Planted | None, n_worlds: int) -> str:
    reached, made, apart, signs = [], [], [], []
    for seed in range(n_worlds):
        bars = planted_world(planted, seed) if planted else random_walk(seed)
        votes = walk(bars, Costs(), UNWATCHED, 1260, 1.0)
        alone = [_sharpe(bars, one.astype(np.float64)) for one in votes.positions]
        reached.append(attainable(planted, bars) if planted else 0.0)
        made.append(_sharpe(bars, (np.nan_to_num(votes.row) >= 3).astype(np.float64)))
        apart.append(max(alone) - min(alone))
        signs.append(_has_sign(planted, votes) if planted else True)
    share, right = np.mean(np.array(made) >= 0.75), f"{np.mean(signs):.0%}" if planted else "–"
    means = f"{np.mean(reached):.2f} | {np.mean(made):+.2f} | {share:.0%} | {np.mean(apart):.2f}"
    return f"| {planted or 'random walk'} | {n_worlds} | {means} | {right} |"


def _sharpe(bars: Bars, target: np.ndarray) -> float:
    return simulate(bars, target, costs=Costs(), start=FIRST_FIT).measures.sharpe_ratio or 0.0


def _has_sign(planted: Planted, votes: Votes) -> bool:
    feature = Feature.MONTH if planted is Planted.MOMENTUM else Feature.WEEK
    return bool(planted.sign * votes.weights[:, :, FEATURES.index(feature)].mean() > 0.0)


def _studies(drift: float, n_studies: int) -> str:
    found = [study_of(random_walk(1_000 + seed, drift=drift)) for seed in range(n_studies)]
    verdicts = Counter(str(summary.verdict) for summary in found)
    good = np.mean([summary.verdict in _GOOD for summary in found])
    held = np.mean([summary.degenerate is Degenerate.HOLD_IN_DISGUISE for summary in found])
    # A share of twenty is a step; spread over its step it is even where nothing was learned.
    spread = np.random.default_rng(1).random(n_studies) / 20
    shares = np.array([summary.learned.nulls.p for summary in found]) - spread
    even = stats.kstest(shares, "uniform").pvalue
    told = ", ".join(f"{name} {n}" for name, n in sorted(verdicts.items()))
    name = f"walks that rise by {drift:.0%} a year" if drift else "random walks"
    return f"| {name} | {n_studies} | {good:.0%} | {held:.0%} | {told} | mean {shares.mean():.2f}, even: p {even:.2f} |"


def study_of(bars: Bars) -> StudySummary:
    """Summary of a study of the whole space over a market."""
    spec = StudySpec(symbol=bars.symbol, strategy_name="rl")
    strategy, space = strategy_of(spec), space_of(spec)
    rows = window_rows(spec, bars, FIRST_FIT, strategy.least_bars)
    evaluator, n_trials = evaluator_of(spec, [bars]), budget(spec, space)
    window = {"start": rows.start, "stop": rows.holdout_start}
    trials = list(search(spec, space, evaluator, n_trials=n_trials, seed=1, **window))
    return summarize(spec, space, evaluator, trials, window=rows)


if __name__ == "__main__":
    main()
