"""Results of a study: measures, folds, luck, verdict, trials. One type per concept, from the search to the database.

All types are frozen. Fractions are fractions (0.12 is 12 %), times are aware UTC.
A measure that does not exist (the Sharpe ratio of a flat equity) is None here and NaN in arrays.
"""

from datetime import date, datetime
from enum import StrEnum, auto
from math import isfinite
from typing import Any, Self

from pydantic import Field

from optimizer.domain.measured import Measure
from optimizer.domain.packed_series import Dates, Numbers
from optimizer.domain.results.forecast_results import Forecast, NoForecast
from optimizer.domain.results.learned_results import LearnedReport
from optimizer.domain.results.regime_results import RegimeReport, SplitEvidence, StudyRegime
from optimizer.domain.space import Value
from optimizer.domain.study_request import Cap, Frozen, renamed


class Measures(Frozen):
    """Measures of one parameter set over one window. Drawdowns are fractions ≤ 0."""

    total_return: Measure = None
    cagr: Measure = None
    annual_volatility: Measure = None
    sharpe_ratio: Measure = None
    sortino_ratio: Measure = None
    calmar_ratio: Measure = None
    max_drawdown: Measure = None
    max_drawdown_bars: int = 0
    win_rate: Measure = None
    profit_factor: Measure = None
    expectancy: Measure = None
    sqn: Measure = None
    exposure: Measure = None
    turnover: Measure = None
    annual_costs: Measure = None  # of trading, as a fraction of the account
    n_trades: int = 0  # closed ones
    n_open: int | None = None  # positions open at the window's end; None where that was not computed
    average_trade_bars: Measure = None
    longest_trade_bars: int = 0
    best_trade: Measure = None
    worst_trade: Measure = None
    alpha: Measure = None
    beta: Measure = None
    correlation: Measure = None  # of returns, with buy and hold over the same window
    skew: Measure = None
    kurtosis: Measure = None  # not in excess: a normal has 3
    value_at_risk: Measure = None  # 95 %, per bar, ≤ 0
    expected_shortfall: Measure = None  # 95 %, per bar, ≤ 0


class Scored(Frozen):
    """Parameter set with its measures in the searched window and in the holdout."""

    params: dict[str, Value]
    value: Measure = None  # of the first goal, in sample
    number: int | None = None  # trial number; None for a set that was not a trial
    in_sample: Measures
    out_of_sample: Measures | None = None  # None when there is no holdout


class OfSymbol(Frozen):
    """Results of a shared parameter set, and of buy and hold, on one of its symbols alone."""

    symbol: str
    winner: Scored  # `value` is this symbol's own, in sample
    buy_and_hold: Scored = renamed("buy_and_hold", "hold")


class Shared(Frozen):
    """One parameter set on several symbols: each symbol's part, and the median of each measure over them.

    The summary's own winner, default and buy_and_hold are equal-weight portfolios of the symbols.
    """

    by_symbol: tuple[OfSymbol, ...]
    winner: Scored  # medians
    buy_and_hold: Scored = renamed("buy_and_hold", "hold")  # medians
    n_gaining: int  # symbols on which the winner gained out of sample, in sample where nothing is held out


class Window(Frozen):
    """Bars of a study: `[start, holdout_start)` is searched, `[holdout_start, end]` is held out."""

    start: date
    end: date  # the last bar's date
    holdout_start: date | None
    n_bars: int  # searched and held out
    n_holdout: int
    n_warm_up: int  # bars before `start` that were available to indicators
    periods_per_year: float


class Interval(Frozen):
    """90 % interval of a measure."""

    low: Measure
    high: Measure


class Fold(Frozen):
    """One walk-forward step: fitted on one window, scored on the next."""

    train_start: date
    train_end: date
    test_start: date
    test_end: date
    params: dict[str, Value]
    in_sample: Measure  # value of the first goal
    out_of_sample: Measure


class WalkForward(Frozen):
    """All folds, and the measures of their stitched out-of-sample returns."""

    folds: tuple[Fold, ...]
    stitched: Measures
    returns: tuple[float, ...]  # per bar, stitched; of very many bars, each over several
    dates: tuple[date, ...]
    buy_and_hold: Measure = None  # its Sharpe ratio over the same bars


class Plateau(Frozen):
    """Values of the winner's ±1-step neighbours."""

    n_neighbours: int
    share: Measure  # of neighbours that keep ≥ 80 % of the winner's value; None when the winner's value ≤ 0 or none
    neighbours: tuple[Scored, ...]
    centre: Scored | None  # recommended instead when the winner is a spike


class Luck(Frozen):
    """Effect of the number of tries: the results that many tries without skill would show."""

    n_tried: int  # unique sets in this study
    n_tried_ever: int  # unique sets in all studies of this symbol, strategy and window
    expected_max_sharpe: Measure  # annualized, of that many tries without skill
    deflated_sharpe_ratio: Measure
    pbo: Measure
    n_blocks: int  # S of the CSCV; 0 when the window is too short
    counts_ties: bool = False  # by the PBO, of sets that made the same trades on a half: early versions ranked rounding
    market_sharpe: Measure = (
        None  # annualized, of a position as correlated with the market as the winner's, without skill
    )
    skill: Measure = None  # probability that the winner's Sharpe ratio exceeds that of luck and market together
    n_bars_needed: int | None = (
        None  # searched bars from which it would be promising; None: it is, or no number would do
    )


class Tries(Frozen):
    """Everything that was tried before on overlapping bars of the same symbols."""

    n_sets: int = 0  # unique sets of other studies
    n_searches: int = 1  # different searches with this one: by strategy, goals, caps, costs, overlays, direction
    n_looks: int = 0  # other studies that were judged on held-out bars of this one
    n_research: int = 0  # other studies that ended with the advice to research further
    n_people: int = 1  # who asked for all of them
    since: date | None = None  # day of the first
    n_together: int = 1  # symbols of the request, each with a study of its own: the best of them is one of so many
    n_rules: int = 0  # different rules with this one, of a study of a rule

    @property
    def n_counted(self) -> int:
        """Searches among which a result is one: those of its bars, and those of the symbols beside it."""
        return self.n_searches + self.n_together - 1


class Significance(Frozen):
    """Tests of all sets together, market-neutral: of returns less their beta times buy and hold's.

    Leaders are the best hundredth of the sets by the study's goal, held in equal parts. Sharpe ratios are annual.
    """

    n_sets: int  # feasible sets that were compared
    is_whole_grid: bool  # they are all of the space, not only a sample of it
    searched_p: float  # probability of the best one's result on the searched bars if no set has an edge
    unseen_p: Measure  # probability of the leaders' result on the bars of the folds and the holdout without an edge
    n_searches: int  # searches of overlapping bars and of the symbols beside it, with this one
    p: float  # both together, given that many searches
    confidence: float  # the complements of the three, as people read them
    searched_confidence: float
    unseen_confidence: Measure
    searched_alpha: Measure  # Sharpe ratio of the leaders on the searched bars
    unseen_alpha: Measure  # and on the held-out ones
    optimism: float  # part of a Sharpe ratio in sample that is due to the choice of the best
    fading: Measure  # fall of the leaders' Sharpe ratio on the held-out bars beyond its optimism, in standard errors
    aging: Measure = None  # fall from the first half of all bars to the second, in standard errors
    lost_halves: Measure  # share of cross-validation halves in which the chosen set's alpha was lost on the other


class Expected(Frozen):
    """Annual Sharpe ratio to expect of the winner, with its 90 % interval."""

    sharpe: Measure
    low: Measure
    high: Measure


#: Largest costs per side, basis points, that are tried for the break-even.
MOST_BREAK_EVEN_BPS = 1_000.0


class Stress(Frozen):
    """Winner over all bars of the window under worse conditions; Sharpe ratios are annual."""

    sharpe: Measure  # as it was judged
    doubled_costs: Measure  # with twice the costs
    late: Measure  # with every fill one bar later
    without_best: Measure  # without the bars of its five best trades
    #: Costs per side at which it gains nothing, the largest that are tried where it still gains at those; None where it
    #: gains nothing without costs.
    break_even_bps: Measure


class Degenerate(StrEnum):
    """Kind of winner that is not really a strategy: idle, or buy and hold in disguise."""

    NEVER_TRADES = auto()
    HOLD_IN_DISGUISE = auto()


class Verdict(StrEnum):
    """Judgement of how real the result is, best first."""

    STRONG = auto()
    PROMISING = auto()
    UNPROVEN = auto()
    FAILED_UNSEEN = auto()  # it earned on the searched bars and lost on those it had not seen
    OVERFIT = auto()  # it was fitted, the ranking of the sets does not hold, and it lost on bars it had not seen


class Suggestion(StrEnum):
    """Next step to take with the result."""

    ADOPT = auto()
    WATCH = auto()
    RESEARCH = auto()
    DROP = auto()


class Case(StrEnum):
    """Situation that the evidence describes; each has one verdict, and one sentence that gives the reason for it."""

    EVERY_SET_RUINED = auto()
    CAP_UNMET = auto()
    TOO_FEW_TRADES = auto()
    NO_VALUE = auto()
    NEVER_TRADES = auto()
    HOLD_IN_DISGUISE = auto()
    EVERY_SET_LOST = auto()
    NOTHING_GAINED = auto()
    RANKING_FAILS = auto()
    LOST_UNSEEN = auto()
    SLIPPED_UNSEEN = auto()
    UNSEEN_MISSING = auto()
    UNSEEN_IDLE = auto()
    REFITS_LOST = auto()
    FADED = auto()
    AGED = auto()
    ONE_SET = auto()
    LUCK_EXPLAINS = auto()
    LUCK_AND_MARKET_EXPLAIN = auto()
    MARKET_EXPLAINS = auto()
    LUCK_OPEN = auto()
    RANKING_UNKNOWN = auto()
    SETS_ALIKE = auto()
    RANKING_NOISY = auto()
    LUCK_NOT_EXCLUDED = auto()
    LOST_A_LITTLE = auto()
    SLIPPED_BUT_LIKELY = auto()
    REFITS_WEAK = auto()
    CHOICE_LOSES = auto()
    SPLIT_IS_FREEDOM = auto()
    CHOICE_SHAKY = auto()
    BASE_RATE_AS_GOOD = auto()
    SEEDS_DISAGREE = auto()
    NOISE_AS_GOOD = auto()
    TWIN_AS_GOOD = auto()
    COSTS_TURN_IT = auto()
    RANKING_SHAKY = auto()
    INTERVAL_WIDE = auto()
    BELOW_HOLD = auto()
    BELOW_DEFAULT = auto()
    SPIKE = auto()
    ALL_CHECKS = auto()


class Obstacle(StrEnum):
    """Constraint that no set of a study met."""

    RUIN = auto()  # every set lost the whole account
    FEW_TRADES = auto()
    CAP = auto()
    NO_VALUE = auto()  # no set has a value of the goal


class Unmet(Frozen):
    """Reason why no set qualified, with the set that came nearest."""

    obstacle: Obstacle
    cap: Cap | None = None  # that the nearest set breaks
    nearest: Scored | None = None


class Stretch(Frozen):
    """Run of bars over which the winner made or lost the most."""

    start: date
    end: date
    total_return: Measure


class Curve(Frozen):
    """Equity of winner and buy and hold over the whole window, both from 1.0, for the charts."""

    dates: Dates
    winner: Numbers
    buy_and_hold: Numbers = renamed("buy_and_hold", "hold")


class Surface(Frozen):
    """Value of the first goal over a grid of the two most important parameters, the others at the winner's."""

    x: str
    y: str
    x_values: tuple[Value, ...]
    y_values: tuple[Value, ...]
    values: tuple[tuple[Measure, ...], ...]  # [y][x]; None where a set is infeasible


class ParetoSet(Frozen):
    """One set of a Pareto set, with the value of each goal; of a set that several symbols share, their median."""

    number: int  # trial number
    params: dict[str, Value]
    in_sample: dict[str, Measure]
    out_of_sample: dict[str, Measure] = Field(default_factory=dict)  # empty when nothing is held out


class Pareto(Frozen):
    """Sets of a study with two goals that no other set beats in both goals; the first one is the winner."""

    sets: tuple[ParetoSet, ...]  # five at most: both ends, the knee and some between, the best in the first goal first
    n_sets: int  # all of them
    n_feasible: int  # trials they are chosen from
    knee: int | None  # trial number of the best balance (`validation.pareto`); None where there is none


class Comparison(Frozen):
    """Winner beside the benchmark that the request names, over the held-out bars or else the searched ones.

    Figures are fractions a year, of returns beyond those of cash.
    """

    is_out_of_sample: bool = True
    n_bars: int
    sharpe: Measure  # of the benchmark
    excess: float  # mean of the winner's returns less that of the benchmark's
    tracking_error: float
    beta: Measure
    alpha: float  # intercept of the regression on the benchmark
    alpha_interval: Interval


class StudySummary(Frozen):
    """Summary of a finished study: every number that a message or a report shows."""

    window: Window
    winner: Scored
    default: Scored = renamed("default", "textbook")  # the default parameters
    buy_and_hold: Scored = renamed("buy_and_hold", "hold")  # params is empty
    top: tuple[Scored, ...]  # the five best, the winner first
    verdict: Verdict
    suggestion: Suggestion
    case: Case | None = None  # reason for the verdict; None in studies stored before there were cases
    luck: Luck
    tries: Tries | None = None  # None in studies stored before those of other strategies and windows were counted
    significance: Significance | None = None  # None in older studies and where no set qualified
    expected: Expected | None = None
    stress: Stress | None = None
    plateau: Plateau
    walk_forward: WalkForward | None
    sharpe_interval: Interval | None  # out of sample
    drawdown_interval: Interval | None
    bootstrap_sharpes: tuple[float, ...]  # sorted sample of the bootstrap distribution, at most 200 points
    degenerate: Degenerate | None
    importance: dict[str, float]  # of each parameter, sums to 1
    best_stretch: Stretch | None
    worst_stretch: Stretch | None
    curve: Curve
    surface: Surface | None
    scatter: tuple[tuple[float, float], ...] = ()  # first goal in and out of sample, one point per feasible trial
    n_infeasible: int
    n_failed: int
    n_ruined: int = 0  # sets that lost the whole account
    n_gaining: int | None = None  # feasible sets with a gain in the searched window; None where it was not counted
    unmet: Unmet | None = None  # when no set qualified
    is_exhaustive: bool  # the whole grid was searched
    optimum: float | None = None  # best value of the whole grid, if that is small enough to be scored afterwards
    space_size: int
    shared: Shared | None = None  # parts of the symbols when they share a set
    pareto: Pareto | None = None  # of a study with two goals
    comparison: Comparison | None = None  # with the benchmark that the request names
    by_regime: RegimeReport | None = None  # None in older studies, and where no bar has a label
    split: SplitEvidence | None = None  # of a study whose parameters are split by regime
    regime: StudyRegime | None = None  # kinds of markets; None of several symbols, and where there is no label
    forecasts: tuple[Forecast, ...] = ()  # of the winner and of hold, from the same unseen bars
    no_forecast: NoForecast | None = None  # reason why there is none; None in older studies too
    n_unseen: int | None = None  # bars that forecasts rest on, or that are too few
    learned: LearnedReport | None = None  # of a strategy that learns
    notes: tuple[str, ...] = ()  # keys of caveats about the data or the search (worded by the narrative)


class Timings(Frozen):
    """Time spent in the parts of a study, in seconds."""

    start: float = 0.0
    training: float = 0.0  # of what a strategy or a goal learns, before the search
    sampler: float = 0.0
    backtest: float = 0.0
    storage: float = 0.0
    validation: float = 0.0
    keeping: float = 0.0  # backtests of the best sets with equity and trades
    total: float = 0.0


class StudyState(StrEnum):
    """State of a study."""

    QUEUED = auto()
    RUNNING = auto()
    PAUSED = auto()
    COMPLETE = auto()
    FAILED = auto()
    CANCELLED = auto()

    @property
    def is_finished(self) -> bool:
        """True if no more trials will run unless the study is resumed."""
        return self in (StudyState.COMPLETE, StudyState.FAILED, StudyState.CANCELLED)


#: States of a study that has not ended; a paused one waits for `resume`.
OPEN = tuple(state for state in StudyState if not state.is_finished)


class TrialState(StrEnum):
    """State of a finished trial, as in Optuna."""

    COMPLETE = auto()
    FAIL = auto()  # no constraint is broken, and a goal has no value


class TrialRecord(Frozen):
    """One trial as the search yields it and MongoDB stores it."""

    number: int
    params: dict[str, Value]
    value: Measure  # of the first goal; None where it does not exist, which a broken constraint does not imply
    values: tuple[float, ...] = ()  # of all goals when there are several
    violation: float = 0.0  # > 0: infeasible, by this amount
    reason: str = ""  # why there is no value, or which cap was broken
    state: TrialState = TrialState.COMPLETE
    sharpe_ratio: Measure = None
    total_return: Measure = None
    max_drawdown: Measure = None
    n_trades: int = 0
    started_at: datetime | None = None
    duration: float = 0.0

    @classmethod
    def measured(cls, **fields: Any) -> Self:
        """Record of every field, as validated: the types are right, but measures may be no numbers."""
        for name in ("value", "sharpe_ratio", "total_return", "max_drawdown"):
            if not isfinite(fields[name]):
                fields[name] = None
        record = cls.__new__(cls)
        object.__setattr__(record, "__dict__", fields)
        object.__setattr__(record, "__pydantic_fields_set__", _EVERY_FIELD)
        object.__setattr__(record, "__pydantic_extra__", None)
        object.__setattr__(record, "__pydantic_private__", None)
        return record

    @property
    def is_feasible(self) -> bool:
        """True where the trial could win: it keeps every constraint and every goal has a value.

        `storage.trial_documents.FEASIBLE` is the same as a query.
        """
        return self.value is not None and self.violation <= 0 and self.state is TrialState.COMPLETE


#: One for all records, which are never changed: the collector of garbage has less to look through.
_EVERY_FIELD = set(TrialRecord.model_fields)
