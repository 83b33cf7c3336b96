"""Kinds of markets: those of a study's window, its results by them, and what a split of parameters by them is worth."""

from datetime import date
from enum import StrEnum, auto

from optimizer.domain.measured import Measure
from optimizer.domain.space import Value
from optimizer.domain.study_request import Frozen
from optimizer.errors import UserError

#: Raised whenever the same bars get other probabilities or labels than before.
MODEL_VERSION = 2
#: A label that is no older than so many bars is worth a word before anything is opened.
RECENT_BARS = 21


class TooFewForRegimes(UserError):
    """Raised for less than a year of bars. Facts: symbol, have, need."""


class DidNotTrade(UserError):
    """Raised where a symbol has no label because its price stood still. Facts: symbol, day."""


class Regime(StrEnum):
    """Kind of market; their order is that of the columns of probabilities."""

    BULLISH = auto()
    BEARISH = auto()
    VOLATILE = auto()
    SIDEWAYS = auto()


class RegimeRun(Frozen):
    """Bars in a row with one label, from a day to the next run."""

    start: date
    regime: Regime | None  # None where there is no label: within the first year, or while the price stood still


class StudyRegime(Frozen):
    """Labels of a study's window, each as it could be known at its bar; they describe, and rank no set."""

    regime: Regime  # of the last bar
    confidence: float  # probability of it
    since: date
    n_bars: int  # with this label, the last one included
    before: Regime | None  # the label before it; None where it is the first
    runs: tuple[RegimeRun, ...]  # of the window

    @property
    def has_changed(self) -> bool:
        """True if the label changed within the last month of bars."""
        return self.before is not None and self.n_bars <= RECENT_BARS


#: Bars of a regime below which nothing is annualized, and from which its Sharpe ratio has an interval.
LEAST_ANNUAL_BARS, LEAST_INTERVAL_BARS = 63, 126


class RegimeSide(Frozen):
    """Winner, or buy and hold, over the bars of one regime. Annual measures are None of fewer than 63 bars."""

    log_return: Measure = None  # sum over the bars: the rows add up to that of the whole window
    annual_return: Measure = None
    sharpe_ratio: Measure = None  # annual, of returns beyond those of cash
    low: Measure = None  # 90 % interval of the Sharpe ratio, from 126 bars on
    high: Measure = None


class RegimeRow(Frozen):
    """What happened on the bars of one regime, which was known at the close before each of them."""

    regime: str | None  # None: the bars that have no label
    n_bars: int = 0  # searched and held out
    n_held_out: int = 0
    share: float = 0.0  # of all bars of the window
    winner: RegimeSide = RegimeSide()
    buy_and_hold: RegimeSide = RegimeSide()
    n_trades: int = 0  # opened there
    win_rate: Measure = None  # of those that were closed


class RegimeReport(Frozen):
    """Whole window by regime; of several symbols, by that of their equal parts together."""

    rows: tuple[RegimeRow, ...]  # the four regimes, those without a bar too, then the bars without a label, if any


class PlannedRegimes(Frozen):
    """Searched bars of each regime, before a study starts."""

    symbol: str
    n_bars: dict[str, int]  # by regime, 0 for one that never occurs
    n_stressed: int  # bearish and volatile ones


class SplitWorth(StrEnum):
    """What a split by regime is worth beside the plain search, on bars that neither was fitted on."""

    EARNS = auto()  # ahead in at least 95 % of resamples
    CANNOT_TELL = auto()
    COSTS = auto()  # ahead in at most 5 %


class SplitEvidence(Frozen):
    """Split by regime beside the same search without it, and beside searches with labels shifted in time.

    Values are those of the first goal on the searched bars, each the best of a search with the study's budget and seed.
    """

    names: tuple[str, ...]  # parameters that have a second value
    plain_params: dict[str, Value]  # of the plain search; empty where no set of it qualified
    plain_value: Measure = None
    split_value: Measure = None
    gain: Measure = None  # of the split beyond the plain search
    placebo_gain: Measure = None  # median of those of the shifted rows of labels
    placebo_gains: tuple[float, ...] = ()  # of each, sorted
    placebo_p: Measure = None  # share of the shifted rows, and the true one, that gain at least as much
    is_freedom: bool = True  # shifted labels gain as much, too often to be chance
    plain_sharpe: Measure = None  # annual, on the held-out bars
    split_sharpe: Measure = None
    n_unseen: int = 0  # bars of the folds and of the holdout on which both are compared
    difference: Measure = None  # mean annual return of the split there, less that of the plain search
    probability: Measure = None  # share of resamples in which the split is ahead
    worth: SplitWorth = SplitWorth.CANNOT_TELL
