"""SignalService: a symbol's signal now or as of a day, stored as it was told, and scored when its outcome is known.

Models are never stored: a walk through ten years takes about a second, and gives the same bits again.
"""

import asyncio
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial

import numpy as np

from optimizer.clock import Clock
from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.results.learned_results import Label
from optimizer.domain.study_request import Costs
from optimizer.errors import NoBars, UserError
from optimizer.learned.ml.labels import labels_of, reach_of
from optimizer.market.feed import Market
from optimizer.market.warehouse.features import FeatureStore
from optimizer.outlook.signal_facts import SignalFacts, moment_of, signal_facts, too_few
from optimizer.storage.signal_documents import (
    StoredSignal,
    drop_former_index,
    store_signal,
    stored_signals,
    unscored_signals,
)
from optimizer.strategies.learning.ml import SIGNAL

log = logging.getLogger(__name__)

#: Signals that one refresh scores, and that are shown of a symbol.
_SCORED_AT_ONCE, SHOWN = 500, 20


@dataclass(frozen=True, kw_only=True)
class SignalRecord:
    """Signals of a symbol that were told before, the newest first, and how those with an outcome did."""

    symbol: str
    signals: tuple[StoredSignal, ...]

    @property
    def scored(self) -> list[StoredSignal]:
        """Signals whose outcome is known."""
        return [signal for signal in self.signals if signal.brier is not None]

    @property
    def brier(self) -> float | None:
        """Mean Brier score of those with an outcome; None without any."""
        return _mean([signal.brier for signal in self.scored])

    @property
    def base_brier(self) -> float | None:
        """Mean Brier score of the base rates told with them."""
        return _mean([signal.base_brier for signal in self.scored])


class SignalService:
    """Service of signals for every interface."""

    def __init__(self, market: Market, clock: Clock) -> None:
        self._market, self._clock = market, clock
        self._features = FeatureStore(market.warehouse)
        self._is_indexed = False

    async def signal(
        self,
        symbol: str,
        horizon: int,
        *,
        label: Label = Label.GAIN,
        as_of: date | None = None,
        timeframe: str = "1d",
        source: str | None = None,
    ) -> SignalFacts:
        """Signal at the last bar up to `as_of`, stored as told.

        Raises MissingLearner, TooFewForSignals, or what reading the bars does.
        """
        facts = await asyncio.to_thread(self._compute, symbol, horizon, label, as_of, timeframe, source)
        if not self._is_indexed:
            await drop_former_index()
            self._is_indexed = True
        await store_signal(_as_told(facts, self._clock()))
        return facts

    async def record(self, symbol: str, horizon: int | None = None) -> SignalRecord:
        """Signals of a symbol that were told before."""
        return SignalRecord(symbol=symbol, signals=tuple(await stored_signals(symbol, horizon=horizon, limit=SHOWN)))

    async def score_due(self) -> int:
        """Score signals whose outcome is known by now; returns their number. What cannot be read is left for later."""
        n_scored = 0
        by_series: dict[tuple[str, str, str], list[StoredSignal]] = {}
        for signal in await unscored_signals(_SCORED_AT_ONCE):
            by_series.setdefault((signal.symbol, signal.timeframe, signal.source), []).append(signal)
        for series, signals in by_series.items():
            try:
                bars = await asyncio.to_thread(self._bars, *series)
            except UserError as error:
                log.info("signals_not_scored symbol=%s error=%s", series[0], type(error).__name__)
                continue
            for signal in signals:
                if (scores := _scores(signal, bars)) is not None:
                    await signal.set({**scores, "scored_at": self._clock()})
                    n_scored += 1
        return n_scored

    def _compute(
        self, symbol: str, horizon: int, label: Label, as_of: date | None, timeframe: str, source: str | None
    ) -> SignalFacts:
        SIGNAL.require_package()
        read = partial(self._market.get_bars, symbol, timeframe=timeframe, source=source, now=self._clock())
        try:
            bars = read(end=as_of)
        except NoBars as error:
            if as_of is None:
                raise
            raise too_few(symbol, 0) from error
        return signal_facts(bars, horizon, label, partial(self._stored_columns, bars, as_of))

    def _stored_columns(self, bars: Bars, as_of: date | None) -> dict[str, FloatArray] | None:
        """Columns of the feature store for exactly these bars; None where it has others, as of bars made of shorter."""
        try:
            stored = self._features.read(bars.symbol, timeframe=bars.timeframe, source=bars.source, as_of=as_of)
        except UserError:
            return None
        is_same = np.array_equal(stored.time, bars.time.astype("datetime64[us]"))
        return stored.columns if is_same else None

    def _bars(self, symbol: str, timeframe: str, source: str) -> Bars:
        return self._market.get_bars(symbol, timeframe=timeframe, source=source, now=self._clock())


def _scores(signal: StoredSignal, bars: Bars) -> Mapping[str, object] | None:
    """Outcome and scores of a signal; None where it is not known yet, or its bar is no longer there."""
    row = bars.row_at(_aware(signal.as_of))
    if row + reach_of(signal.horizon) >= len(bars) or moment_of(bars, row) != _aware(signal.as_of):
        return None
    outcome = float(labels_of(signal.label, bars, signal.horizon, Costs())[row])
    if math.isnan(outcome):
        return {"realised": None}
    return {
        "realised": outcome > 0.5,
        "brier": (signal.probability - outcome) ** 2,
        "base_brier": (signal.base_rate - outcome) ** 2,
    }


def _as_told(facts: SignalFacts, told_at: datetime) -> StoredSignal:
    until = facts.trained_until
    return StoredSignal(
        symbol=facts.symbol,
        timeframe=facts.timeframe,
        source=facts.source,
        horizon=facts.horizon,
        label=facts.label,
        as_of=facts.as_of,
        version=facts.version,
        data_hash=facts.data_hash,
        probability=facts.probability,
        base_rate=facts.base_rate,
        quality=facts.quality.word if facts.quality else None,
        bucket=facts.bucket or "",
        n_train=facts.n_train,
        trained_until=None if until is None else datetime(until.year, until.month, until.day, tzinfo=UTC),
        model_hash=facts.model_hash,
        told_at=told_at,
    )


def _aware(moment: datetime) -> datetime:
    """Moment as MongoDB gives it, in UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
