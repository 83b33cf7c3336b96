"""What a parameter set did in a window as tables: its trades, and its position at each close."""

import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from optimizer.domain.bars import Bars, TimeArray
from optimizer.domain.timeframes import parse_timeframe
from optimizer.engine.backtest import Backtest, Trade
from optimizer.engine.portfolio import Portfolio
from optimizer.market.warehouse.parquet import parquet_bytes
from optimizer.studies.worker_messages import ResultTable

#: Columns of one length by name; None where there is no value.
Table = Mapping[str, Sequence[Any]]

PARQUET = ".parquet"


def times_of(bars: Bars) -> TimeArray:
    """Return the days of the bars, or the minutes where a day may have several, datetime64, (n_bars,)."""
    return bars.time.astype("datetime64[m]" if parse_timeframe(bars.timeframe).is_intraday else "datetime64[D]")


def table_of(kind: ResultTable, result: Backtest, many: Sequence[Bars]) -> Table:
    """Return the trades of a backtest, or its position at each close; of several symbols a part for each.

    `many` are the bars of each symbol. Prices are those of the bars, before slippage; `return` is after costs, as a
    fraction of the money invested, and `equity` begins with 1.0.
    """
    parts = result.parts if isinstance(result, Portfolio) else (result,)
    build = _trades if kind is ResultTable.TRADES else _positions
    tables = [build(part, bars) for part, bars in zip(parts, many, strict=True)]
    if len(tables) == 1:
        return tables[0]
    symbols = [bars.symbol for bars, table in zip(many, tables, strict=True) for _ in next(iter(table.values()))]
    joined = {name: [value for table in tables for value in table[name]] for name in tables[0]}
    return {"symbol": symbols, **joined}


def write_table(table: Table, file: Path) -> None:
    """Write a table as Parquet or, for any other ending, as CSV with all digits; a reader never sees half of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{os.getpid()}.{file.name}")
    if file.suffix == PARQUET:
        draft.write_bytes(parquet_bytes(table))
    else:
        _write_csv(table, draft)
    draft.replace(file)


def _write_csv(table: Table, file: Path) -> None:
    with file.open("w", encoding="utf-8", newline="") as paper:
        writer = csv.writer(paper)
        writer.writerow(table)
        writer.writerows(zip(*table.values(), strict=True))


def _trades(result: Backtest, bars: Bars) -> Table:
    times = times_of(bars)
    trades = result.trades
    return {
        "entry_time": [str(times[trade.entry_bar]) for trade in trades],
        "exit_time": [str(times[trade.exit_bar]) if trade.is_closed else None for trade in trades],
        "side": ["long" if trade.side > 0 else "short" for trade in trades],
        "fraction": [trade.fraction for trade in trades],
        "entry_price": [trade.entry_price for trade in trades],
        "exit_price": [trade.exit_price for trade in trades],
        "return": [trade.trade_return for trade in trades],
        "pnl": [trade.pnl for trade in trades],
        "reason": [_reason(trade) for trade in trades],
    }


def _reason(trade: Trade) -> str:
    return trade.reason.name.lower()


def _positions(result: Backtest, bars: Bars) -> Table:
    rows = slice(result.start, result.stop)
    return {
        "time": [str(time) for time in times_of(bars)[rows]],
        "close": bars.close[rows].tolist(),
        "position": result.position.tolist(),
        "equity": result.equity.tolist(),
    }
