"""What a strategy that learns found, and how good that is: one report for models of signals and for policies.

A report may only lower a verdict: each of its doubts caps it (`optimizer.validation.verdict`).
"""

from datetime import date
from enum import StrEnum, auto

from pydantic import Field

from optimizer.domain.measured import Measure
from optimizer.domain.study_request import Frozen


class Label(StrEnum):
    """What is asked of the next bars."""

    GAIN = auto()  # whether they gain more than a round trip costs
    BARRIER = auto()  # whether the price rises a certain way before it falls as far


class Quality(StrEnum):
    """How much better than the base rate a model's earlier calls were."""

    INFORMATIVE = auto()  # an AUC with p ≤ 0.05, and a Brier skill of at least 0.002
    WEAK = auto()  # one of the two
    NO_BETTER = auto()  # than the base rate


class Doubt(StrEnum):
    """Reason why what was learned may be nothing; each caps the verdict."""

    NO_BETTER_THAN_BASE = auto()  # the probabilities are no better than the base rate
    SEEDS_DISAGREE = auto()  # the same search from other seeds found something else
    TWIN_AS_GOOD = auto()  # something simpler earned as much
    NULLS_AS_GOOD = auto()  # over the same bars in another order it earned as much
    COSTS_TURN_IT = auto()  # with doubled costs it loses


class ReliabilityBin(Frozen):
    """Calls of about the same probability, and what came true of them."""

    predicted: float  # their mean
    realised: float  # share that came true
    n: int


class SignalQuality(Frozen):
    """How good probabilities were that were all told before the outcome was known."""

    word: Quality
    n_calls: int
    n_effective: float  # of independent outcomes among them: those of overlapping calls are not
    base_rate: float  # share of outcomes that came true
    auc: Measure = None
    p: Measure = None  # of the AUC, by circular shifts; None below 63 calls
    brier: Measure = None
    base_brier: Measure = None  # of the base rate told in their place
    skill: Measure = None  # 1 − brier / base_brier
    log_loss: Measure = None
    base_log_loss: Measure = None
    logistic_brier: Measure = None  # of a ridge logistic regression on the same rows
    bins: tuple[ReliabilityBin, ...] = ()


class Weight(Frozen):
    """Weight of a feature in what was learned, signed; its name is a key of `feature_words`."""

    feature: str
    weight: float


class Twin(Frozen):
    """Something simpler that was run over the same bars; its name is a key of `twin_words`."""

    name: str
    sharpe: Measure = None  # over the held-out bars, over the searched ones where nothing is held out


class NullRange(Frozen):
    """Range of what the same training earns where there is nothing to learn, with numbers that no search chose."""

    vote: Measure = None  # Sharpe ratio of the true training with these numbers
    low: float  # 5th and 95th percentile of their Sharpe ratios
    high: float
    n: int
    p: float  # share of them, the true one counted, that did at least as well


class LearnedReport(Frozen):
    """What a strategy learned for its winner. A kind fills what it has."""

    kind: str  # the strategy's key
    symbol: str = ""  # that it is about: of several that share a set the one in the middle
    n_refits: int
    n_train: int = 0  # rows of the last fit
    trained_until: date | None = None  # day whose close the last fit knew
    weights: tuple[Weight, ...] = ()  # the greatest first
    is_one_sided: bool = False  # a training window had outcomes of one kind only
    dropped: tuple[str, ...] = ()  # features that these bars do not have
    horizon: int | None = None  # bars that a signal looks ahead
    label: Label = Label.GAIN  # what it is asked about them
    slope: Measure = None  # of the last calibration: 0 tells the base rate
    quality: SignalQuality | None = None
    seeds: tuple[Measure, ...] = ()  # Sharpe ratio of each seed alone, out of sample
    twins: tuple[Twin, ...] = ()
    nulls: NullRange | None = None  # only of a result that would be promising without it: it lowers verdicts alone
    doubled_costs: Measure = None  # Sharpe ratio out of sample with doubled costs
    doubts: tuple[Doubt, ...] = ()


class TrainingProgress(Frozen):
    """Row that is being trained, of how many."""

    row: int = Field(ge=1)
    n_rows: int = Field(ge=1)
    is_noise: bool = False  # after the search, of noise that the result stands beside
