"""Three other engines made to play our signals, and every difference of convention named and mapped once.

backtesting (kernc)
    * It asks a strategy from its second bar on: it is given one bar before the window.
    * Shares are whole: the account begins with 10^15, so that a share is nothing.
    * Commission is a fraction of each side's value, as here; its spread is paid on entries only, so
      it plays with commission alone.
    * A position that is open at the end stays open and is marked at the last close, as here.
    * A stop must lie below the last close when it is asked for, though its level follows from the
      next open: stops are wide enough that no entry gaps below its own.
    * A signal that still holds after a stop opens a position again, as here with `reenter=signal`. Without it, it is
      made to wait for a signal that was off in between.
    * A target that a gap jumps over fills at the better open; here a target never improves. Stops
      are compared, targets are not.
    * An order to close and an order to open that are filled at one open are filled in that order,
      as here.

vectorbt
    * A signal fills on its own row: signals are moved one row down and filled at that row's open.
    * `fees` are commission and `slippage` is slippage, multiplied as here.
    * A reversal is one order of twice the size, paid for out of one account; here it is two. Long
      and short sides are played apart.
    * A short position may lose more than there is and come back; here the account has ended. They are
      compared up to that bar.
    * It annualizes with 365 days unless told; only values and trades are compared here.

raptorbt (Rust)
    * It fills at the next open when it is asked to (`fill_timing`), and multiplies commission and slippage as here.
    * It knows no window: it is given the window's bars.
    * Returns and drawdowns are per cent, and the Sharpe ratio of returns that do not move is 0; here there is none.
    * It plays one side; the long one is compared.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import backtesting
import numpy as np
import pandas as pd
import raptorbt
import vectorbt
from numpy.typing import NDArray

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.study_request import Costs
from optimizer.engine.evaluator import Signals

#: So much money that whole shares are as good as fractions.
CASH = 1e15

#: (entry row, exit row, side, entry price, exit price), rows of the window.
Fill = tuple[int, int, int, float, float]


@dataclass(frozen=True, kw_only=True)
class Played:
    """What an engine made of the signals: the equity at each close, from 1.0, and the closed trades."""

    equity: FloatArray
    trades: list[Fill]
    measures: dict[str, float] = field(default_factory=dict)  # of closed trades


class _Signalled(backtesting.Strategy):  # type: ignore[misc]
    """Does what the signals say; `stop` is a fraction of the next open, which it is allowed to know."""

    signals: Signals | None = None
    first = 0
    opens: FloatArray | None = None
    stop = 0.0
    waits = True
    sizes: Mapping[int, int] | None = None  # shares by the row of an entry

    def init(self) -> None:
        self.waiting = {1: False, -1: False}
        self.had = 0
        self.asked_out = False

    def next(self) -> None:
        row = self.first + len(self.data) - 1
        side = int(np.sign(self.position.size))
        if self.had and not side and not self.asked_out:
            self.waiting[self.had] = self.waits  # a stop closed it: wait for a fresh signal, if that is the rule
        self.asked_out = bool(side) and bool(self._exits(side)[row])
        if self.asked_out:
            self.position.close()
        wanted = self._wanted(row, may_open=not side or self.asked_out)
        if wanted:
            self._open(wanted, row)
        self.had = wanted or (0 if self.asked_out else side)

    def _wanted(self, row: int, *, may_open: bool) -> int:
        wanted = 0
        for side, enters in ((-1, self.signals.short_enter), (1, self.signals.long_enter)):
            if not enters[row]:
                self.waiting[side] = False
            elif may_open and not self.waiting[side]:
                wanted = side
        return wanted

    def _exits(self, side: int) -> NDArray[np.bool_]:
        return self.signals.long_exit if side > 0 else self.signals.short_exit

    def _open(self, side: int, row: int) -> None:
        if row + 1 >= len(self.opens):
            return
        level = self.opens[row + 1] * (1 - side * self.stop)
        order = self.buy if side > 0 else self.sell
        if self.sizes is None:
            order(sl=level if self.stop else None)
        elif row + 1 in self.sizes:
            order(size=self.sizes[row + 1], sl=level if self.stop else None)


def play_backtesting(
    bars: Bars,
    signals: Signals,
    start: int,
    stop: int,
    *,
    commission: float | Callable[[float, float], float],
    stop_loss: float = 0.0,
    waits: bool = True,
    cash: float = CASH,
    sizes: Mapping[int, int] | None = None,
) -> Played:
    """Play rows [start, stop) with backtesting; without `waits` as it is: a signal that holds after a stop opens."""
    rows = slice(start - 1, stop)
    frame = pd.DataFrame(
        {"Open": bars.open[rows], "High": bars.high[rows], "Low": bars.low[rows], "Close": bars.close[rows]},
        index=pd.DatetimeIndex(bars.time[rows]),
    )
    test = backtesting.Backtest(frame, _Signalled, cash=cash, commission=commission)
    stats = test.run(signals=signals, first=start - 1, opens=bars.open[:stop], stop=stop_loss, waits=waits, sizes=sizes)
    trades = stats["_trades"]
    return Played(
        equity=stats["_equity_curve"]["Equity"].to_numpy()[1:] / cash,
        trades=sorted(
            (int(t.EntryBar) - 1, int(t.ExitBar) - 1, int(np.sign(t.Size)), float(t.EntryPrice), float(t.ExitPrice))
            for t in trades.itertuples()
        ),
    )


def play_vectorbt(bars: Bars, signals: Signals, start: int, stop: int, *, costs: Costs, side: int) -> Played:
    """Play one side of rows [start, stop) with vectorbt."""
    enters, exits = (signals.long_enter, signals.long_exit) if side > 0 else (signals.short_enter, signals.short_exit)
    portfolio: Any = vectorbt.Portfolio.from_signals(
        pd.Series(bars.close[start:stop]),
        entries=pd.Series(_moved_down(enters[start:stop])),
        exits=pd.Series(_moved_down(exits[start:stop])),
        price=pd.Series(bars.open[start:stop]),
        fees=costs.commission_bps / 10_000,
        slippage=costs.slippage_bps / 10_000,
        init_cash=1.0,
        direction="longonly" if side > 0 else "shortonly",
        freq="1D",
    )
    slip = costs.slippage_bps / 10_000 * side
    records = portfolio.trades.records
    closed = records[records["status"] == 1]
    return Played(
        equity=portfolio.value().to_numpy(),
        trades=[
            (int(t.entry_idx), int(t.exit_idx), side, t.entry_price / (1 + slip), t.exit_price / (1 - slip))
            for t in closed.itertuples()
        ],
        measures=_measures(closed["pnl"], portfolio.value()),
    )


def play_raptorbt(bars: Bars, signals: Signals, start: int, stop: int, *, costs: Costs) -> Played:
    """Play the long side of rows [start, stop) with raptorbt."""
    rows, money = slice(start, stop), 1e9
    config = raptorbt.BacktestConfig(
        initial_capital=money,
        fees=costs.commission_bps / 10_000,
        slippage=costs.slippage_bps / 10_000,
        periods_per_year=252.0,
        fill_timing="next_bar_open",
    )
    columns = [np.ascontiguousarray(each[rows]) for each in (bars.open, bars.high, bars.low, bars.close, bars.volume)]
    times = bars.time[rows].astype("datetime64[ns]").astype(np.int64)
    sides = signals.long_enter[rows].copy(), signals.long_exit[rows].copy()
    result = raptorbt.run_single_backtest(times, *columns, *sides, 1, 1.0, bars.symbol, config)
    found = result.metrics
    return Played(
        equity=np.asarray(result.equity_curve()) / money,
        trades=[],
        measures={
            "total_return": found.total_return_pct / 100.0,
            "sharpe_ratio": found.sharpe_ratio,
            "max_drawdown": -found.max_drawdown_pct / 100.0,
            "n_trades": found.total_closed_trades,
        },
    )


def _measures(profits: "pd.Series[float]", equity: "pd.Series[float]") -> dict[str, float]:
    """Textbook formulas over the other engine's profits and equity; its own compile for a minute."""
    lost = -profits[profits <= 0].sum()
    deviation = profits.std()
    return {
        "n_trades": len(profits),
        "win_rate": float((profits > 0).mean()) if len(profits) else np.nan,
        "profit_factor": profits[profits > 0].sum() / lost if lost > 0 else np.nan,
        "sqn": np.sqrt(len(profits)) * profits.mean() / deviation if deviation > 0 else np.nan,
        "total_return": equity.iloc[-1] - 1,
        "max_drawdown": (equity / equity.cummax()).min() - 1,
    }


def _moved_down(signals: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.concatenate(([False], signals[:-1]))
