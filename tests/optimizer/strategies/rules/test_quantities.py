"""Each quantity of the catalogue equals its definition, written a second time, and begins where its warm-up says."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from optimizer.domain.bars import Bars, FloatArray
from optimizer.indicators.indicators import Indicators
from optimizer.indicators.longer_bars import session_starts
from optimizer.strategies.rules.quantity_catalogue import CATALOGUE
from tests.bars import sample_bars
from tests.optimizer import independent

_SAMPLE = sample_bars("MSFT").cut(0, 900)
#: Highs a little higher: in the sample two typical prices are the same but for rounding, which is no rise for one
#: implementation of the money flow and one for another.
BARS = replace(_SAMPLE, high=_SAMPLE.high * (1.0 + 1e-6 * (np.arange(900) % 7)))
Reference = Callable[..., FloatArray]


def _series(values: FloatArray) -> "pd.Series[float]":
    return pd.Series(np.asarray(values))


def _typical(bars: Bars) -> FloatArray:
    return (bars.high + bars.low + bars.close) / 3


def _macd(bars: Bars, fast: int, slow: int, signal: int) -> tuple[FloatArray, FloatArray]:
    line = independent.smoothed(bars.close, slow - fast, fast, 2 / (fast + 1)) - independent.ema(bars.close, slow)
    smoothed = independent.smoothed(line, slow - 1, signal, 2 / (signal + 1))
    return np.where(np.isnan(smoothed), np.nan, line), smoothed


def _band(bars: Bars, period: int, width: float) -> FloatArray:
    rolled = _series(bars.close).rolling(period)
    return (rolled.mean() + width * rolled.std(ddof=0)).to_numpy()


def _adx(bars: Bars, n: int) -> FloatArray:
    """Wilder's ADX with his sums: the first is of n − 1 moves, and each later one loses its n-th part."""
    up, down = np.diff(bars.high, prepend=np.nan), -np.diff(bars.low, prepend=np.nan)
    plus, minus = np.where((up > down) & (up > 0), up, 0.0), np.where((down > up) & (down > 0), down, 0.0)
    before = np.roll(bars.close, 1)
    reach = np.maximum(bars.high, before) - np.minimum(bars.low, before)
    sums = [values[1:n].sum() for values in (plus, minus, reach)]
    index = np.full(len(bars), np.nan)
    for t in range(n, len(bars)):
        sums = [one - one / n + values[t] for one, values in zip(sums, (plus, minus, reach), strict=True)]
        a, b = 100 * sums[0] / sums[2], 100 * sums[1] / sums[2]
        index[t] = 100 * abs(a - b) / (a + b)
    return independent.smoothed(index, n, n, 1 / n)


def _cci(bars: Bars, n: int) -> FloatArray:
    typical = _series(_typical(bars))
    mean = typical.rolling(n).mean()
    deviation = typical.rolling(n).apply(lambda window: np.abs(window - window.mean()).mean(), raw=True)
    return ((typical - mean) / (0.015 * deviation)).to_numpy()


def _mfi(bars: Bars, n: int) -> FloatArray:
    typical = _typical(bars)
    flow, change = typical * bars.volume, np.diff(typical, prepend=np.nan)
    rises, falls = (_series(np.where(sign * change > 0, flow, 0.0)).rolling(n).sum() for sign in (1, -1))
    found = (100 * rises / (rises + falls)).to_numpy().copy()
    found[:n] = np.nan
    return found


def _middle(bars: Bars, n: int) -> "pd.Series[float]":
    return (_series(bars.high).rolling(n).max() + _series(bars.low).rolling(n).min()) / 2


def _slope(bars: Bars, n: int) -> FloatArray:
    return _series(bars.close).rolling(n).apply(lambda y: np.polyfit(np.arange(n), y, 1)[0], raw=True).to_numpy()


def _rank(bars: Bars, n: int) -> FloatArray:
    return _series(bars.close).rolling(n).apply(lambda y: 100 * (y[:-1] < y[-1]).mean(), raw=True).to_numpy()


def _rolling_vwap(bars: Bars, n: int) -> FloatArray:
    paid = _series(_typical(bars) * bars.volume).rolling(n).sum()
    return (paid / _series(bars.volume).rolling(n).sum()).to_numpy()


def _atr(bars: Bars, n: int) -> FloatArray:
    return independent.true_range_average(bars, n)


REFERENCE: dict[str, Reference] = {
    "open": lambda b: b.open,
    "high": lambda b: b.high,
    "low": lambda b: b.low,
    "close": lambda b: b.close,
    "volume": lambda b: b.volume,
    "rsi": lambda b, n: independent.rsi(b.close, n),
    "sma": lambda b, n: independent.sma(b.close, n),
    "ema": lambda b, n: independent.ema(b.close, n),
    "macd": lambda b, *n: _macd(b, *n)[0],
    "signal": lambda b, *n: _macd(b, *n)[1],
    "histogram": lambda b, *n: independent.macd_histogram(b.close, *n),
    "upper": _band,
    "middle": lambda b, n: independent.sma(b.close, n),
    "lower": lambda b, n, width: _band(b, n, -width),
    "stoch": independent.percent_k,
    "%d": lambda b, k, d: _series(independent.percent_k(b, k)).rolling(d).mean().to_numpy(),
    "roc": lambda b, n: (100 * _series(b.close).pct_change(n)).to_numpy(),
    "zscore": lambda b, n: independent.zscore(b.close, n),
    "atr": _atr,
    "adx": _adx,
    "cci": _cci,
    "mfi": _mfi,
    "williams": lambda b, n: independent.percent_k(b, n) - 100,
    "keltner_upper": lambda b, n, width: independent.ema(b.close, n) + width * _atr(b, n),
    "keltner_lower": lambda b, n, width: independent.ema(b.close, n) - width * _atr(b, n),
    "tenkan": lambda b, n: _middle(b, n).to_numpy(),
    "kijun": lambda b, n: _middle(b, n).to_numpy(),
    "senkou_a": lambda b, n, base: ((_middle(b, n) + _middle(b, base)) / 2).shift(base).to_numpy(),
    "senkou_b": lambda b, base, n: _middle(b, n).shift(base).to_numpy(),
    "vwap": _typical,
    "rolling_vwap": _rolling_vwap,
    "highest": lambda b, n: _series(b.high).rolling(n).max().to_numpy(),
    "lowest": lambda b, n: _series(b.low).rolling(n).min().to_numpy(),
    "slope": _slope,
    "rank": _rank,
    "volsma": lambda b, n: _series(b.volume).rolling(n).mean().to_numpy(),
    "supertrend": independent.supertrend,
}
#: Numbers of an entry that are tried, by how many it has and which of them are widths.
TRIED: dict[tuple[bool, ...], tuple[tuple[float, ...], ...]] = {
    (): ((),),
    (True,): ((5,), (14,), (50,)),
    (True, True): ((9, 26), (14, 3), (5, 7)),
    (True, False): ((20, 2.0), (7, 1.25)),
    (True, True, True): ((12, 26, 9), (5, 20, 3)),
}


def tried(key: str) -> tuple[tuple[float, ...], ...]:
    return TRIED[tuple(argument.is_whole for argument in CATALOGUE[key].arguments)]


def test_every_quantity_has_a_reference() -> None:
    assert set(REFERENCE) == set(CATALOGUE)


@pytest.mark.parametrize("key", CATALOGUE)
def test_a_quantity_equals_its_definition(key: str) -> None:
    entry = CATALOGUE[key]
    for numbers in tried(key):
        whole = [int(n) if argument.is_whole else n for n, argument in zip(numbers, entry.arguments, strict=True)]
        found, expected = entry.row(Indicators(BARS), *whole), REFERENCE[key](BARS, *whole)
        first = entry.warm_up(*whole)
        assert np.isnan(found[:first]).all() or first == 0
        assert not np.isnan(found[first + 1 :]).any()
        scale = np.nanmax(np.abs(expected))
        np.testing.assert_allclose(found[first + 1 :], expected[first + 1 :], rtol=1e-9, atol=1e-9 * scale)


@pytest.mark.parametrize("key", CATALOGUE)
def test_a_quantity_never_looks_ahead(key: str) -> None:
    entry = CATALOGUE[key]
    for numbers in tried(key):
        whole = [int(n) if argument.is_whole else n for n, argument in zip(numbers, entry.arguments, strict=True)]
        found = entry.row(Indicators(BARS), *whole)
        for cut in (80, 301, 640):
            part = entry.row(Indicators(BARS.cut(0, cut)), *whole)
            # Running sums are rounded alike up to a bar, whatever comes after it.
            assert np.array_equal(part, found[:cut], equal_nan=True)


def minutes(starts: list[str], n: int, *, timeframe: str = "15m") -> Bars:
    """Bars of a quarter of an hour, n from each start on, at rising prices and volumes."""
    time = np.concatenate([np.datetime64(start, "m") + 15 * np.arange(n) for start in starts]).astype("datetime64[ns]")
    close = 100 + np.arange(len(time), dtype=float)
    columns = {"open": close, "high": close + 2, "low": close - 1, "close": close, "volume": 10 + close % 7}
    return replace(BARS, timeframe=timeframe, time=time, **columns)


@pytest.mark.parametrize(
    ("starts", "n", "expected"),
    [
        # New York: a night lies between sessions.
        (["2024-05-01T13:30", "2024-05-02T13:30"], 26, [0, 26]),
        # Sydney: its session crosses midnight UTC.
        (["2024-05-01T23:00", "2024-05-02T23:00"], 24, [0, 24]),
        # Tokyo: an hour for lunch ends no session.
        (["2024-05-01T00:00", "2024-05-01T03:30", "2024-05-02T00:00"], 10, [0, 20]),
        # Around the clock: a day is a session.
        (["2024-05-01T00:00"], 200, [0, 96, 192]),
    ],
)
def test_a_session_begins_after_a_night_or_at_midnight(starts: list[str], n: int, expected: list[int]) -> None:
    assert sorted(set(session_starts(minutes(starts, n)).tolist())) == expected


def test_the_price_of_a_session_is_weighted_from_its_first_bar_on() -> None:
    bars = minutes(["2024-05-01T13:30", "2024-05-02T13:30"], 26)
    found = CATALOGUE["vwap"].row(Indicators(bars))
    typical = _typical(bars)
    for at in (0, 7, 25, 26, 40):
        first = 0 if at < 26 else 26
        weights = bars.volume[first : at + 1]
        assert found[at] == pytest.approx((typical[first : at + 1] * weights).sum() / weights.sum(), rel=1e-12)
