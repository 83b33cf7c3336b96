"""Trades and positions of a winner as tables: what the backtest has, with all digits."""

import csv
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest

from optimizer.domain.bars import Bars
from optimizer.domain.study_request import Costs, StudySpec
from optimizer.engine.backtest import Backtest
from optimizer.engine.evaluator import Evaluator
from optimizer.engine.multi_symbol import evaluator_of
from optimizer.strategies.registry import find_strategy
from optimizer.studies.result_tables import table_of, times_of, write_table
from optimizer.studies.worker_messages import ResultTable
from tests.bars import made_up_bars, sample_bars


@pytest.fixture(scope="module")
def result() -> Backtest:
    """A backtest with a position that is open at its end."""
    evaluator = Evaluator(find_strategy("sma"), sample_bars("AAPL"), costs=Costs(), allow_short=True)
    return evaluator.backtest({"fast": 10, "slow": 30}, start=500, stop=1500)


def test_trades_are_those_of_the_backtest(result: Backtest) -> None:
    bars = sample_bars("AAPL")
    table = table_of(ResultTable.TRADES, result, [bars])

    assert table["entry_time"] == [str(bars.time[trade.entry_bar])[:10] for trade in result.trades]
    assert table["return"] == [trade.trade_return for trade in result.trades]
    assert table["side"] == ["long" if trade.side > 0 else "short" for trade in result.trades]
    assert (table["exit_time"][-1], table["reason"][-1]) == (None, "open")
    assert set(table["reason"]) == {"signal", "open"}


def test_positions_have_a_row_for_each_bar(result: Backtest) -> None:
    bars = sample_bars("AAPL")
    table = table_of(ResultTable.POSITIONS, result, [bars])

    assert list(table) == ["time", "close", "position", "equity"]
    assert table["time"] == [str(time)[:10] for time in bars.time[500:1500]]
    assert table["equity"] == result.equity.tolist()
    assert set(table["position"]) == {-1.0, 0.0, 1.0}


@pytest.mark.parametrize("kind", ResultTable)
def test_of_several_symbols_each_has_its_rows(kind: ResultTable) -> None:
    many = [made_up_bars(600, seed=seed) for seed in (1, 2)]
    many = [replace(bars, symbol=symbol) for bars, symbol in zip(many, ("ONE", "TWO"), strict=True)]
    spec = StudySpec(symbol="ONE", partners=("TWO",), strategy_name="rsi")
    result = evaluator_of(spec, many).backtest(find_strategy("rsi").space.default, start=100, stop=600)

    table = table_of(kind, result, many)

    assert next(iter(table)) == "symbol"
    assert list(dict.fromkeys(table["symbol"])) == ["ONE", "TWO"]
    assert len({len(column) for column in table.values()}) == 1


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_file_has_every_digit_and_leaves_no_draft(result: Backtest, ending: str, tmp_path: Path) -> None:
    table = table_of(ResultTable.TRADES, result, [sample_bars("AAPL")])
    file = tmp_path / "new" / f"trades.{ending}"

    write_table(table, file)

    assert [path.name for path in file.parent.iterdir()] == [file.name]
    if ending == "csv":
        rows = list(csv.DictReader(file.read_text().splitlines()))
        assert [float(row["return"]) for row in rows] == table["return"]
        assert rows[-1]["exit_time"] == ""
        return
    with duckdb.connect(":memory:") as connection:
        found = connection.execute('SELECT "return", exit_time FROM read_parquet(?)', [str(file)]).fetchall()
    assert found == list(zip(table["return"], table["exit_time"], strict=True))


def test_bars_within_a_day_have_minutes() -> None:
    hours = np.datetime64("2024-01-02T09:00", "ns") + np.arange(3) * np.timedelta64(1, "h")
    bars: Bars = replace(made_up_bars(3), timeframe="1h", time=hours)

    assert [str(time) for time in times_of(bars)] == ["2024-01-02T09:00", "2024-01-02T10:00", "2024-01-02T11:00"]
