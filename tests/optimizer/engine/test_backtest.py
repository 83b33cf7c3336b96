"""The compiled backtest keeps the conventions it states, and agrees with the slow one on anything."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.domain import metrics
from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.study_request import Costs, Reentry, cost_factors
from optimizer.domain.study_results import Measures
from optimizer.engine.backtest import Backtest, ExitReason, simulate
from optimizer.engine.price_table import PriceTable
from optimizer.errors import TooFewBars, UnusableBars
from tests.bars import bars_of, made_up_bars
from tests.optimizer.reference import Ledger
from tests.refused import refused

FREE = Costs(commission_bps=0, slippage_bps=0)
USUAL = Costs()


def flat_bars(*rows: tuple[float, float, float, float]) -> Bars:
    """Bars from (open, high, low, close) rows."""
    return bars_of(*np.array(rows, dtype=np.float64).T)


def held_from(n: int, first: int, last: int | None = None, size: float = 1.0) -> FloatArray:
    """Targets that say `size` at closes first to last."""
    target = np.zeros(n)
    target[first : n if last is None else last + 1] = size
    return target


def test_a_signal_at_a_close_is_filled_at_the_next_open() -> None:
    bars = flat_bars((10, 10, 10, 10), (20, 20, 20, 20), (30, 30, 30, 30), (40, 40, 40, 40), (50, 50, 50, 50))
    result = simulate(bars, held_from(5, 1, 2), costs=FREE)

    (trade,) = result.trades
    assert (trade.entry_bar, trade.exit_bar) == (2, 4)
    assert (trade.entry_price, trade.exit_price) == (30, 50)
    assert result.equity.tolist() == pytest.approx([1, 1, 1, 40 / 30, 50 / 30])


@pytest.mark.parametrize("n", [2, 3, 7, 8, 9, 15, 127, 128, 129, 136, 137, 1000, 1258, 4099])
def test_compiled_measures_have_the_bits_of_plain_ones(n: int) -> None:
    target = np.random.default_rng(n).choice([-1.0, 0.0, 1.0], n)
    result = simulate(made_up_bars(n, seed=n), target, costs=USUAL)
    closed = result.closed_trades
    profits, gains = np.array([trade.pnl for trade in closed]), np.array([trade.trade_return for trade in closed])

    plain = metrics.by_returns(result.returns, result.periods_per_year, result.equity) | {
        "win_rate": metrics.win_rate(profits),
        "profit_factor": metrics.profit_factor(profits),
        "expectancy": metrics.expectancy(gains),
        "sqn": metrics.sqn(profits),
        "best_trade": max(gains, default=np.nan),
        "worst_trade": min(gains, default=np.nan),
        "average_trade_bars": np.mean([trade.n_bars for trade in closed]) if closed else np.nan,
    }
    found = replace(result, benchmark=result.equity).measures.model_dump()

    assert {name: found[name] for name in plain} == Measures.model_validate(plain).model_dump(include=set(plain))


def test_no_trade_is_lost_however_many_there_are() -> None:
    n = 700  # of which every second opens a position
    result = simulate(made_up_bars(n), np.arange(n) % 2.0, costs=FREE)

    assert [trade.entry_bar for trade in result.trades] == list(range(2, n, 2))
    assert result.equity[-1] == pytest.approx(1.0 + sum(trade.pnl for trade in result.trades))


def test_the_last_signal_is_never_filled() -> None:
    bars = made_up_bars(50)

    assert simulate(bars, held_from(50, 49), costs=FREE).trades == ()


def test_a_position_that_is_open_at_the_end_is_marked_but_no_closed_trade() -> None:
    bars = made_up_bars(50)
    result = simulate(bars, held_from(50, 10), costs=FREE)

    assert [trade.reason for trade in result.trades] == [ExitReason.OPEN]
    assert result.closed_trades == ()
    assert result.equity[-1] == pytest.approx(bars.close[-1] / bars.open[11])
    assert result.measures.n_trades == 0
    assert result.measures.win_rate is None


def test_both_sides_pay_slippage_and_commission() -> None:
    bars = flat_bars(*[(100, 100, 100, 100)] * 5)
    result = simulate(bars, held_from(5, 0, 1), costs=Costs(commission_bps=100, slippage_bps=50))

    assert result.equity[-1] == pytest.approx(0.995 * 0.99 / (1.005 * 1.01))
    assert cost_factors(Costs(commission_bps=100, slippage_bps=50)) == pytest.approx(
        (1.005 * 1.01, 0.995 * 0.99, 0.995 * 1.01)
    )


def test_the_first_return_is_on_an_equity_of_one_and_returns_compound_to_the_equity() -> None:
    result = simulate(made_up_bars(200), held_from(200, 0, 150), costs=USUAL)

    assert result.returns[0] == 0
    np.testing.assert_allclose(np.cumprod(1 + result.returns), result.equity, rtol=1e-12)


def test_a_fraction_leaves_the_rest_in_cash() -> None:
    bars = flat_bars((10, 10, 10, 10), (10, 10, 10, 10), (20, 20, 20, 20), (20, 20, 20, 20))
    result = simulate(bars, held_from(4, 0, size=0.25), costs=FREE)

    assert result.equity[-1] == pytest.approx(1.25)
    assert result.trades[0].fraction == pytest.approx(0.25)
    assert result.trades[0].trade_return == pytest.approx(1.0)


def test_a_short_position_gains_what_the_price_loses() -> None:
    bars = flat_bars((10, 10, 10, 10), (10, 10, 10, 10), (8, 8, 8, 8), (8, 8, 8, 8))

    assert simulate(bars, held_from(4, 0, size=-1.0), costs=FREE).equity[-1] == pytest.approx(1.2)


def test_a_short_position_that_uses_up_the_equity_ends_the_account() -> None:
    bars = flat_bars((10, 10, 10, 10), (10, 10, 10, 10), (15, 25, 15, 25), (5, 5, 5, 5), (5, 5, 5, 5), (5, 5, 5, 5))
    result = simulate(bars, np.array([-1.0, -1, -1, 0, 1, 1]), costs=FREE)

    assert result.equity.tolist() == [1, 1, 0, 0, 0, 0]
    assert [trade.reason for trade in result.trades] == [ExitReason.RUIN]
    assert result.returns.tolist() == [0, 0, -1, 0, 0, 0]


QUIET = (100.0, 101.0, 99.0, 100.0)


@pytest.mark.parametrize(
    ("side", "orders", "bar", "price", "reason"),
    [
        (1, (0.05, 0, 0, 0), (98, 99, 94, 96), 95.0, ExitReason.STOP),
        (1, (0.05, 0, 0, 0), (90, 99, 89, 96), 90.0, ExitReason.STOP),  # gap: the open, not the level
        (1, (0, 0.05, 0, 0), (101, 107, 100, 106), 105.0, ExitReason.TAKE),
        (1, (0, 0.05, 0, 0), (110, 111, 109, 110), 105.0, ExitReason.TAKE),  # a target does not improve
        (1, (0.05, 0.05, 0, 0), (100, 106, 94, 100), 95.0, ExitReason.STOP),  # both in one bar: the stop
        (1, (0, 0, 0.05, 0), (98, 99, 94, 96), 101 * 0.95, ExitReason.TRAIL),
        (-1, (0.05, 0, 0, 0), (102, 106, 101, 104), 105.0, ExitReason.STOP),
        (-1, (0.05, 0, 0, 0), (110, 111, 101, 104), 110.0, ExitReason.STOP),
        (-1, (0, 0.05, 0, 0), (99, 100, 94, 96), 95.0, ExitReason.TAKE),
        (-1, (0, 0, 0.05, 0), (102, 106, 101, 104), 99 * 1.05, ExitReason.TRAIL),
    ],
)
def test_orders_fill_where_the_rules_say(
    side: int, orders: tuple[float, ...], bar: tuple[float, ...], price: float, reason: ExitReason
) -> None:
    bars = flat_bars(QUIET, QUIET, QUIET, bar, QUIET, QUIET)  # type: ignore[arg-type]
    result = simulate(bars, held_from(6, 0, size=float(side)), costs=FREE, orders=orders)

    (trade,) = result.trades
    assert (trade.exit_bar, trade.exit_price, trade.reason) == (3, pytest.approx(price), reason)


def test_an_order_works_on_the_bar_of_the_fill() -> None:
    bars = flat_bars(QUIET, (100, 101, 90, 100), QUIET, QUIET)
    (trade,) = simulate(bars, held_from(4, 0), costs=FREE, orders=(0.05, 0, 0, 0)).trades

    assert (trade.entry_bar, trade.exit_bar, trade.exit_price) == (1, 1, pytest.approx(95))


def test_a_trailing_stop_follows_only_the_bars_before() -> None:
    bars = flat_bars(QUIET, QUIET, (100, 120, 99, 119), (119, 119, 115, 118), (118, 118, 113, 114), QUIET)
    (trade,) = simulate(bars, held_from(6, 0), costs=FREE, orders=(0, 0, 0.05, 0)).trades

    assert (trade.exit_bar, trade.exit_price) == (4, pytest.approx(114.0))


def test_max_hold_closes_at_the_open_after_that_many_bars() -> None:
    (trade,) = simulate(made_up_bars(50), held_from(50, 5), costs=FREE, orders=(0, 0, 0, 7)).trades

    assert (trade.entry_bar, trade.exit_bar, trade.reason) == (6, 13, ExitReason.MAX_HOLD)


def test_after_a_stop_a_side_waits_until_its_condition_was_false() -> None:
    bars = flat_bars(QUIET, QUIET, (100, 101, 90, 100), *[QUIET] * 7)
    target = np.array([1.0, 1, 1, 1, 1, 0, 1, 1, 1, 1])
    result = simulate(bars, target, costs=FREE, orders=(0.05, 0, 0, 0))

    assert [(trade.entry_bar, trade.exit_bar) for trade in result.trades] == [(1, 2), (7, 10)]


def test_with_the_signal_a_side_opens_again_at_the_open_after_the_bar_of_the_stop() -> None:
    bars = flat_bars(QUIET, QUIET, (100, 101, 90, 100), *[QUIET] * 7)
    target = np.array([1.0, 1, 1, 1, 1, 0, 1, 1, 1, 1])
    result = simulate(bars, target, costs=FREE, orders=(0.05, 0, 0, 0), reenter=Reentry.SIGNAL)

    assert [(trade.entry_bar, trade.exit_bar) for trade in result.trades] == [(1, 2), (3, 6), (7, 10)]


def test_after_the_time_limit_a_side_stays_out_for_a_bar_even_with_the_signal() -> None:
    result = simulate(made_up_bars(30), held_from(30, 5), costs=FREE, orders=(0, 0, 0, 7), reenter=Reentry.SIGNAL)

    assert [(trade.entry_bar, trade.exit_bar) for trade in result.trades] == [(6, 13), (14, 21), (22, 29)]


@pytest.mark.parametrize("reenter", Reentry)
def test_without_an_order_nothing_is_opened_again(reenter: Reentry) -> None:
    bars, target = made_up_bars(200), random_target(200, 3, [-1.0, 0.0, 1.0])

    plain = simulate(bars, target, costs=USUAL)
    assert simulate(bars, target, costs=USUAL, reenter=reenter).equity.tolist() == plain.equity.tolist()


def test_a_reversal_sells_and_sells_short_at_one_open() -> None:
    bars = made_up_bars(60)
    target = np.concatenate((np.ones(30), -np.ones(30)))
    result = simulate(bars, target, costs=FREE)

    assert [(trade.side, trade.entry_bar, trade.exit_bar) for trade in result.trades] == [(1, 1, 31), (-1, 31, 60)]
    assert result.position[30] == 1
    assert result.position[31] == -1


@pytest.mark.parametrize("price", [np.nan, 0.0, -1.0, np.inf])
@pytest.mark.parametrize("name", ["open", "high", "low", "close"])
def test_a_price_that_is_no_positive_number_is_named_with_its_day(name: str, price: float) -> None:
    bars = made_up_bars(30)
    getattr(bars, name)[7] = price

    with refused(UnusableBars, match=f"{name} is .* on 2001-01-10"):
        PriceTable.of(bars, USUAL)


def test_one_bar_is_too_few() -> None:
    with pytest.raises(TooFewBars):
        PriceTable.of(made_up_bars(1), USUAL)


def played_slowly(
    bars: Bars, target: FloatArray, orders: tuple[float, float, float, int], costs: Costs, reenter: Reentry
) -> Ledger:
    """The same backtest by the reference."""
    buy, sell, short = cost_factors(costs)
    return Ledger(
        bars=bars,
        openings={1: list(target > 0), -1: list(target < 0)},
        exits={1: list(~(target > 0)), -1: list(~(target < 0))},
        buy=buy,
        sell=sell,
        short=short,
        stop=orders[0],
        take=orders[1],
        trail=orders[2],
        max_hold=orders[3],
        reenters=reenter is Reentry.SIGNAL,
        fractions=list(np.abs(target)),
    ).run(20, len(bars))


OFF_OR = st.sampled_from([0.0, 0.01, 0.03, 0.1])
ORDERS = st.tuples(OFF_OR, OFF_OR, OFF_OR, st.sampled_from([0, 1, 2, 9]))


def random_target(n: int, seed: int, sizes: list[float]) -> FloatArray:
    """Targets that stay for some bars and then change."""
    rng = np.random.default_rng(seed)
    return np.repeat(rng.choice(sizes, n), rng.integers(1, 12, n))[:n]


@settings(max_examples=150)
@given(
    seed=st.integers(0, 2**16),
    orders=ORDERS,
    sizes=st.sampled_from([[0.0, 1.0], [-1.0, 0.0, 1.0], [-0.5, 0.0, 0.3, 1.0], [-1.0, 1.0]]),
    volatility=st.sampled_from([0.005, 0.02, 0.2]),
    reenter=st.sampled_from(Reentry),
)
def test_any_backtest_equals_the_slow_one(
    seed: int, orders: tuple[float, float, float, int], sizes: list[float], volatility: float, reenter: Reentry
) -> None:
    bars = made_up_bars(200, seed=seed, volatility=volatility)
    target = random_target(200, seed, sizes)
    quick = simulate(bars, target, costs=USUAL, orders=orders, reenter=reenter, start=20)
    slow = played_slowly(bars, target, orders, USUAL, reenter)

    np.testing.assert_allclose(quick.equity, slow.curve, rtol=1e-9)
    assert [trade_facts(quick, i) for i in range(len(quick.trades))] == [
        (entry, end, side, pytest.approx(paid), pytest.approx(got)) for entry, end, side, paid, got in slow.trades
    ]


def trade_facts(result: Backtest, i: int) -> tuple[object, ...]:
    trade = result.trades[i]
    return trade.entry_bar, trade.exit_bar, trade.side, trade.entry_price, trade.exit_price


@settings(max_examples=40)
@given(seed=st.integers(0, 2**16), commission=st.floats(1, 200), slippage=st.floats(0, 200))
def test_costs_never_help(seed: int, commission: float, slippage: float) -> None:
    bars = made_up_bars(200, seed=seed)
    target = random_target(200, seed, [0.0, 1.0])
    free = simulate(bars, target, costs=FREE)
    paid = simulate(bars, target, costs=Costs(commission_bps=commission, slippage_bps=slippage))

    assert (paid.equity <= free.equity).all()
    assert (paid.equity > 0).all()


@settings(max_examples=40)
@given(seed=st.integers(0, 2**16), orders=ORDERS, power=st.integers(-8, 8))
def test_the_unit_of_price_does_not_matter(seed: int, orders: tuple[float, ...], power: int) -> None:
    bars = made_up_bars(200, seed=seed)
    scale = 2.0**power  # a power of two scales without rounding
    scaled = bars_of(bars.open * scale, bars.high * scale, bars.low * scale, bars.close * scale)
    target = random_target(200, seed, [-1.0, 0.0, 1.0])

    np.testing.assert_array_equal(
        simulate(bars, target, costs=USUAL, orders=orders).equity,
        simulate(scaled, target, costs=USUAL, orders=orders).equity,
    )


def test_trade_measures_are_about_closed_trades() -> None:
    bars = flat_bars(*[(p, p, p, p) for p in (10, 10, 12, 12, 12, 9, 9, 9, 9, 18)])
    target = np.array([1.0, 0, 0, 1, 0, 0, 0, 1, 1, 1])
    measures = simulate(bars, target, costs=FREE).measures

    assert measures.n_trades == 2
    assert measures.win_rate == 0.5
    assert measures.profit_factor == pytest.approx(0.2 / 0.3)
    assert measures.expectancy == pytest.approx((0.2 - 0.25) / 2)
    assert (measures.best_trade, measures.worst_trade) == (pytest.approx(0.2), pytest.approx(-0.25))
    assert (measures.average_trade_bars, measures.longest_trade_bars) == (1, 1)
    assert measures.exposure == pytest.approx(0.4)
    assert measures.turnover == pytest.approx(5 / 10 * 252)
    usual = simulate(bars, target, costs=USUAL).measures
    assert usual.turnover is not None
    assert usual.annual_costs == pytest.approx(usual.turnover * USUAL.per_side)
    assert measures.annual_costs == 0
