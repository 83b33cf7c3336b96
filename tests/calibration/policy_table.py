"""`python -m tests.calibration.policy_table`: what policies found by reward earn on markets whose truth is known.

    python -m tests.calibration.policy_table [--worlds 40] [--walks 200] [--years 10] [--rising 20]

The first table plays the vote with the default numbers over ten years of planted markets. The second does so on random
walks, where it is one of twenty equals beside 19 votes of noise. How many of these are asked until one does as well is
known then: more than k in a share of 1 / (k + 1); so three to four do instead of 19. A vote that noise matched is
doubted, which caps its study at *unproven*; studies of 240 sets are run of the others alone. The third searches walks
that rise by 15 % a year.
"""

import argparse
from collections import Counter
from collections.abc import Sequence

import numpy as np
from scipy import stats

from optimizer.domain.bars import Bars
from optimizer.domain.study_request import Costs, StudySpec, budget
from optimizer.domain.study_results import Degenerate, StudySummary, TrialRecord, Verdict
from optimizer.engine.backtest import simulate
from optimizer.engine.evaluator import Evaluator
from optimizer.learned.policy.policy_features import FEATURES, Feature
from optimizer.learned.policy.policy_rows import N_NULLS
from optimizer.learned.policy.policy_schedule import FIRST_FIT
from optimizer.learned.policy.policy_walk import Votes, walk
from optimizer.learned.rows import UNWATCHED
from optimizer.search.fold_search import refit
from optimizer.search.loop import search
from optimizer.strategies.registry import space_of, strategy_of
from optimizer.validation.assessment import Assessment
from optimizer.validation.learned_evidence.policy_report import beside_noise
from optimizer.validation.summarize import NOTHING_TRIED, summarize, window_rows
from tests.optimizer.learned.policy_worlds import WARM_UP, YEARS, Planted, attainable, planted_world, random_walk
from tests.optimizer.learned.regime_worlds import SESSIONS

RISE = 0.15
#: Confidence above which a result is called more than luck and market.
_MOST_SKILL = 0.8
_GOOD = frozenset({Verdict.PROMISING, Verdict.STRONG})


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.calibration.policy_table", description=__doc__)
    parser.add_argument("--worlds", type=int, default=40, help="planted markets of each kind")
    parser.add_argument("--walks", type=int, default=200, help="random walks")
    parser.add_argument("--years", type=int, default=YEARS, help="years of a random walk: fewer are cheaper")
    parser.add_argument("--rising", type=int, default=20, help="studies of walks that rise")
    options = parser.parse_args(arguments)
    if options.worlds:
        print("| world | worlds | attainable | vote, mean | 0.75 and more | the five lie apart | right sign |")
        print("|---|---|---|---|---|---|---|")
        for planted in Planted:
            print(_row(planted, options.worlds), flush=True)
    if options.walks:
        print(
            "\n| random walks | vote, mean | best of 20 | of 10 | evenness | promising or strong | verdicts of these |"
        )
        print("|---|---|---|---|---|---|---|")
        _walks(options.walks, WARM_UP + options.years * SESSIONS)
    if options.rising:
        print("\n| walks that rise | hold in disguise | skill above 0.8 | of these in disguise |")
        print("|---|---|---|---|")
        _rising(options.rising)


def _row(planted: Planted, n_worlds: int) -> str:
    reached, made, apart, signs = [], [], [], []
    for seed in range(n_worlds):
        bars = planted_world(planted, seed)
        votes = walk(bars, Costs(), UNWATCHED, 1260, 1.0)
        alone = [_sharpe(bars, one.astype(np.float64)) for one in votes.positions]
        reached.append(attainable(planted, bars))
        made.append(_sharpe(bars, (np.nan_to_num(votes.row) >= 3).astype(np.float64)))
        apart.append(max(alone) - min(alone))
        signs.append(_has_sign(planted, votes))
    share = np.mean(np.array(made) >= 0.75)
    means = f"{np.mean(reached):.2f} | {np.mean(made):+.2f} | {share:.0%} | {np.mean(apart):.2f}"
    return f"| {planted} | {n_worlds} | {means} | {np.mean(signs):.0%} |"


def _sharpe(bars: Bars, target: np.ndarray) -> float:
    return simulate(bars, target, costs=Costs(), start=FIRST_FIT).measures.sharpe_ratio or 0.0


def _has_sign(planted: Planted, votes: Votes) -> bool:
    feature = Feature.MONTH if planted is Planted.MOMENTUM else Feature.WEEK
    return bool(planted.sign * votes.weights[:, :, FEATURES.index(feature)].mean() > 0.0)


def _walks(n_walks: int, n_bars: int) -> None:
    """Print a row after every twenty walks, for those before it: a long run that is ended has told what it saw."""
    rng, votes, places, verdicts = np.random.default_rng(1), [], [], Counter[str]()
    for seed in range(n_walks):
        study = _Study(random_walk(1_000 + seed).cut(0, n_bars))
        vote, noise = beside_noise(study.evaluator, study.space.default, study.rows)
        n_asked = next((n for n, one in enumerate(noise, start=1) if one >= vote), None)
        # More than k in a share of 1 / (k + 1): spread over its step, the place is even where nothing was learned.
        low, high = (0.0, 1 / (N_NULLS + 1)) if n_asked is None else (1 / (n_asked + 1), 1 / n_asked)
        places.append(rng.uniform(low, high))
        votes.append(vote)
        if n_asked is None:
            verdicts[str(study.summary().verdict)] += 1
        if (seed + 1) % 20 == 0 or seed + 1 == n_walks:
            even = f"mean {np.mean(places):.2f}, p {stats.kstest(places, 'uniform').pvalue:.2f}"
            good = sum(verdicts[str(verdict)] for verdict in _GOOD) / len(votes)
            told = ", ".join(f"{name} {n}" for name, n in sorted(verdicts.items()))
            best = " | ".join(f"{np.mean(np.array(places) < share):.1%}" for share in (1 / 20, 1 / 10))
            print(f"| {seed + 1} | {np.mean(votes):+.2f} | {best} | {even} | {good:.1%} | {told} |", flush=True)


def _rising(n_walks: int) -> None:
    """Print a row after every five walks, for those before it: as above."""
    held, skilled = [], []
    for seed in range(n_walks):
        found = _Study(random_walk(1_000 + seed, drift=RISE)).assessment()
        held.append(found.degenerate is Degenerate.HOLD_IN_DISGUISE)
        skilled.append((found.luck.skill or 0.0) > _MOST_SKILL)
        if (seed + 1) % 5 == 0 or seed + 1 == n_walks:
            both = np.mean(np.array(held)[skilled]) if any(skilled) else 0.0
            print(f"| {seed + 1} | {np.mean(held):.0%} | {np.mean(skilled):.0%} | {both:.0%} |", flush=True)


class _Study:
    """Study of the whole space over a market."""

    def __init__(self, bars: Bars) -> None:
        self.spec = StudySpec(symbol=bars.symbol, strategy_name="rl")
        strategy, self.space = strategy_of(self.spec), space_of(self.spec)
        self.rows = window_rows(self.spec, bars, FIRST_FIT, strategy.least_bars)
        self.evaluator = Evaluator(strategy, bars, costs=self.spec.costs)

    def summary(self) -> StudySummary:
        """Everything that a study tells."""
        return summarize(self.spec, self.space, self.evaluator, self._trials(), window=self.rows)

    def assessment(self) -> Assessment:
        """What is computed of a study, as it is asked for."""
        return Assessment(
            spec=self.spec,
            space=self.space,
            evaluator=self.evaluator,
            trials=self._trials(),
            rows=self.rows,
            tries=NOTHING_TRIED,
            refit=refit,
        )

    def _trials(self) -> list[TrialRecord]:
        n_trials, window = budget(self.spec, self.space), {"start": self.rows.start, "stop": self.rows.holdout_start}
        return list(search(self.spec, self.space, self.evaluator, n_trials=n_trials, seed=1, **window))


if __name__ == "__main__":
    main()
