"""What the bars of a horizon made of a forecast: its parameters, played over exactly those bars from flat.

Runs in a worker, which reads snapshots of the bars. Several parts are held in equal parts; a day on which only some of
them have a bar counts, the others stand still.
"""

import hashlib
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

from optimizer.domain.bars import Bars, FloatArray, TimeArray
from optimizer.domain.kept_forecasts import Play, PlayedPart, Realised
from optimizer.domain.metrics import measures_of_returns
from optimizer.domain.results.forecast_results import ForecastMeasure, ForecastOf
from optimizer.engine.multi_symbol import AnyEvaluator, evaluator_of
from optimizer.errors import UserError


class PartReturns(NamedTuple):
    """Returns of a part beyond cash, and those of cash, at the times of its bars, (n_bars,) each."""

    times: TimeArray
    returns: FloatArray
    interest: FloatArray
    periods_per_year: float


class Player:
    """Plays parts over their bars; parts of the same request and bars share an evaluator."""

    def __init__(self, read: Callable[[str], Bars]) -> None:
        self._read = read
        self._bars: dict[str, Bars] = {}
        self._evaluators: dict[tuple[str, tuple[str, ...]], AnyEvaluator] = {}

    def realise(self, play: Play) -> Realised | None:
        """Return what became of a forecast; None where its bars are not all there, or its request plays no more."""
        try:
            each = [self.returns_after(part, play.of, play.after, play.n_bars) for part in play.parts]
        except UserError:  # a strategy that was removed, a snapshot that is damaged
            return None
        whole = in_equal_parts(each)
        if len(whole.times) < play.n_bars:
            return None
        span = slice(play.n_bars)
        found = measures_of_returns(
            whole.returns[span], interest=whole.interest[span], periods_per_year=whole.periods_per_year
        )
        return Realised(
            measures={measure: getattr(found, measure) for measure in ForecastMeasure},
            data_hash=self._hash_of(play),
        )

    def returns_after(self, part: PlayedPart, of: ForecastOf, after: date, n_bars: int | None = None) -> PartReturns:
        """Return what a part earned on the bars after a day, from flat; at most so many of them.

        Raises NoSnapshot, DamagedSnapshot, or what an unknown strategy does.
        """
        evaluator = self._evaluator(part)
        start, stop = span_after(evaluator.bars, after, n_bars)
        # The signal of the last close before fills at the first open: the bar of that close is played and left out.
        before = start - 1 if start else 0
        if start == stop or stop - before < 2:
            return PartReturns(evaluator.bars.time[:0], np.zeros(0), np.zeros(0), 1.0)
        if of is ForecastOf.HOLD:
            played = evaluator.buy_and_hold(start=before, stop=stop)
        else:
            played = evaluator.backtest(part.part.params, start=before, stop=stop)
        returns = played.returns[start - before :]
        interest = np.zeros(len(returns)) if played.interest is None else played.interest[start - before :]
        return PartReturns(evaluator.bars.time[start:stop], returns, interest, played.periods_per_year)

    def bars_of(self, part: PlayedPart) -> Bars:
        """Return the bars of a part's first symbol. Raises NoSnapshot or DamagedSnapshot."""
        return self._load(part.data_hashes[0])

    def _evaluator(self, part: PlayedPart) -> AnyEvaluator:
        spec = part.part.spec
        key = (spec.model_dump_json(), (*part.data_hashes, *part.companion_hashes))
        if key not in self._evaluators:
            companions = dict(zip(spec.companions, map(self._load, part.companion_hashes), strict=True))
            self._evaluators[key] = evaluator_of(spec, [self._load(each) for each in part.data_hashes], companions)
        return self._evaluators[key]

    def _load(self, data_hash: str) -> Bars:
        if data_hash not in self._bars:
            self._bars[data_hash] = self._read(data_hash)
        return self._bars[data_hash]

    def _hash_of(self, play: Play) -> str:
        """Return a digest of the bars that were played, and of nothing before or after them."""
        digest = hashlib.sha256()
        for data_hash in (each for part in play.parts for each in part.data_hashes):
            bars = self._load(data_hash)
            digest.update(bars.cut(*span_after(bars, play.after, play.n_bars)).data_hash.encode())
        return digest.hexdigest()


def span_after(bars: Bars, after: date, n_bars: int | None) -> tuple[int, int]:
    """Return the rows [start, stop) of the bars after a day, of at most so many."""
    start = bars.row_at(after + timedelta(days=1))
    return start, len(bars) if n_bars is None else min(start + n_bars, len(bars))


def in_equal_parts(each: Sequence[PartReturns]) -> PartReturns:
    """Return the mean of the parts' returns on the days of all of them together, 0 where a part has no bar."""
    if len(each) == 1:
        return each[0]
    times = np.unique(np.concatenate([part.times for part in each]))
    tables = np.zeros((2, len(each), len(times)))
    for place, part in enumerate(each):
        rows = np.searchsorted(times, part.times)
        tables[0, place, rows], tables[1, place, rows] = part.returns, part.interest
    returns, interest = tables.mean(axis=1)
    return PartReturns(times, returns, interest, max(part.periods_per_year for part in each))
