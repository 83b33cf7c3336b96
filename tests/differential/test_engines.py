"""Every strategy on every sample symbol: trades and equity as two other engines have them."""

from typing import TYPE_CHECKING

import numpy as np
import pytest

from optimizer.domain.bars import FloatArray
from optimizer.domain.space import Params
from optimizer.domain.study_request import Costs
from optimizer.engine.backtest import Backtest, ExitReason, simulate
from optimizer.engine.evaluator import Evaluator, Signals
from optimizer.lazy import LazyModule
from optimizer.strategies.registry import STRATEGIES, find_strategy
from tests.bars import SYMBOLS, sample_bars

if TYPE_CHECKING:
    from tests.differential import engines
else:
    # The other engines import for ten seconds and more, which each process that only lists the tests would wait for.
    engines = LazyModule("tests.differential.engines")

# The other engines use what pandas will drop, and one warns of every position that is left open.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:Some trades remain open:UserWarning"),
]

COMMISSION_ONLY = Costs(commission_bps=15, slippage_bps=0)
BOTH = Costs(commission_bps=10, slippage_bps=5)
#: Windows as shares of the bars.
WINDOWS = ((0.1, 0.55), (0.4, 0.8), (0.75, 1.0))


def rows_of(symbol: str, window: tuple[float, float]) -> tuple[int, int]:
    n = len(sample_bars(symbol))
    return int(n * window[0]), int(n * window[1])


def params_of(key: str, symbol: str) -> Params:
    """The textbook set, or one that can trade in few bars."""
    params = dict(find_strategy(key).space.default)
    if symbol == "FB":
        params |= {
            "rsi2": {"trend": 100},
            "momentum": {"lookback": 20},
            "rsi": {"period": 10, "oversold": 35, "overbought": 65},
            "sma": {"fast": 5, "slow": 20},
        }.get(key, {})
    return dict(params)


def closed(result: Backtest) -> "list[engines.Fill]":
    """Our closed trades in rows of the window."""
    return [
        (t.entry_bar - result.start, t.exit_bar - result.start, t.side, t.entry_price, t.exit_price)
        for t in result.closed_trades
    ]


def assert_same(result: Backtest, other: "engines.Played") -> None:
    """The same equity and trades, up to the bar at which a short position has used up the equity."""
    end = int(np.argmax(result.equity <= 0)) if (result.equity <= 0).any() else len(result.equity)
    assert (other.equity[end : end + 1] <= 0).all(), "one of the two is ruined"
    ours, theirs = ([t for t in trades if t[1] < end] for trades in (sorted(closed(result)), other.trades))

    np.testing.assert_allclose(result.equity[:end], other.equity[:end], rtol=1e-9)
    assert [trade[:3] for trade in ours] == [trade[:3] for trade in theirs]
    if ours:
        np.testing.assert_allclose([t[3:] for t in ours], [t[3:] for t in theirs], rtol=1e-9)


@pytest.mark.parametrize("symbol", SYMBOLS)
@pytest.mark.parametrize("key", STRATEGIES)
@pytest.mark.parametrize("allow_short", [False, True], ids=["long", "both"])
def test_backtesting_agrees(key: str, symbol: str, allow_short: bool) -> None:
    bars = sample_bars(symbol)
    evaluator = Evaluator(find_strategy(key), bars, costs=COMMISSION_ONLY, allow_short=allow_short)
    params = params_of(key, symbol)
    for window in WINDOWS:
        start, stop = rows_of(symbol, window)
        other = engines.play_backtesting(bars, evaluator.signals(params), start, stop, commission=0.0015)
        assert_same(evaluator.backtest(params, start=start, stop=stop), other)


@pytest.mark.parametrize("symbol", SYMBOLS)
@pytest.mark.parametrize("key", STRATEGIES)
def test_backtesting_agrees_on_stops(key: str, symbol: str) -> None:
    bars = sample_bars(symbol)
    evaluator = Evaluator(find_strategy(key), bars, costs=COMMISSION_ONLY)
    params = {**params_of(key, symbol), "stop": 10}
    start, stop = rows_of(symbol, (0.3, 0.8))
    other = engines.play_backtesting(bars, evaluator.signals(params), start, stop, commission=0.0015, stop_loss=0.1)

    assert_same(evaluator.backtest(params, start=start, stop=stop), other)


def test_some_of_the_trades_compared_were_stopped() -> None:
    reasons = []
    for key in STRATEGIES:
        evaluator = Evaluator(find_strategy(key), sample_bars("AAPL"), costs=COMMISSION_ONLY)
        start, stop = rows_of("AAPL", (0.3, 0.8))
        told = evaluator.backtest({**params_of(key, "AAPL"), "stop": 10}, start=start, stop=stop)
        reasons += [trade.reason for trade in told.trades]

    assert reasons.count(ExitReason.STOP) >= 10


@pytest.mark.parametrize("key", STRATEGIES)
def test_vectorbt_agrees_on_the_measures_of_trades(key: str) -> None:
    bars = sample_bars("MSFT")
    evaluator = Evaluator(find_strategy(key), bars, costs=BOTH)
    params = params_of(key, "MSFT")
    start, stop = rows_of("MSFT", (0.1, 0.9))
    measures = evaluator.backtest(params, start=start, stop=stop).measures
    other = engines.play_vectorbt(bars, evaluator.signals(params), start, stop, costs=BOTH, side=1)

    for name, value in other.measures.items():
        ours = getattr(measures, name)
        assert (np.nan if ours is None else ours) == pytest.approx(value, rel=1e-9, nan_ok=True), name


@pytest.mark.parametrize("symbol", SYMBOLS)
@pytest.mark.parametrize("key", STRATEGIES)
@pytest.mark.parametrize("side", [1, -1], ids=["long", "short"])
def test_vectorbt_agrees(key: str, symbol: str, side: int) -> None:
    bars = sample_bars(symbol)
    evaluator = Evaluator(find_strategy(key), bars, costs=BOTH, allow_short=side < 0)
    params = params_of(key, symbol)
    signals = evaluator.signals(params)
    for window in WINDOWS:
        start, stop = rows_of(symbol, window)
        other = engines.play_vectorbt(bars, signals, start, stop, costs=BOTH, side=side)
        if side > 0:
            assert_same(evaluator.backtest(params, start=start, stop=stop), other)
        else:
            target = short_target(signals, start, stop)
            assert_same(simulate(bars, target, costs=BOTH, start=start, stop=stop), other)


def short_target(signals: Signals, start: int, stop: int) -> FloatArray:
    """The position that the short rules alone want at each close."""
    target = np.zeros(len(signals.short_exit))
    is_short = False
    for row in range(start, stop):
        is_short = not signals.short_exit[row] if is_short else bool(signals.short_enter[row])
        target[row] = -float(is_short)
    return target
