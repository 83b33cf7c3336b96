"""What is told of a symbol's next bars at one bar: a probability, what it came from, and how good earlier ones were."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum, auto

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.results.learned_results import Label, Quality, SignalQuality, Weight
from optimizer.domain.study_request import Costs
from optimizer.errors import UserError
from optimizer.learned.ml.labels import labels_of
from optimizer.learned.ml.quality import quality_of
from optimizer.learned.ml.scale_free import feature_table
from optimizer.learned.ml.walk import SCHEDULE, VERSION, Walk, walk_with
from optimizer.strategies.learning.ml import SIGNAL

#: Edges over the base rate from which a side is named, and called strong.
_SOME, _STRONG = 0.03, 0.10
#: Features whose part in a signal is told.
N_PARTS = 5


class TooFewForSignals(UserError):
    """Raised for fewer bars than the first fit needs. Facts: symbol, have, need."""


class Bucket(StrEnum):
    """Side of a signal; named only where earlier ones were informative."""

    STRONG_BUY = auto()
    BUY = auto()
    NEUTRAL = auto()
    SELL = auto()
    STRONG_SELL = auto()


@dataclass(frozen=True, kw_only=True)
class SignalFacts:
    """Signal of a symbol at its last bar, as known at its close. Probabilities are fractions."""

    symbol: str
    timeframe: str
    source: str
    as_of: datetime  # of the last bar, UTC
    horizon: int
    label: Label
    probability: float  # of what the label asks, from the next open on, usual costs paid
    base_rate: float
    bucket: Bucket | None  # None unless the quality is informative
    quality: SignalQuality | None  # of all earlier calls; None where too few have an outcome
    slope: float  # how far the trees are trusted; 0: the base rate is told
    parts: tuple[Weight, ...]  # of features in the trees' log-odds, signed; none where the trees are not trusted
    n_train: int
    trained_until: date | None
    model_hash: str  # SHA-256; empty where a training window had outcomes of one kind only
    data_hash: str
    version: int
    dropped: tuple[str, ...]  # features that these bars do not have

    @property
    def edge(self) -> float:
        """Probability less the base rate."""
        return self.probability - self.base_rate


def signal_facts(
    bars: Bars,
    horizon: int,
    label: Label = Label.GAIN,
    columns: Callable[[], dict[str, FloatArray] | None] = lambda: None,
) -> SignalFacts:
    """Signal at the last bar, of a walk that is remembered, or made of the feature `columns` that are stored, if any.

    Raises TooFewForSignals.
    """
    if len(bars) <= SCHEDULE.first:
        raise too_few(bars.symbol, len(bars))
    costs = Costs()

    def walked() -> Walk:
        return walk_with(feature_table(bars, columns()), labels_of(label, bars, horizon, costs), horizon)

    walk = SIGNAL.remembered(bars, costs, (str(horizon), label.value), walked)
    quality, slope, last = quality_of(walk), float(walk.slopes[-1]), len(bars) - 1
    assert walk.last_fit is not None, "there are more bars than the first fit needs"
    return SignalFacts(
        symbol=bars.symbol,
        timeframe=bars.timeframe,
        source=bars.source,
        as_of=moment_of(bars, last),
        horizon=horizon,
        label=label,
        probability=float(walk.row[last]),
        base_rate=float(walk.base[last]),
        bucket=_bucket(float(walk.row[last] - walk.base[last]), quality),
        quality=quality,
        slope=slope,
        parts=_parts(walk, last) if slope else (),
        n_train=walk.n_train,
        trained_until=moment_of(bars, walk.last_fit).date(),
        model_hash=walk.last.digest if walk.last else "",
        data_hash=bars.data_hash,
        version=VERSION,
        dropped=walk.features.dropped,
    )


def too_few(symbol: str, n_bars: int) -> TooFewForSignals:
    """Error of a symbol with so few bars."""
    return TooFewForSignals(symbol=symbol, have=n_bars, need=SCHEDULE.first + 1)


def moment_of(bars: Bars, row: int) -> datetime:
    """Opening of a bar, UTC."""
    found: datetime = bars.time[row].astype("datetime64[us]").item()
    return found.replace(tzinfo=UTC)


def _parts(walk: Walk, row: int) -> tuple[Weight, ...]:
    return tuple(Weight(feature=name, weight=weight) for name, weight in walk.contributions_at(row, N_PARTS))


def _bucket(edge: float, quality: SignalQuality | None) -> Bucket | None:
    if quality is None or quality.word is not Quality.INFORMATIVE:
        return None
    if abs(edge) < _SOME:
        return Bucket.NEUTRAL
    if edge > 0:
        return Bucket.STRONG_BUY if edge >= _STRONG else Bucket.BUY
    return Bucket.STRONG_SELL if edge <= -_STRONG else Bucket.SELL
