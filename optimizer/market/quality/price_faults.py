"""Faults in prices and volume: each function takes bars and returns its findings."""

import math
from bisect import bisect_left, insort
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from optimizer.domain.bars import Bars, FloatArray
from optimizer.lazy import LazyModule
from optimizer.market.quality.data_findings import DataFinding, Facts, Severity
from optimizer.market.raw_bars import TIMEFRAMES, RawBars

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = LazyModule("pandas")

PRICES = ("open", "high", "low", "close")
#: A return of this many times the robust scale of the past returns is an outlier.
OUTLIER_SCALE = 10.0
#: Without enough past returns, a return beyond this fraction is an outlier.
FIRST_RETURNS = 0.5
_SCALE_WINDOW, _YEAR, _MIN_RETURNS = 60, 252, 20
#: A deviation of a normal over its median absolute value, and more than what rounding makes of a comparison.
_NORMAL_MEDIAN, _SLACK = 1.4826, 1.0 + 1e-9
#: Returns from which on pandas is quicker, its import included.
_MANY = 50_000
#: Overnight price ratios that splits make, old over new, with their names.
SPLITS = {
    1.5: "3:2", 2.0: "2:1", 2.5: "5:2", 3.0: "3:1", 4.0: "4:1", 5.0: "5:1", 6.0: "6:1", 7.0: "7:1", 8.0: "8:1",
    10.0: "10:1", 15.0: "15:1", 20.0: "20:1", 25.0: "25:1", 30.0: "30:1", 50.0: "50:1", 100.0: "100:1",
}  # fmt: skip
#: Tolerance around a split's ratio for open and close: in units of the recent scale, and at most as fractions.
_SPLIT_SCALES, _OPEN_SLACK, _CLOSE_SLACK = 3.0, 0.06, 0.15
#: A jump has reverted when at most this fraction of it is left at the next bar.
_BACK = 0.35
#: Bars this many bar sizes apart have a night or a break between them.
_BREAK = 2
#: Volume of this many times the usual (and the split's ratio) speaks against a split.
_RUSH = 4.0
#: A close outside its range by less than this fraction is due to the source's rounding.
_ROUNDING = 1e-4


def moment(bars: Bars | RawBars, row: int) -> datetime:
    """Time of a bar as aware datetime in UTC."""
    when: datetime = bars.time[row].astype("datetime64[us]").item()
    return when.replace(tzinfo=UTC)


def unusable(bars: Bars) -> list[DataFinding]:
    """Find prices that are not a number, or not above zero."""
    found = []
    for column in PRICES:
        prices = getattr(bars, column)
        found += [_fault(bars, row, "not_finite", column=column) for row in rows(~np.isfinite(prices))]
        found += [
            _fault(bars, row, "not_positive", value=float(prices[row]), column=column) for row in rows(prices <= 0)
        ]
    return found


def _fault(bars: Bars, row: int, kind: str, *, value: float | None = None, column: str) -> DataFinding:
    facts: Facts = {"column": column}
    return DataFinding(kind=kind, severity=Severity.CRITICAL, when=moment(bars, row), value=value, facts=facts)


def inverted(bars: Bars) -> list[DataFinding]:
    """Find highs below lows."""
    return [
        DataFinding(
            kind="inverted",
            severity=Severity.CRITICAL,
            when=moment(bars, row),
            value=float(bars.high[row]),
            facts={"high": float(bars.high[row]), "low": float(bars.low[row])},
        )
        for row in rows(bars.high < bars.low)
    ]


def outside_range(bars: Bars) -> list[DataFinding]:
    """Find opens and closes that are not between low and high."""
    return [finding for column in ("open", "close") for finding in _outside(bars, column)]


def _outside(bars: Bars, column: str) -> Iterator[DataFinding]:
    prices = getattr(bars, column)
    slack = _ROUNDING * np.abs(prices)
    is_out = ((prices > bars.high + slack) | (prices < bars.low - slack)) & (bars.high >= bars.low)
    for row in rows(is_out):
        low, high = float(bars.low[row]), float(bars.high[row])
        facts: Facts = {"column": column, "low": low, "high": high}
        value = float(prices[row])
        yield DataFinding(kind="outside", severity=Severity.HIGH, when=moment(bars, row), value=value, facts=facts)


def stale_runs(bars: Bars) -> list[DataFinding]:
    """Find runs of bars that repeat all four prices, or (twice as long) the close."""
    least = 3 if bars.timeframe == "1d" else 30
    same_close = bars.close[1:] == bars.close[:-1]
    same_all = same_close.copy()
    for column in ("open", "high", "low"):
        prices = getattr(bars, column)
        same_all &= prices[1:] == prices[:-1]
    spans = {**dict(runs(same_close, 2 * least - 1)), **dict(runs(same_all, least - 1))}
    return [_run(bars, "stale_run", row, n + 1) for row, n in sorted(spans.items())]


def no_volume(bars: Bars) -> list[DataFinding]:
    """Find runs of bars without volume, if the source has volume at all."""
    is_zero = bars.volume <= 0
    if is_zero.all() or np.isnan(bars.volume).all():
        return []
    return [_run(bars, "no_volume", row, n) for row, n in runs(is_zero, 1)]


def _run(bars: Bars, kind: str, row: int, n: int) -> DataFinding:
    severity = Severity.MEDIUM if bars.timeframe == "1d" else Severity.LOW
    when, until = moment(bars, row), moment(bars, row + n - 1)
    return DataFinding(kind=kind, severity=severity, when=when, until=until, value=float(n), facts={"n": n})


def jumps(bars: Bars) -> list[DataFinding]:
    """Find unadjusted splits, bad ticks and outliers: returns beyond the robust scale of the past ones."""
    if len(bars) < 2 or not (bars.close > 0).all() or not (bars.open > 0).all():
        return []
    returns = np.diff(np.log(bars.close))
    scale = scale_of(bars, returns)
    is_far = np.where(np.isnan(scale), np.abs(returns) > FIRST_RETURNS, np.abs(returns) > OUTLIER_SCALE * scale)
    found = []
    back = -1
    for row in rows(is_far):
        if row == back:
            continue  # the way back from a spike is the same fault
        if (
            row + 1 < len(returns)
            and is_far[row + 1]
            and abs(returns[row] + returns[row + 1]) < _BACK * abs(returns[row])
        ):
            back = row + 1
        found.append(_jump(bars, row, returns, scale, is_spike=back == row + 1))
    return found


def _jump(bars: Bars, row: int, returns: FloatArray, scale: FloatArray, *, is_spike: bool) -> DataFinding:
    move = float(np.expm1(returns[row]))
    when = moment(bars, row + 1)
    ratio = split_ratio(bars, row, 0.01 if np.isnan(scale[row]) else float(scale[row]))
    if is_spike:
        return DataFinding(kind="spike", severity=Severity.HIGH, when=when, value=move)
    if ratio:
        return DataFinding(kind="split", severity=Severity.HIGH, when=when, value=move, facts={"ratio": ratio})
    times = float(abs(returns[row]) / scale[row]) if scale[row] > 0 else 0.0
    return DataFinding(kind="outlier", severity=Severity.MEDIUM, when=when, value=move, facts={"times": times})


def split_ratio(bars: Bars, row: int, scale: float) -> str:
    """Ratio of the split that the gap after bar `row` resembles (`2:1`, `1:10`), or an empty string.

    Both the open and the close after it must be near the ratio, and volume must not be far above the split's effect:
    a crash rarely opens and closes there, and its volume is many times higher.
    """
    slack = np.minimum(_SPLIT_SCALES * scale, [_OPEN_SLACK, _CLOSE_SLACK]) + 0.005
    gaps = np.log(bars.close[row] / np.array([bars.open[row + 1], bars.close[row + 1]]))
    for ratio, name in SPLITS.items():
        for sign, label in ((1, name), (-1, ":".join(reversed(name.split(":"))))):
            if (np.abs(gaps - sign * np.log(ratio)) < slack).all() and not _is_rush(bars, row, ratio**sign):
                return label
    return ""


def _is_rush(bars: Bars, row: int, ratio: float) -> bool:
    before = bars.volume[max(0, row - 19) : row + 1]
    return bool(bars.volume[row + 1] > _RUSH * max(ratio, 1.0) * np.median(before))


def scale_of(bars: Bars, returns: FloatArray) -> FloatArray:
    """Robust scale with which each return is compared, (n_returns,); infinite where no return is far beyond it.

    Intraday, the return over a night or a break is compared with earlier such returns only: they are many times larger.
    """
    if bars.timeframe == "1d":
        return _scale_of_far(returns)
    is_gap = np.diff(bars.time) > _BREAK * np.timedelta64(TIMEFRAMES[bars.timeframe], "s")
    scale = np.empty(len(returns))
    for steps in (is_gap, ~is_gap):
        scale[steps] = _scale_of_far(returns[steps])
    return scale


def _scale_of_far(returns: FloatArray) -> FloatArray:
    """`past_scale` of returns that may be outliers; infinite for the others, of which no median need be found.

    Where more than half of the past sizes are above a share of a return's size, so is their median.
    """
    if len(returns) > _MANY:
        return past_scale(returns)
    sizes = np.where(np.isfinite(returns), np.abs(returns), np.nan)
    before = np.lib.stride_tricks.sliding_window_view(
        np.concatenate([np.full(_SCALE_WINDOW, np.nan), sizes]), _SCALE_WINDOW
    )[:-1]
    share = sizes * (_SLACK / (OUTLIER_SCALE * _NORMAL_MEDIAN))
    n_known = np.isfinite(before).sum(axis=1)
    n_above = (before >= share[:, None]).sum(axis=1)
    is_near = (n_known >= _MIN_RETURNS) & (n_above > n_known // 2)
    scale = np.full(len(returns), np.inf)
    for row in rows(~is_near):
        near, year = (_median_before(sizes, row, window) for window in (_SCALE_WINDOW, _YEAR))
        scale[row] = _NORMAL_MEDIAN * np.maximum(near, 0.5 * year)
    return scale


def _median_before(sizes: FloatArray, row: int, window: int) -> float:
    known = sizes[max(row - window, 0) : row]
    known = known[np.isfinite(known)]
    return float(np.median(known)) if len(known) >= _MIN_RETURNS else math.nan


def past_scale(returns: FloatArray) -> FloatArray:
    """Robust standard deviation of the 60 returns before each return; NaN for the first 20.

    1.4826 times the median absolute return (consistent for a normal), and at least half of that over the past year,
    so that a quiet month does not make an ordinary day an outlier.
    """
    sizes = np.abs(returns)
    near, year = (rolling_median(sizes, window, least=_MIN_RETURNS) for window in (_SCALE_WINDOW, _YEAR))
    scale = np.full(len(returns), np.nan)
    scale[1:] = _NORMAL_MEDIAN * np.maximum(near, 0.5 * year)[:-1]
    return scale


def rolling_median(values: FloatArray, window: int, *, least: int) -> FloatArray:
    """Median of each value and those before it in a window, of finite ones; NaN where there are fewer than `least`."""
    if len(values) > _MANY:
        return np.asarray(pd.Series(values).rolling(window, min_periods=least).median(), dtype=np.float64)
    # A sorted list that one value enters and one leaves: pandas, which imports for a quarter of a second, is quicker
    # only for many.
    found, ordered = [math.nan] * len(values), list[float]()
    listed, is_finite = values.tolist(), np.isfinite(values).tolist()
    for row, value in enumerate(listed):
        if row >= window and is_finite[row - window]:
            del ordered[bisect_left(ordered, listed[row - window])]
        if is_finite[row]:
            insort(ordered, value)
        if (n := len(ordered)) >= least:
            found[row] = (ordered[(n - 1) // 2] + ordered[n // 2]) / 2.0
    return np.array(found)


def rows(flags: np.ndarray) -> list[int]:
    """Indices of the true flags."""
    return [int(row) for row in np.flatnonzero(flags)]


def runs(flags: np.ndarray, least: int) -> Iterator[tuple[int, int]]:
    """Yield (first row, length) of each run of true flags of at least `least` rows."""
    edges = np.diff(np.concatenate([[0], flags.astype(np.int8), [0]]))
    for first, stop in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True):
        if stop - first >= least:
            yield int(first), int(stop - first)
