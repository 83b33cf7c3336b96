"""The RSI strategy in engines that others wrote in Rust, each with its best settings: TA-Lib's RSI, fills at the open.

Left out: `qrucible` 1.0.0 fills at the close that signalled and turns an exit into a short sale, which is other work,
and `neutrinobt` 0.4.0 needs Python 3.12.
"""

from typing import Any

import numpy as np
import phasor
import raptorbt
import talib

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.space import Params
from tests.benchmarks.vectorised import PER_SIDE, YEAR, rsi_of

MONEY = 1e9
_CONFIG = raptorbt.BacktestConfig(
    initial_capital=MONEY, fees=PER_SIDE, periods_per_year=YEAR, fill_timing="next_bar_open"
)
#: What raptorbt takes first: times as numbers, then the five columns.
Columns = tuple[Any, ...]


def columns_of(bars: Bars) -> Columns:
    """Return bars as raptorbt takes them."""
    times = bars.time.astype("datetime64[ns]").astype(np.int64)
    return times, bars.open, bars.high, bars.low, bars.close, bars.volume


def play_raptorbt(columns: Columns, params: Params, rsi: FloatArray | None = None) -> float:
    """Play one set; the engine always makes equity, trades and all its measures."""
    return float(_raptorbt(columns, params, rsi).metrics.total_return_pct) / 100.0


def detail_raptorbt(columns: Columns, params: Params) -> float:
    """Play one set, and take its equity, drawdowns, returns, trades and every measure out of it."""
    result = _raptorbt(columns, params, None)
    result.equity_curve(), result.drawdown_curve(), result.returns(), result.trades(), result.metrics.to_dict()
    return float(result.metrics.total_return_pct) / 100.0


def play_raptorbt_sets(columns: Columns, param_sets: list[Params]) -> float:
    """Play all sets with its own batch, on all cores."""
    rows = rsi_of(columns[4], param_sets)
    items = [raptorbt.BatchSingleItem(str(n), *_signals(rows[p["period"]], p)) for n, p in enumerate(param_sets)]
    played = raptorbt.batch_single_backtest(*columns, items, _CONFIG)
    return float(np.mean([result.metrics.total_return_pct for _, result in played])) / 100.0


def play_phasor(bars: Bars, params: Params, rsi: FloatArray | None = None) -> float:
    """Play one set and compute the measures that the engine has in one call."""
    return float(_phasor(bars, *_signals(_rsi(bars.close, params, rsi), params)).metrics()["total_return"][0])


def detail_phasor(bars: Bars, params: Params) -> float:
    """Play one set; make its equity, its trades and the table of every measure."""
    portfolio = _phasor(bars, *_signals(_rsi(bars.close, params, None), params))
    portfolio.value(), portfolio.trades()
    return float(portfolio.stats()["Total Return [%]"]) / 100.0


def play_phasor_columns(bars: Bars, param_sets: list[Params]) -> float:
    """Play all sets as columns over one market, on all cores."""
    rows = rsi_of(bars.close, param_sets)
    signals = [_signals(rows[params["period"]], params) for params in param_sets]
    enters, exits = (np.column_stack(each) for each in zip(*signals, strict=True))
    one_market = np.zeros(len(param_sets), dtype=np.int64)
    portfolio = _phasor(bars, enters, exits, column_map=one_market, threads=0)
    return float(portfolio.metrics()["total_return"].mean())


def _raptorbt(columns: Columns, params: Params, rsi: FloatArray | None) -> Any:
    signals = _signals(_rsi(columns[4], params, rsi), params)
    return raptorbt.run_single_backtest(*columns, *signals, 1, 1.0, "AAPL", _CONFIG)


def _phasor(bars: Bars, enters: Any, exits: Any, **settings: Any) -> Any:
    close, opened = bars.close, bars.open
    if settings:
        close, opened = close[:, None], opened[:, None]
    return phasor.from_signals(
        close, enters, exits, open=opened, price="nextopen", fees=PER_SIDE, init_cash=MONEY, ann_factor=YEAR, **settings
    )


def _rsi(close: FloatArray, params: Params, known: FloatArray | None) -> FloatArray:
    row: FloatArray = talib.RSI(close, params["period"]) if known is None else known
    return row


def _signals(rsi: FloatArray, params: Params) -> tuple[Any, Any]:
    return rsi < params["oversold"], rsi > params["overbought"]
