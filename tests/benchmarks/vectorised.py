"""The RSI strategy as a quant writes it by hand, vectorised: with numpy arrays, and with pandas.

Both take the RSI from TA-Lib, buy below and sell above at the next open, all in, pay `PER_SIDE`, and compute
the thirteen measures that the product's scores have.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import talib
from numpy.typing import NDArray

from optimizer.domain.bars import FloatArray
from optimizer.domain.space import Params

PER_SIDE = 0.0015
YEAR = 252.0


@dataclass(frozen=True)
class Played:
    """One backtest: arrays of one value per bar, and one row per closed trade."""

    equity: FloatArray
    position: NDArray[np.bool_]
    trades: Any  # (n_trades, 4) array or DataFrame: entry bar, exit bar, profit, return on the money put in
    measures: dict[str, float]


def rsi_of(close: FloatArray, param_sets: list[Params]) -> dict[Any, FloatArray]:
    """Return the RSI of each period that the sets have, computed once per period."""
    return {period: talib.RSI(close, period) for period in {params["period"] for params in param_sets}}


def play_numpy(open_: FloatArray, close: FloatArray, rsi: FloatArray, params: Params) -> Played:
    """Play one set on arrays of shape (n,)."""
    n = len(close)
    signal = np.zeros(n, dtype=np.int8)
    signal[rsi < params["oversold"]] = 1
    signal[rsi > params["overbought"]] = -1
    last = np.maximum.accumulate(np.where(signal != 0, np.arange(n), 0))
    position = np.concatenate(([False], signal[last][:-1] > 0))
    before = np.concatenate(([False], position[:-1]))
    previous = np.concatenate((close[:1], close[:-1]))
    growth = np.where(position, close / previous, 1.0)
    enters, leaves = np.flatnonzero(position & ~before), np.flatnonzero(before & ~position)
    growth[enters] = close[enters] / open_[enters] / (1 + PER_SIDE)
    growth[leaves] = open_[leaves] / previous[leaves] * (1 - PER_SIDE)
    equity = np.cumprod(growth)
    entries = enters[: len(leaves)]
    invested = equity[entries - 1]
    profits = equity[leaves] - invested
    trades = np.column_stack((entries, leaves, profits, profits / invested))
    returns = growth - 1.0
    return Played(equity, position, trades, _bar_measures(equity, position, returns) | _trade_measures(trades))


def _bar_measures(equity: FloatArray, position: NDArray[np.bool_], returns: FloatArray) -> dict[str, float]:
    mean, deviation = returns.mean(), returns.std(ddof=1)
    downside = np.sqrt(np.mean(np.minimum(returns, 0.0) ** 2))
    drawdown = (equity / np.maximum.accumulate(equity)).min() - 1.0
    cagr = equity[-1] ** (YEAR / len(equity)) - 1.0
    return {
        "total_return": equity[-1] - 1.0,
        "cagr": cagr,
        "annual_volatility": deviation * YEAR**0.5,
        "sharpe_ratio": mean / deviation * YEAR**0.5,
        "sortino_ratio": mean / downside * YEAR**0.5,
        "calmar_ratio": cagr / -drawdown,
        "max_drawdown": drawdown,
        "exposure": position.mean(),
    }


def _trade_measures(trades: FloatArray) -> dict[str, float]:
    profits, gains = trades[:, 2], trades[:, 3]
    if len(profits) < 2:
        return {"n_trades": len(profits)}
    return {
        "win_rate": (profits > 0).mean(),
        "profit_factor": profits[profits > 0].sum() / -profits[profits <= 0].sum(),
        "expectancy": gains.mean(),
        "sqn": len(profits) ** 0.5 * profits.mean() / profits.std(ddof=1),
        "n_trades": len(profits),
    }


def play_pandas(frame: pd.DataFrame, rsi: Any, params: Params) -> Played:
    """Play one set on a DataFrame."""
    signal = pd.Series(np.nan, index=frame.index)
    signal[rsi < params["oversold"]] = 1.0
    signal[rsi > params["overbought"]] = 0.0
    position = signal.ffill().fillna(0.0).shift(1, fill_value=0.0) > 0
    before = position.shift(1, fill_value=False)
    enters, leaves = position & ~before, before & ~position
    previous = frame["Close"].shift(1)
    growth = (frame["Close"] / previous).where(position, 1.0)
    growth = growth.mask(enters, frame["Close"] / frame["Open"] / (1 + PER_SIDE))
    growth = growth.mask(leaves, frame["Open"] / previous * (1 - PER_SIDE))
    equity = growth.cumprod()
    trades = _trade_table(frame, equity, enters, leaves)
    return Played(
        equity.to_numpy(), position.to_numpy(), trades, _pandas_measures(equity, position, growth - 1, trades)
    )


def _trade_table(frame: pd.DataFrame, equity: Any, enters: Any, leaves: Any) -> pd.DataFrame:
    exits = equity[leaves]
    invested = equity.shift(1)[enters].iloc[: len(exits)]
    profits = exits.to_numpy() - invested.to_numpy()
    columns = {"Entry": invested.index, "Exit": exits.index, "Profit": profits, "Return": profits / invested.to_numpy()}
    return pd.DataFrame(columns)


def _pandas_measures(equity: Any, position: Any, returns: Any, trades: pd.DataFrame) -> dict[str, float]:
    drawdown = (equity / equity.cummax() - 1).min()
    cagr = equity.iloc[-1] ** (YEAR / len(equity)) - 1
    profits = trades["Profit"]
    return {
        "total_return": equity.iloc[-1] - 1,
        "cagr": cagr,
        "annual_volatility": returns.std() * YEAR**0.5,
        "sharpe_ratio": returns.mean() / returns.std() * YEAR**0.5,
        "sortino_ratio": returns.mean() / (returns.clip(upper=0) ** 2).mean() ** 0.5 * YEAR**0.5,
        "calmar_ratio": cagr / -drawdown,
        "max_drawdown": drawdown,
        "exposure": position.mean(),
        "win_rate": (profits > 0).mean(),
        "profit_factor": profits.clip(lower=0).sum() / max(-profits.clip(upper=0).sum(), 1e-12),
        "expectancy": trades["Return"].mean(),
        "sqn": len(profits) ** 0.5 * profits.mean() / profits.std(),
        "n_trades": len(profits),
    }


def detail_pandas(played: Played, benchmark: Any) -> dict[str, float]:
    """Return the further measures of a detailed backtest: of the returns' shape, of buy and hold, of the trades."""
    returns = pd.Series(played.equity).pct_change().fillna(0.0)
    held = benchmark.pct_change().fillna(0.0).reset_index(drop=True)
    beta = returns.cov(held) / held.var()
    under = played.equity < np.maximum.accumulate(played.equity)
    return {
        "skewness": returns.skew(),
        "kurtosis": returns.kurt(),
        "var_95": returns.quantile(0.05),
        "cvar_95": returns[returns <= returns.quantile(0.05)].mean(),
        "omega_ratio": returns.clip(lower=0).sum() / -returns.clip(upper=0).sum(),
        "beta": beta,
        "alpha": (returns.mean() - beta * held.mean()) * YEAR,
        "information_ratio": (returns - held).mean() / (returns - held).std() * YEAR**0.5,
        "bars_under_water": float(under.mean()),
        "best_trade": played.trades["Return"].max(),
        "worst_trade": played.trades["Return"].min(),
    }
