"""Every strategy on every sample symbol: trades and equity as two other engines have them."""

from typing import TYPE_CHECKING

import numpy as np
import pytest

from optimizer.domain.bars import FloatArray
from optimizer.domain.space import Params
from optimizer.domain.study_request import Account, Costs, Reentry
from optimizer.engine.backtest import Backtest, ExitReason, simulate
from optimizer.engine.evaluator import Evaluator, Signals
from optimizer.lazy import LazyModule
from optimizer.strategies.registry import find_strategy
from tests.bars import SYMBOLS, sample_bars
from tests.fixed_rules import FIXED_RULES

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


#: Costs do not depend on the strategy: a few that trade often, and seldom.
SOME = ("rsi", "macd", "donchian")


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
@pytest.mark.parametrize("key", FIXED_RULES)
@pytest.mark.parametrize("allow_short", [False, True], ids=["long", "both"])
def test_backtesting_agrees(key: str, symbol: str, allow_short: bool) -> None:
    bars = sample_bars(symbol)
    evaluator = Evaluator(find_strategy(key), bars, costs=COMMISSION_ONLY, allow_short=allow_short)
    params = params_of(key, symbol)
    for window in WINDOWS:
        start, stop = rows_of(symbol, window)
        other = engines.play_backtesting(bars, evaluator.signals(params), start, stop, commission=0.0015)
        assert_same(evaluator.backtest(params, start=start, stop=stop), other)


@pytest.mark.parametrize("key", SOME)
@pytest.mark.parametrize("allow_short", [False, True], ids=["long", "both"])
def test_backtesting_agrees_on_a_tax_on_sales(key: str, allow_short: bool) -> None:
    bars = sample_bars("IBM")
    costs = Costs(commission_bps=15, slippage_bps=0, tax_bps=20)
    evaluator = Evaluator(find_strategy(key), bars, costs=costs, allow_short=allow_short)
    params = params_of(key, "IBM")
    start, stop = rows_of("IBM", WINDOWS[0])

    ours = evaluator.backtest(params, start=start, stop=stop)
    entries = {(trade.side, trade.entry_price) for trade in ours.trades}

    def taken(size: float, price: float) -> float:
        # An order's size has the sign of its trade, at the exit too: of a long trade that is the sale.
        is_sale = (size > 0) != ((np.sign(size), price) in entries)
        return abs(size) * price * (0.0035 if is_sale else 0.0015)

    other = engines.play_backtesting(bars, evaluator.signals(params), start, stop, commission=taken)

    assert_same(ours, other)


@pytest.mark.parametrize("key", SOME)
@pytest.mark.parametrize("allow_short", [False, True], ids=["long", "both"])
def test_backtesting_agrees_on_whole_shares_and_fees_in_money(key: str, allow_short: bool) -> None:
    bars = sample_bars("IBM")
    costs = Costs(commission_bps=15, slippage_bps=0, per_share=0.05, least_fee=4)
    account = Account(capital=20_000, is_whole=True)
    evaluator = Evaluator(find_strategy(key), bars, costs=costs, account=account, allow_short=allow_short)
    params = params_of(key, "IBM")
    start, stop = rows_of("IBM", WINDOWS[0])

    def taken(size: float, price: float) -> float:
        return max(abs(size) * (price * 0.0015 + 0.05), 4.0)

    other = engines.play_backtesting(
        bars,
        evaluator.signals(params),
        start,
        stop,
        commission=taken,
        cash=20_000,
        sizes=_sizes(evaluator, params, start, stop),
    )

    assert_same(evaluator.backtest(params, start=start, stop=stop), other)


def _sizes(evaluator: Evaluator, params: Params, start: int, stop: int) -> dict[int, int]:
    """Whole shares of each of our trades, by the row of its entry: what an order costs decides how many there are."""
    played, costs = evaluator.backtest(params, start=start, stop=stop), evaluator.costs
    per_share = costs.commission_bps / 10_000
    sizes = {}
    for trade in played.trades:
        price, budget = trade.entry_price, trade.equity_before * 20_000
        count = int(budget / (price * (1 + per_share) + costs.per_share))
        least = int((budget - costs.least_fee) / price)
        sizes[trade.entry_bar] = min(count, least)
    return sizes


@pytest.mark.parametrize("symbol", SYMBOLS)
@pytest.mark.parametrize("key", FIXED_RULES)
@pytest.mark.parametrize("reenter", Reentry)
def test_backtesting_agrees_on_stops(key: str, symbol: str, reenter: Reentry) -> None:
    bars = sample_bars(symbol)
    evaluator = Evaluator(find_strategy(key), bars, costs=COMMISSION_ONLY, reenter=reenter)
    params = {**params_of(key, symbol), "stop": 10}
    start, stop = rows_of(symbol, (0.3, 0.8))
    other = engines.play_backtesting(
        bars,
        evaluator.signals(params),
        start,
        stop,
        commission=0.0015,
        stop_loss=0.1,
        waits=reenter is Reentry.FRESH,
    )

    assert_same(evaluator.backtest(params, start=start, stop=stop), other)


def test_some_of_the_trades_compared_were_stopped_and_some_opened_again() -> None:
    reasons: dict[Reentry, list[ExitReason]] = {Reentry.FRESH: [], Reentry.SIGNAL: []}
    for key in FIXED_RULES:
        for reenter, found in reasons.items():
            evaluator = Evaluator(find_strategy(key), sample_bars("AAPL"), costs=COMMISSION_ONLY, reenter=reenter)
            start, stop = rows_of("AAPL", (0.3, 0.8))
            told = evaluator.backtest({**params_of(key, "AAPL"), "stop": 10}, start=start, stop=stop)
            found += [trade.reason for trade in told.trades]

    assert reasons[Reentry.FRESH].count(ExitReason.STOP) >= 10
    assert len(reasons[Reentry.SIGNAL]) >= len(reasons[Reentry.FRESH]) + 10


@pytest.mark.parametrize("key", FIXED_RULES)
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
@pytest.mark.parametrize("key", FIXED_RULES)
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


@pytest.mark.parametrize("symbol", SYMBOLS)
@pytest.mark.parametrize("key", FIXED_RULES)
def test_raptorbt_agrees_to_thirteen_digits(key: str, symbol: str) -> None:
    bars = sample_bars(symbol)
    evaluator = Evaluator(find_strategy(key), bars, costs=BOTH)
    params = params_of(key, symbol)
    for window in WINDOWS:
        start, stop = rows_of(symbol, window)
        ours = evaluator.backtest(params, start=start, stop=stop)
        other = engines.play_raptorbt(bars, evaluator.signals(params), start, stop, costs=BOTH)

        np.testing.assert_allclose(ours.equity, other.equity, rtol=1e-13)
        for name, value in other.measures.items():
            assert (getattr(ours.measures, name) or 0.0) == pytest.approx(value, rel=1e-12, abs=1e-13), name


def short_target(signals: Signals, start: int, stop: int) -> FloatArray:
    """The position that the short rules alone want at each close."""
    target = np.zeros(len(signals.short_exit))
    is_short = False
    for row in range(start, stop):
        is_short = not signals.short_exit[row] if is_short else bool(signals.short_enter[row])
        target[row] = -float(is_short)
    return target
