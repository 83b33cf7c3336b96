"""Bars as traded, as a source delivers and the warehouse stores them, with their adjustment factors.

Each bar has two relative factors, which are applied when it is read. `factor` multiplies the four prices
(splits and dividends); `split` is its part due to splits alone and divides the volume, because a dividend changes
no share count. Both are scaled so that the last bar of the requested window is as traded: a split or a
dividend after the window changes nothing in it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from fractions import Fraction
from typing import Any, NamedTuple, cast

import numpy as np

from optimizer.domain.bars import Bars, FloatArray, TimeArray
from optimizer.domain.timeframes import TIMEFRAMES as TIMEFRAMES
from optimizer.domain.timeframes import find_timeframe as find_timeframe

COLUMNS = ("time", "open", "high", "low", "close", "volume", "factor", "split")
#: A step of the adjustment factor above this fraction is a split, below it a dividend.
SPLIT_STEP = 0.2


class SeriesKey(NamedTuple):
    """Key of a series of bars."""

    symbol: str
    timeframe: str
    source: str


@dataclass(frozen=True, kw_only=True)
class RawBars:
    """Bars of one symbol from one source in time order, as traded.

    `time` is datetime64[us] in UTC, as in Bars. A missing volume is NaN; prices are never missing.
    """

    symbol: str
    timeframe: str
    source: str
    time: TimeArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    factor: FloatArray
    split: FloatArray
    n_left_out: int = 0  # days without a trade that the source lists

    def __len__(self) -> int:
        return len(self.time)

    @property
    def key(self) -> SeriesKey:
        """Key of this series."""
        return SeriesKey(self.symbol, self.timeframe, self.source)

    def columns(self) -> dict[str, np.ndarray]:
        """Arrays by name, (n_bars,) each, times as datetime64[us]."""
        named = {name: cast("np.ndarray", getattr(self, name)) for name in COLUMNS}
        return {**named, "time": self.time.astype("datetime64[us]")}

    def take(self, rows: np.ndarray | slice) -> "RawBars":
        """Same history with only the given rows."""
        cut: dict[str, Any] = {name: column[rows] for name, column in self.columns().items()}
        return replace(self, **cut)

    def in_order(self) -> "RawBars":
        """Bars sorted by time; of several for one time the last delivered."""
        _, places = np.unique(self.time[::-1], return_index=True)
        return self.take(len(self) - 1 - places)

    def between(self, start: date | None, end: date | None) -> "RawBars":
        """Bars of days start to end, both included; None is no limit."""
        low, high = bounds(start, end)
        return self.take((self.time >= low) & (self.time < high))

    def adjusted(self) -> Bars:
        """Bars adjusted to the prices and share count of the last one."""
        scale = relative(self.factor)
        return Bars(
            symbol=self.symbol,
            timeframe=self.timeframe,
            source=self.source,
            time=self.time.astype("datetime64[ns]"),
            open=self.open * scale,
            high=self.high * scale,
            low=self.low * scale,
            close=self.close * scale,
            volume=self.volume / relative(self.split),
        )


def relative(factor: FloatArray) -> FloatArray:
    """Factors relative to the last one."""
    return factor / factor[-1] if len(factor) else factor


def bounds(start: date | None, end: date | None) -> tuple[np.datetime64, np.datetime64]:
    """First moment of `start` and first moment after `end`, as datetime64[us] in UTC; datetimes are kept as given."""
    low = _moment(start) if start else np.datetime64("0001-01-01", "us")
    if end is None:
        return low, np.datetime64("9999-12-31", "us")
    step = np.timedelta64(1, "us") if isinstance(end, datetime) else np.timedelta64(86_400_000_000, "us")
    return low, _moment(end) + step


def _moment(when: date) -> np.datetime64:
    if isinstance(when, datetime) and when.tzinfo is not None:
        return np.datetime64(int(when.timestamp() * 1_000_000), "us")
    return np.datetime64(when, "us")


def split_part(factor: FloatArray) -> FloatArray:
    """Part of the adjustment factors due to splits, for a source that delivers only the product.

    Steps of more than SPLIT_STEP count as splits: dividends are rarely a fifth of the price, and splits below
    five for four are rare.
    """
    if len(factor) < 2:
        return np.ones(len(factor))
    steps = factor[:-1] / factor[1:]
    is_split = (steps > 1 + SPLIT_STEP) | (steps < 1 / (1 + SPLIT_STEP))
    ratios = np.ones(len(steps))
    # Sources round their prices: the split is the nearest simple fraction.
    ratios[is_split] = [float(Fraction(step).limit_denominator(20)) for step in steps[is_split]]
    return np.append(np.cumprod(ratios[::-1])[::-1], 1.0)


def join(parts: Sequence[RawBars]) -> dict[str, np.ndarray]:
    """Concatenate the columns of several histories."""
    columns = [part.columns() for part in parts]
    return {name: np.concatenate([one[name] for one in columns]) for name in COLUMNS}


def make_history(
    symbol: str, *, timeframe: str = "1d", source: str, columns: dict[str, np.ndarray], factor: FloatArray | None = None
) -> RawBars:
    """Build a history of time and price columns; missing volume is NaN, factor 1, and split derived from factor."""
    n_bars = len(columns["time"])
    factor = np.ones(n_bars) if factor is None else factor
    names = ("open", "high", "low", "close")
    prices: dict[str, Any] = {name: np.asarray(columns[name], dtype=np.float64) for name in names}
    return RawBars(
        symbol=symbol,
        timeframe=timeframe,
        source=source,
        time=columns["time"].astype("datetime64[us]"),
        **prices,
        volume=np.asarray(columns.get("volume", np.full(n_bars, np.nan)), dtype=np.float64),
        factor=factor,
        split=columns["split"] if "split" in columns else split_part(factor),
    )


def batches(parts: Iterable[RawBars], n_rows: int) -> Iterable[list[RawBars]]:
    """Yield histories in lists of about `n_rows` bars, so that a long import needs little memory."""
    batch: list[RawBars] = []
    for part in parts:
        batch.append(part)
        if sum(map(len, batch)) >= n_rows:
            yield batch
            batch = []
    if batch:
        yield batch
