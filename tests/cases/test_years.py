"""A year has as many bars as a market has days: 252 sessions, or 365 days around the clock."""

from dataclasses import replace
from datetime import date, timedelta
from math import sin
from pathlib import Path

import numpy as np
import pytest

from optimizer.domain.bars import on_common_dates
from optimizer.domain.metrics import periods_per_year
from optimizer.domain.study_request import Costs
from optimizer.engine.evaluator import Evaluator
from optimizer.market.warehouse.warehouse import Warehouse
from optimizer.strategies.registry import find_strategy
from tests.bars import made_up_bars
from tests.cases.conftest import Import

N_DAYS = 1096


def doubling() -> str:
    """Bars of every day, without a gap, that double every 365 days."""
    first, rows, last = date(2023, 11, 27), ["Date,Open,High,Low,Close,Volume"], 100.0
    for n in range(N_DAYS):
        close = 100 * 2 ** (n / 365) * (1 + 0.004 * sin(n * 0.314159))
        high, low = max(last, close) * 1.001, min(last, close) * 0.999
        rows.append(f"{first + timedelta(n)},{last:.4f},{high:.4f},{low:.4f},{close:.4f},1000")
        last = close
    return "\n".join([*rows, ""])


def test_an_account_that_doubles_in_365_days_grows_by_a_hundred_percent_a_year(
    bring: Import, warehouse: Warehouse, tmp_path: Path
) -> None:
    (tmp_path / "BTC-USD.csv").write_text(doubling())
    bring(tmp_path / "BTC-USD.csv")

    bars = warehouse.load("BTC-USD")
    held = Evaluator(find_strategy("SMA"), bars, costs=Costs()).buy_and_hold(start=0, stop=N_DAYS).measures

    assert held.cagr == pytest.approx(1.0, abs=0.01)
    daily = np.diff(np.log(bars.close))
    assert held.annual_volatility == pytest.approx(daily.std() * np.sqrt(365), rel=0.02)


def test_weekdays_alone_are_252_a_year_and_so_are_the_days_common_to_both() -> None:
    stock = made_up_bars(500)
    coin = replace(stock, time=stock.time[0] + np.arange(500) * np.timedelta64(1, "D"))

    assert (periods_per_year(stock), periods_per_year(coin)) == (252, 365)
    assert periods_per_year(on_common_dates([coin, stock])[0]) == 252


def test_sundays_to_thursdays_and_currencies_with_sundays_are_sessions() -> None:
    bars = made_up_bars(500)
    for mask in ("1111001", "1111101"):
        times = np.busday_offset("2024-01-01", np.arange(500), weekmask=mask).astype("datetime64[ns]")
        assert periods_per_year(replace(bars, time=times)) == 252
