"""The RSI strategy in other people's engines, each with its best settings: buy below, sell above, at the next open.

Every function returns the total return (of many sets, their mean): equal returns show that the same was played.
Conventions differ in small things (`tests/differential/engines.py`), which does not matter for the time they take.
`rsi` is the indicator where it is known already, as in a trial of a study; None lets the engine compute it.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from typing import Any

import backtesting
import backtrader
import numpy as np
import pandas as pd
import talib
import vectorbt

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.space import Params
from tests.benchmarks.vectorised import PER_SIDE, rsi_of

RANGES = {"period": range(10, 31), "oversold": range(20, 36), "overbought": range(65, 81)}


def frame_of(bars: Bars) -> pd.DataFrame:
    """Return bars as the other engines take them."""
    columns = {"Open": bars.open, "High": bars.high, "Low": bars.low, "Close": bars.close, "Volume": bars.volume}
    return pd.DataFrame(columns, index=pd.DatetimeIndex(bars.time))


class Rsi(backtesting.Strategy):  # type: ignore[misc]
    """Buy below, sell above."""

    period = 14
    oversold = 30
    overbought = 70
    known: FloatArray | None = None

    def init(self) -> None:
        known = self.known
        self.rsi = self.I(talib.RSI, self.data.Close, self.period) if known is None else self.I(lambda: known)

    def next(self) -> None:
        if self.position:
            if self.rsi[-1] > self.overbought:
                self.position.close()
        elif self.rsi[-1] < self.oversold:
            self.buy()


def backtesting_of(frame: pd.DataFrame) -> Any:
    """Return the engine over these bars, to be run many times."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return backtesting.Backtest(frame, Rsi, cash=1e9, commission=PER_SIDE)


def play_backtesting(engine: Any, params: Params, rsi: FloatArray | None = None) -> float:
    """Run one set; the engine always makes equity, trades and all its measures."""
    with _silent():
        return float(engine.run(**params, known=rsi)["Return [%]"] / 100)


def optimize_backtesting(frame: pd.DataFrame, param_sets: list[Params]) -> float:
    """Run sets of the grid with its own optimizer, on all cores."""
    chosen = {(params["period"], params["oversold"], params["overbought"]) for params in param_sets}
    with _silent():
        _, values = backtesting_of(frame).optimize(
            **RANGES,
            constraint=lambda p: (p.period, p.oversold, p.overbought) in chosen,
            maximize="Return [%]",
            method="grid",
            return_heatmap=True,
        )
    return float(values.fillna(0.0).mean() / 100)  # it knows nothing of sets that never trade


@contextmanager
def _silent() -> Iterator[None]:
    """Hide warnings and the progress bar."""
    with warnings.catch_warnings(), redirect_stderr(StringIO()):
        warnings.simplefilter("ignore")
        yield


def play_vectorbt(frame: pd.DataFrame, params: Params, rsi: FloatArray | None = None) -> float:
    """Play one set and compute the measures that the product's scores have."""
    row = talib.RSI(frame["Close"].to_numpy(), params["period"]) if rsi is None else rsi
    portfolio = _portfolio(frame, row < params["oversold"], row > params["overbought"])
    _vectorbt_measures(portfolio)
    return float(portfolio.total_return())


def detail_vectorbt(frame: pd.DataFrame, params: Params) -> float:
    """Play one set; make its equity, its trades and every measure the library has."""
    row = talib.RSI(frame["Close"].to_numpy(), params["period"])
    portfolio = _portfolio(frame, row < params["oversold"], row > params["overbought"])
    with _silent():
        portfolio.value(), portfolio.trades.records_readable, portfolio.stats(), portfolio.returns_stats()
    return float(portfolio.total_return())


def play_vectorbt_columns(frame: pd.DataFrame, param_sets: list[Params]) -> float:
    """Play all sets as columns of one broadcast."""
    rows = rsi_of(frame["Close"].to_numpy(), param_sets)
    rsi = np.column_stack([rows[params["period"]] for params in param_sets])
    enters = rsi < np.array([params["oversold"] for params in param_sets])
    exits = rsi > np.array([params["overbought"] for params in param_sets])
    portfolio = _portfolio(frame, enters, exits)
    _vectorbt_measures(portfolio)
    return float(portfolio.total_return().mean())


def _portfolio(frame: pd.DataFrame, enters: Any, exits: Any) -> Any:
    return vectorbt.Portfolio.from_signals(
        frame["Close"], _moved_down(enters), _moved_down(exits), price=frame["Open"], fees=PER_SIDE, freq="1D"
    )


def _moved_down(signals: Any) -> Any:
    """Signals one row down: they are filled at that row's open."""
    moved = np.zeros_like(signals)
    moved[1:] = signals[:-1]
    return moved


def _vectorbt_measures(portfolio: Any) -> None:
    trades = portfolio.trades
    with _silent():
        portfolio.total_return(), portfolio.annualized_return(), portfolio.annualized_volatility()
        portfolio.sharpe_ratio(), portfolio.sortino_ratio(), portfolio.calmar_ratio(), portfolio.max_drawdown()
        portfolio.position_coverage()
        trades.win_rate(), trades.profit_factor(), trades.expectancy(), trades.sqn(), trades.count()


class _Feed(backtrader.feeds.PandasData):  # type: ignore[misc]
    lines = ("rsi",)
    params = (("rsi", -1),)


class _Backtrader(backtrader.Strategy):  # type: ignore[misc]
    params = (("period", 14), ("oversold", 30), ("overbought", 70), ("is_known", False), ("chosen", None))

    def __init__(self) -> None:
        if self.p.chosen is not None:
            self.p.period, self.p.oversold, self.p.overbought = self.p.chosen
        self.rsi = (
            self.data.rsi if self.p.is_known else backtrader.indicators.RSI_Safe(self.data.close, period=self.p.period)
        )

    def next(self) -> None:
        if self.position:
            if self.rsi[0] > self.p.overbought:
                self.close()
        elif self.rsi[0] < self.p.oversold:
            self.buy()


_ANALYZERS = ("Returns", "SharpeRatio", "DrawDown", "TradeAnalyzer", "SQN")
_DETAILS = (*_ANALYZERS, "TimeReturn", "Transactions", "PositionsValue", "Calmar", "VWR", "PeriodStats")


def play_backtrader(frame: pd.DataFrame, params: Params, rsi: FloatArray | None = None) -> float:
    """Run one set with the analyzers of returns, drawdowns and trades."""
    return _run_backtrader(frame, params, rsi, _ANALYZERS)


def detail_backtrader(frame: pd.DataFrame, params: Params) -> float:
    """Run one set with all analyzers, of equity and fills too."""
    return _run_backtrader(frame, params, None, _DETAILS)


def optimize_backtrader(frame: pd.DataFrame, param_sets: list[Params]) -> float:
    """Run sets with its own optimizer, on all cores."""
    cerebro = _cerebro(frame, None, _ANALYZERS)
    chosen = [(params["period"], params["oversold"], params["overbought"]) for params in param_sets]
    cerebro.optstrategy(_Backtrader, chosen=chosen)
    return float(np.mean([_growth(run[0].analyzers[0]) for run in cerebro.run()]))


def _run_backtrader(frame: pd.DataFrame, params: Params, rsi: FloatArray | None, analyzers: tuple[str, ...]) -> float:
    cerebro = _cerebro(frame, rsi, analyzers)
    cerebro.addstrategy(_Backtrader, **params, is_known=rsi is not None)
    return _growth(cerebro.run()[0].analyzers[0])


def _growth(returns: Any) -> float:
    return float(np.expm1(returns.get_analysis()["rtot"]))


def _cerebro(frame: pd.DataFrame, rsi: FloatArray | None, analyzers: tuple[str, ...]) -> Any:
    """Return the engine without the observers that only its plots need."""
    cerebro = backtrader.Cerebro(stdstats=False)
    cerebro.adddata(_Feed(dataname=frame if rsi is None else frame.assign(rsi=rsi)))
    cerebro.broker.setcommission(commission=PER_SIDE)
    cerebro.broker.setcash(1e9)
    cerebro.addsizer(backtrader.sizers.PercentSizer, percents=99)
    for name in analyzers:
        cerebro.addanalyzer(getattr(backtrader.analyzers, name))
    return cerebro
