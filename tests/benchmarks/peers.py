"""The same RSI strategy in other people's engines: buy below, sell above, all in, at the next open, with costs.

Each function computes the RSI from the closes, plays 1,258 or more bars and reads Sharpe ratio, total
return and maximum drawdown. Their conventions differ in small things (`tests/differential/engines.py`),
which does not matter for the time they take.
"""

import warnings
from contextlib import redirect_stderr
from io import StringIO
from typing import Any

import backtesting
import backtrader
import numpy as np
import pandas as pd
import talib
import vectorbt

from optimizer.domain.bars import Bars
from optimizer.domain.space import Params

PER_SIDE = 0.0015


class Rsi(backtesting.Strategy):  # type: ignore[misc]
    """Buy below, sell above."""

    period = 14
    oversold = 30
    overbought = 70

    def init(self) -> None:
        self.rsi = self.I(talib.RSI, self.data.Close, self.period)

    def next(self) -> None:
        if self.position:
            if self.rsi[-1] > self.overbought:
                self.position.close()
        elif self.rsi[-1] < self.oversold:
            self.buy()


def frame_of(bars: Bars) -> pd.DataFrame:
    """Bars as the other engines take them."""
    columns = {"Open": bars.open, "High": bars.high, "Low": bars.low, "Close": bars.close, "Volume": bars.volume}
    return pd.DataFrame(columns, index=pd.DatetimeIndex(bars.time))


def play_backtesting(frame: pd.DataFrame, params: Params) -> float:
    """One `Backtest.run`, the engine built once."""
    with warnings.catch_warnings(), redirect_stderr(StringIO()):  # it draws a progress bar
        warnings.simplefilter("ignore")
        test = backtesting.Backtest(frame, Rsi, cash=1e9, commission=PER_SIDE)
        return float(test.run(**params)["Sharpe Ratio"])


def play_vectorbt(frame: pd.DataFrame, params: Params) -> float:
    """One `Portfolio.from_signals` and three measures."""
    rsi = pd.Series(talib.RSI(frame["Close"].to_numpy(), params["period"]), index=frame.index)
    return float(_vectorbt(frame, rsi < params["oversold"], rsi > params["overbought"]))


def play_vectorbt_columns(frame: pd.DataFrame, param_sets: list[Params]) -> Any:
    """All sets as columns of one broadcast, with the library's own RSI."""
    windows = sorted({int(params["period"]) for params in param_sets})
    rows = vectorbt.RSI.run(frame["Close"], window=windows, ewm=True).rsi.to_numpy()
    rsi = rows[:, [windows.index(int(params["period"])) for params in param_sets]]
    enters = pd.DataFrame(rsi < np.array([params["oversold"] for params in param_sets]), index=frame.index)
    exits = pd.DataFrame(rsi > np.array([params["overbought"] for params in param_sets]), index=frame.index)
    return _vectorbt(frame, enters, exits)


def _vectorbt(frame: pd.DataFrame, enters: Any, exits: Any) -> Any:
    portfolio: Any = vectorbt.Portfolio.from_signals(
        frame["Close"],
        enters.shift(1, fill_value=False),
        exits.shift(1, fill_value=False),
        price=frame["Open"],
        fees=PER_SIDE,
        freq="1D",
    )
    portfolio.total_return()
    portfolio.max_drawdown()
    return portfolio.sharpe_ratio()


def play_backtrader(frame: pd.DataFrame, params: Params) -> float:
    """One run of Cerebro with two analyzers."""
    cerebro = backtrader.Cerebro()
    cerebro.adddata(backtrader.feeds.PandasData(dataname=frame))
    cerebro.addstrategy(_Backtrader, **params)
    cerebro.broker.setcommission(commission=PER_SIDE)
    cerebro.broker.setcash(1e6)
    cerebro.addsizer(backtrader.sizers.PercentSizer, percents=99)
    cerebro.addanalyzer(backtrader.analyzers.SharpeRatio, _name="sharpe", timeframe=backtrader.TimeFrame.Days)
    cerebro.addanalyzer(backtrader.analyzers.DrawDown, _name="drawdown")
    cerebro.run()
    return float(cerebro.broker.getvalue())


class _Backtrader(backtrader.Strategy):  # type: ignore[misc]
    params = (("period", 14), ("oversold", 30), ("overbought", 70))

    def __init__(self) -> None:
        self.rsi = backtrader.indicators.RSI_Safe(self.data.close, period=self.p.period)

    def next(self) -> None:
        if self.position:
            if self.rsi[0] > self.p.overbought:
                self.close()
        elif self.rsi[0] < self.p.oversold:
            self.buy()


def play_pandas(frame: pd.DataFrame, params: Params) -> float:
    """Plain pandas, vectorised."""
    change = frame["Close"].diff()
    weight = 1 / int(params["period"])
    gain = change.clip(lower=0).ewm(alpha=weight, adjust=False).mean()
    loss = (-change.clip(upper=0)).ewm(alpha=weight, adjust=False).mean()
    rsi = 100 - 100 / (1 + gain / loss)
    signal = pd.Series(np.nan, index=frame.index)
    signal[rsi < params["oversold"]] = 1.0
    signal[rsi > params["overbought"]] = 0.0
    held = signal.ffill().fillna(0.0).shift(1, fill_value=0.0)
    enters, leaves = (held > held.shift(1, fill_value=0.0)), (held < held.shift(1, fill_value=0.0))
    overnight = frame["Open"] / frame["Close"].shift(1)
    growth = pd.Series(1.0, index=frame.index)
    growth = growth.mask(held > 0, frame["Close"] / frame["Close"].shift(1))
    growth = growth.mask(enters, frame["Close"] / frame["Open"] / (1 + PER_SIDE))
    growth = growth.mask(leaves, overnight * (1 - PER_SIDE))
    equity = growth.fillna(1.0).cumprod()
    returns = growth - 1
    (equity / equity.cummax() - 1).min()
    return float(returns.mean() / returns.std() * 252**0.5)
