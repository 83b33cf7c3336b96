"""The indicators that programs carry, beside those of the engine."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import talib

from optimizer.domain.bars import Bars
from optimizer.indicators import technical
from reports.exports import freqtrade_code, indicator_code
from tests.bars import sample_bars

_Pair = Callable[[Bars], tuple[np.ndarray, np.ndarray]]

PAIRS: dict[str, _Pair] = {
    "rsi": lambda b: (indicator_code.rsi(b.close, 14), technical.rsi(b.close, 14)),
    "sma": lambda b: (indicator_code.sma(b.close, 20), technical.sma(b.close, 20)),
    "ema": lambda b: (indicator_code.ema(b.close, 12), technical.ema(b.close, 12)),
    "macd": lambda b: (
        indicator_code.macd_histogram(b.close, 12, 26, 9),
        technical.macd_histogram(b.close, 12, 26, 9),
    ),
    "macd line": lambda b: (indicator_code.macd_line(b.close, 5, 20, 7), talib.MACD(b.close, 5, 20, 7)[0]),
    "macd signal": lambda b: (indicator_code.macd_signal(b.close, 5, 20, 7), talib.MACD(b.close, 5, 20, 7)[1]),
    "zscore": lambda b: (indicator_code.zscore(b.close, 20), technical.zscore(b.close, 20)),
    "upper": lambda b: (indicator_code.bollinger_upper(b.close, 20, 2.0), talib.BBANDS(b.close, 20, 2, 2)[0]),
    "middle": lambda b: (indicator_code.bollinger_middle(b.close, 20, 2.0), talib.BBANDS(b.close, 20, 2, 2)[1]),
    "lower": lambda b: (indicator_code.bollinger_lower(b.close, 20, 2.0), talib.BBANDS(b.close, 20, 2, 2)[2]),
    "roc": lambda b: (indicator_code.roc(b.close, 125), technical.rate_of_change(b.close, 125)),
    "highest": lambda b: (
        indicator_code.ago(indicator_code.highest(b.high, 20), 1),
        technical.highest_before(b.high, 20),
    ),
    "lowest": lambda b: (indicator_code.ago(indicator_code.lowest(b.low, 1), 1), technical.lowest_before(b.low, 1)),
    "%d": lambda b: (
        indicator_code.stoch_d(b.high, b.low, b.close, 14, 3),
        technical.stochastic(b.high, b.low, b.close, k=14, d=3)[1],
    ),
    "%k": lambda b: (
        indicator_code.stoch_k(b.high, b.low, b.close, 14, 1),
        technical.stochastic(b.high, b.low, b.close, k=14, d=1)[0],
    ),
    "atr": lambda b: (
        indicator_code.atr(b.high, b.low, b.close, 10),
        technical.true_range_average(b.high, b.low, b.close, 10),
    ),
    "supertrend": lambda b: (
        indicator_code.supertrend(b.high, b.low, b.close, 10, 3),
        technical.supertrend(b.high, b.low, b.close, window=10, multiple=3),
    ),
    "williams": lambda b: (
        indicator_code.williams(b.high, b.low, b.close, 14),
        talib.WILLR(b.high, b.low, b.close, 14),
    ),
    "cci": lambda b: (indicator_code.cci(b.high, b.low, b.close, 20), talib.CCI(b.high, b.low, b.close, 20)),
    "mfi": lambda b: (
        indicator_code.mfi(b.high, b.low, b.close, b.volume, 14),
        talib.MFI(b.high, b.low, b.close, b.volume, 14),
    ),
    "slope": lambda b: (indicator_code.slope(b.close, 14), talib.LINEARREG_SLOPE(b.close, 14)),
    "adx": lambda b: (indicator_code.adx(b.high, b.low, b.close, 14), talib.ADX(b.high, b.low, b.close, 14)),
    "volatility": lambda b: (
        indicator_code.volatility(b.close, 252.0, 20),
        technical.realized_volatility(b.close, 20, 252.0),
    ),
}


@pytest.mark.parametrize("symbol", ["AAPL", "FB"])
@pytest.mark.parametrize("name", PAIRS)
def test_an_indicator_is_the_engines(name: str, symbol: str) -> None:
    ours, engine = PAIRS[name](_contiguous(sample_bars(symbol)))

    np.testing.assert_allclose(ours, engine, rtol=1e-9, atol=1e-9)


def _contiguous(bars: Bars) -> Bars:
    return bars.cut(0, len(bars))


def test_a_flat_price_has_no_z_score_and_a_stochastic_of_zero() -> None:
    flat = np.full(60, 25.0)

    assert np.isnan(indicator_code.zscore(flat, 20)).all()
    assert indicator_code.stoch_k(flat, flat, flat, 14, 1)[20:].tolist() == [0.0] * 40
    assert indicator_code.rsi(flat, 14)[20:].tolist() == [0.0] * 40


@pytest.mark.parametrize("name", ["zscore", "highest", "lowest", "supertrend"])
def test_what_freqtrade_lacks_is_the_same_there(name: str) -> None:
    bars = sample_bars("IBM")
    columns = (bars.high, bars.low, bars.close) if name == "supertrend" else (bars.close,)
    rest = (10, 3.0) if name == "supertrend" else (20,)

    ours = getattr(indicator_code, name)(*columns, *rest)
    theirs = getattr(freqtrade_code, name)(*map(pd.Series, columns), *rest)

    np.testing.assert_allclose(theirs, ours, rtol=1e-9, atol=1e-9)
