"""Report on policies found by reward: each alone, beside what is simpler, and beside policies that learned noise.

All of them are played over the whole window, searched bars included: what decided at a bar was found before it. Only
the choice of memory, thrift and thresholds was the search's, and the twins have the winner's.

Noise is compared on equal terms. It is the same bars in another order, on which policies are searched, vote and are
played like the true ones. Nobody chose for it, so that the vote beside it has the default numbers too: the winner, the
best of 240 sets on most of these bars, would beat noise more often than chance. It takes as long as the rows of a whole
search and can only lower a verdict, so that it is asked of results alone that would be promising without it.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.bars import FloatArray
from optimizer.domain.results.learned_results import Doubt, LearnedReport, NullRange, Twin, Weight
from optimizer.domain.space import Params
from optimizer.engine.backtest import play_positions
from optimizer.engine.evaluator import Evaluator, Signals
from optimizer.engine.price_table import PriceTable
from optimizer.learned.policy.policy_features import FEATURES
from optimizer.learned.policy.policy_rows import N_NULLS, SHORT_VOTES
from optimizer.learned.policy.policy_schedule import schedule_of
from optimizer.learned.policy.policy_walk import Votes, walk
from optimizer.learned.policy.ridge_twin import ridge_positions
from optimizer.learned.policy.shuffled_bars import shuffled_bars
from optimizer.learned.rows import UNWATCHED, Watch
from optimizer.strategies.momentum import MOMENTUM
from optimizer.validation.window import WindowRows, day_of

#: Largest share of them, itself counted, that may do as well: one of twenty.
MOST_NULLS = 0.05
#: Distance between the Sharpe ratios of the best and of the worst of the five that is too much.
MOST_SPREAD = 0.5
#: A weight is told where so many of all policies found have its sign.
_AGREEMENT = 0.75
#: Percentiles of the noise that are told.
_LOW, _HIGH = 0.05, 0.95


def policy_report(evaluator: Evaluator, winner: Params, rows: WindowRows) -> LearnedReport:
    """Report on the policies whose votes the winner counts."""
    return _Reporter(evaluator, winner, rows).report()


def with_noise(
    report: LearnedReport, evaluator: Evaluator, rows: WindowRows, usual: Params, watch: Watch
) -> LearnedReport:
    """Report with the vote of the default numbers beside those of noise. Raises TrainingStopped."""
    vote, noise = beside_noise(evaluator, usual, rows, watch)
    nulls = _range(vote, list(noise))
    doubted = (*report.doubts, Doubt.NULLS_AS_GOOD) if nulls.p > MOST_NULLS else report.doubts
    return report.model_copy(update={"nulls": nulls, "doubts": doubted})


def beside_noise(
    evaluator: Evaluator, params: Params, rows: WindowRows, watch: Watch = UNWATCHED
) -> tuple[float, Iterator[float]]:
    """Sharpe ratios of the vote of a set, and, as they are asked for, of each vote of policies that learned noise.

    0 of a vote that never trades.
    """
    reporter = _Reporter(evaluator, params, rows)
    return reporter.vote() or 0.0, reporter.noise(watch)


class _Reporter:
    """What is played for a report, all of it over one window."""

    def __init__(self, evaluator: Evaluator, params: Params, rows: WindowRows) -> None:
        self._evaluator, self._params, self._rows = evaluator, params, rows
        self._memory, self._thrift = int(params["memory"]), float(params["thrift"])
        self._long: Votes = evaluator.learned(params)
        self._short = self._votes_short() if evaluator.allows_short else None

    def report(self) -> LearnedReport:
        """Play everything but noise, and say what is doubtful."""
        seeds = tuple(self._sharpe(side) for side in self._alone())
        ours, twins = self.vote(), self._twins()
        played = self._evaluator.stressed(
            self._params, start=self._rows.start, stop=self._rows.stop, costs=self._evaluator.costs.scaled(2.0)
        )
        doubled = played.measures.sharpe_ratio
        last = schedule_of(self._memory).training(int(self._long.fits[-1]), reach=1, embargo=0)
        return LearnedReport(
            kind="rl",
            n_refits=len(self._long.fits),
            n_train=last.stop - last.start,
            trained_until=day_of(self._evaluator.bars, int(self._long.fits[-1])),
            weights=weights_of(self._long),
            seeds=seeds,
            twins=twins,
            doubled_costs=doubled,
            doubts=tuple(doubts(ours, seeds, twins, doubled)),
        )

    def _votes_short(self) -> Votes:
        bars, costs = self._evaluator.bars, self._evaluator.costs
        return SHORT_VOTES.over(bars, costs, self._params["memory"], self._params["thrift"])

    def vote(self) -> float | None:
        """Sharpe ratio of the vote with the thresholds of the set, without overlays."""
        return self._sharpe(self._target(self._long, self._short))

    def noise(self, watch: Watch) -> Iterator[float]:
        """Yield the Sharpe ratio of each vote over bars in another order; 0 of one that never trades."""
        table, costs = self._evaluator.price_table, self._evaluator.costs
        for number in range(N_NULLS):
            watch.begin(number + 1, N_NULLS)
            bars = shuffled_bars(self._evaluator.bars.cut(0, self._rows.stop), self._rows.start, number)
            long, *short = (
                walk(bars, costs, watch, self._memory, self._thrift, side=side)
                for side in ((1, -1) if self._short else (1,))
            )
            target = self._target(long, short[0] if short else None)
            yield self._sharpe(target, table.with_bars(bars)) or 0.0

    def _sharpe(self, target: FloatArray, over: PriceTable | None = None) -> float | None:
        """Sharpe ratio of target positions over the window, by default of the true bars."""
        played = play_positions(
            over or self._evaluator.price_table,
            target,
            costs=self._evaluator.costs,
            window=(self._rows.start, self._rows.stop),
        )
        return played.measures.sharpe_ratio

    def _alone(self) -> Iterator[FloatArray]:
        """Yield the positions of each policy alone; short only where its twin of the long side is out."""
        short = self._short
        for k in range(len(self._long.positions)):
            yield _both_sides(self._long.positions[k] > 0, None if short is None else short.positions[k] > 0)

    def _target(self, long: Votes, short: Votes | None) -> FloatArray:
        return _both_sides(self._held(long.row), None if short is None else self._held(short.row))

    def _held(self, votes: FloatArray) -> NDArray[np.bool_]:
        known = np.nan_to_num(votes)
        return _between(known >= float(self._params["enter"]), known <= float(self._params["leave"]))

    def _twins(self) -> tuple[Twin, ...]:
        """Hold, ridge regression on the same features, and momentum with its default numbers."""
        rows, bars, costs = self._rows, self._evaluator.bars, self._evaluator.costs
        hold = self._evaluator.buy_and_hold(start=rows.start, stop=rows.stop).measures.sharpe_ratio
        long = ridge_positions(bars, costs, self._memory) > 0
        short = ridge_positions(bars, costs, self._memory, side=-1) > 0 if self._short else None
        momentum = Evaluator(MOMENTUM, bars, costs=costs, allow_short=self._short is not None)
        return (
            Twin(name="hold", sharpe=hold),
            Twin(name="ridge", sharpe=self._sharpe(_both_sides(long, short))),
            Twin(name="momentum", sharpe=self._sharpe(_target_of(momentum.signals(MOMENTUM.space.default)))),
        )


def doubts(
    ours: float | None,
    seeds: tuple[float | None, ...],
    twins: tuple[Twin, ...],
    doubled: float | None,
) -> Iterator[Doubt]:
    """Yield what speaks against the policies; each lowers the verdict."""
    known, made = [seed or 0.0 for seed in seeds], ours or 0.0
    if max(known) - min(known) > MOST_SPREAD or min(known) <= 0.0 < max(known):
        yield Doubt.SEEDS_DISAGREE
    if any((twin.sharpe or 0.0) >= made for twin in twins if twin.name != "hold"):
        yield Doubt.TWIN_AS_GOOD
    if made > 0.0 >= (doubled or 0.0):
        yield Doubt.COSTS_TURN_IT


def weights_of(votes: Votes) -> tuple[Weight, ...]:
    """Mean weights of the features on whose sign most policies agree, the greatest first."""
    table = votes.weights[:, :, : len(FEATURES)].reshape(-1, len(FEATURES))
    means = table.mean(axis=0)
    agree = (np.sign(table) == np.sign(means)).mean(axis=0) >= _AGREEMENT
    order = [k for k in np.argsort(-np.abs(means), kind="stable").tolist() if agree[k] and means[k] != 0.0]
    return tuple(Weight(feature=FEATURES[k], weight=float(means[k])) for k in order)


def _range(vote: float, nulls: list[float]) -> NullRange:
    as_good = sum(value >= vote for value in nulls)
    low, high = np.quantile(nulls, [_LOW, _HIGH]).tolist()
    return NullRange(vote=vote, low=low, high=high, n=len(nulls), p=(1 + as_good) / (1 + len(nulls)))


def _target_of(signals: Signals) -> FloatArray:
    long = _between(signals.long_enter, signals.long_exit)
    return _both_sides(long, _between(signals.short_enter, signals.short_exit))


def _between(enter: NDArray[np.bool_], leave: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Bars from each entry to the exit after it; where both hold it is out."""
    rows = np.arange(len(enter))
    entered = np.maximum.accumulate(np.where(enter & ~leave, rows, -1))
    left = np.maximum.accumulate(np.where(leave, rows, -1))
    return np.asarray(entered > left)


def _both_sides(long: NDArray[np.bool_], short: NDArray[np.bool_] | None) -> FloatArray:
    side = long.astype(np.float64)
    return side if short is None else side - (short & ~long)
