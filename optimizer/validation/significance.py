"""Significance of a study's result: one p value for everything that was searched and everything that was not seen.

Market-neutral throughout: what a beta times the market's returns explains is taken out, so that a rise of the market
proves nothing. Two tests look at different bars. The first asks whether the best of the whole family of sets earned
more on the searched bars than the best of as many sets without an edge would have (`statistics.max_t`). The second
asks whether the leaders earned on bars that their choice had not seen, those of the folds and of the holdout together.
Fisher's method combines both, and every further search of the same bars raises the result as in Šidák (1967).
docs/statistics.md has the definitions, docs/calibration.md what comes of them.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from optimizer.domain.bars import FloatArray
from optimizer.domain.metrics import periods_per_year
from optimizer.domain.study_results import Expected, Scored, Significance
from optimizer.search.scoring import SetScorer
from optimizer.validation.family import Family, alpha_rows, leaders_alpha, t_value
from optimizer.validation.statistics.cross_validation import share_of_losses
from optimizer.validation.statistics.max_t import MaxT, best_of, fisher, max_t, one_sided_p, tail
from optimizer.validation.statistics.sharpe import long_run_ratio
from optimizer.validation.verdict import PROMISING_P
from optimizer.validation.walk_forward import Walk

#: Multiple of the searched bars up to which it is said how many would settle the question.
MOST_GROWTH = 4.0
_HALVINGS = 20
#: Standard errors on either side of a 90 % interval.
TWO_SIDED = 1.645
#: Rows, of daily bars a week each, over which autocorrelation counts: five months.
_LAGS = 20


@dataclass(frozen=True, kw_only=True)
class SignificanceTests:
    """SignificanceTests of one study, each computed once."""

    scorer: SetScorer  # of the searched window
    unseen: SetScorer | None  # of the holdout; None when nothing is held out
    family: Family
    walk: Walk | None  # of the folds

    @cached_property
    def searched(self) -> MaxT:
        """Test of the whole family on the searched bars."""
        return max_t(self.family.alpha)

    @property
    def _rows_a_year(self) -> float:
        return periods_per_year(self.scorer.evaluator.bars) / self.family.bars_per_row

    @property
    def optimism(self) -> float:
        """Annual Sharpe ratio by which the choice among the family flatters the chosen set."""
        n_rows = self.family.alpha.shape[1]
        return self.searched.optimism * math.sqrt(self._rows_a_year / n_rows) if n_rows else 0.0

    @cached_property
    def held_out(self) -> FloatArray | None:
        """Rows of the leaders' alpha in the holdout, (n_rows,); None when nothing is held out."""
        unseen = self.unseen
        if unseen is None:
            return None
        return leaders_alpha(
            unseen.evaluator,
            self.family.leaders,
            start=unseen.start,
            stop=unseen.stop,
            bars_per_row=self.family.bars_per_row,
        )

    @cached_property
    def unseen_rows(self) -> FloatArray | None:
        """Rows of the leaders' alpha on all bars that their choice had not seen; None when there are none."""
        folds = (
            alpha_rows(self.walk.leaders[None], self.walk.market, self.family.bars_per_row)[0] if self.walk else None
        )
        parts = [part for part in (folds, self.held_out) if part is not None and len(part) > 1]
        return np.concatenate(parts).astype(np.float64) if parts else None

    @property
    def unseen_p(self) -> float | None:
        """Probability that leaders without an edge earn as much on unseen bars; None without such bars."""
        return None if self.unseen_rows is None else one_sided_p(t_value(self.unseen_rows))

    def annual_sharpe(self, rows: FloatArray) -> float:
        """Annual Sharpe ratio of rows; 0 where nothing moves."""
        return t_value(rows) * math.sqrt(self._rows_a_year / len(rows)) if len(rows) else 0.0

    @property
    def fading(self) -> float | None:
        """Fall of the leaders' Sharpe ratio, less its optimism, on the held-out bars, in its standard errors.

        The error of an annual Sharpe ratio over y years is near √(ratio/y), with the ratio of the long-run variance
        to the variance (Lo 2002). None when nothing is held out.
        """
        if self.held_out is None or not len(self.held_out):
            return None
        expected = self.annual_sharpe(self.family.leaders_alpha) - self.optimism
        years_in, years_out = self._years_of(self.family.leaders_alpha), self._years_of(self.held_out)
        error = math.sqrt(self._long_run * (1 / years_in + 1 / years_out))
        return (expected - self.annual_sharpe(self.held_out)) / error

    @property
    def aging(self) -> float | None:
        """Fall of the leaders' Sharpe ratio from the first half of all bars to the second, in its standard errors.

        The second half ends with the held-out bars. The choice flatters both halves of the searched bars alike. None
        without rows in both halves.
        """
        rows = self.family.leaders_alpha
        if self.held_out is not None:
            rows = np.concatenate([rows, self.held_out])
        middle = len(rows) // 2
        if middle < 2:
            return None
        error = math.sqrt(self._long_run * (1 / self._years_of(rows[:middle]) + 1 / self._years_of(rows[middle:])))
        return (self.annual_sharpe(rows[:middle]) - self.annual_sharpe(rows[middle:])) / error

    def n_bars_needed(self, n_searches: int) -> int | None:
        """Searched bars from which the result would be promising if it went on like this; None: it is, or never.

        With f times the bars both t values grow by √f, but for the part of the first that is due to the choice. At
        most four times the bars are considered.
        """
        if self._p_after(1.0, n_searches) <= PROMISING_P or self._p_after(MOST_GROWTH, n_searches) > PROMISING_P:
            return None
        least, most = 1.0, MOST_GROWTH
        for _ in range(_HALVINGS):
            middle = (least + most) / 2
            least, most = (middle, most) if self._p_after(middle, n_searches) > PROMISING_P else (least, middle)
        return math.ceil(most * (self.scorer.stop - self.scorer.start))

    def _p_after(self, growth: float, n_searches: int) -> float:
        flattery, t = self.searched.optimism, float(self.searched.t.max(initial=-math.inf))
        searched = tail(self.searched.maxima, flattery + (t - flattery) * math.sqrt(growth))
        unseen = None if self.unseen_rows is None else one_sided_p(t_value(self.unseen_rows) * math.sqrt(growth))
        return combined(searched, unseen, n_searches)

    def expected(self, winner: Scored) -> Expected | None:
        """Sharpe ratio to expect of the winner; None without one in sample.

        That of the searched bars less what the choice among the family flatters it by, and that of the held-out bars,
        weighted by their years. The interval has 90 %, with the error of `fading`.
        """
        inside = winner.in_sample.sharpe_ratio
        outside = winner.out_of_sample.sharpe_ratio if winner.out_of_sample else None
        if inside is None:
            return None
        years = self._years_of(self.family.leaders_alpha)
        parts = [(inside - self.optimism, years)]
        if outside is not None and self.held_out is not None:
            parts.append((outside, self._years_of(self.held_out)))
        total = math.fsum(weight for _, weight in parts)
        middle = math.fsum(value * weight for value, weight in parts) / total
        error = math.sqrt(self._long_run / total)
        return Expected(sharpe=middle, low=middle - TWO_SIDED * error, high=middle + TWO_SIDED * error)

    @cached_property
    def _long_run(self) -> float:
        return long_run_ratio(self.family.leaders_alpha, _LAGS)

    def _years_of(self, rows: FloatArray) -> float:
        return len(rows) / self._rows_a_year


def combined(searched: float, unseen: float | None, n_searches: int) -> float:
    """One p value from that of the searched and that of the unseen bars, as one of so many searches."""
    return best_of(searched if unseen is None else fisher(searched, unseen), n_searches)


def significance(tests: SignificanceTests, n_searches: int) -> Significance | None:
    """Significance of a study among `n_searches` of overlapping bars, itself included; None without a feasible set."""
    if not tests.family.param_sets:
        return None
    searched, unseen = best_of(tests.searched.p, tests.family.untested_factor), tests.unseen_p
    p = combined(searched, unseen, n_searches)
    return Significance(
        n_sets=len(tests.family.alpha),
        is_whole_grid=tests.family.is_whole,
        searched_p=searched,
        unseen_p=unseen,
        n_searches=n_searches,
        p=p,
        confidence=1.0 - p,
        searched_confidence=1.0 - searched,
        unseen_confidence=None if unseen is None else 1.0 - unseen,
        searched_alpha=tests.annual_sharpe(tests.family.leaders_alpha),
        unseen_alpha=None if tests.held_out is None else tests.annual_sharpe(tests.held_out),
        optimism=tests.optimism,
        fading=tests.fading,
        aging=tests.aging,
        lost_halves=share_of_losses(tests.family.alpha),
    )
