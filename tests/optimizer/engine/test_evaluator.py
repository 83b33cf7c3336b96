"""An evaluator scores many sets as it scores one, and both as the full backtest tells it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from optimizer.domain.bars import Bars
from optimizer.domain.space import Params
from optimizer.domain.study_request import Account, Costs
from optimizer.domain.study_results import Measures
from optimizer.engine import kernel, orders, trade_log
from optimizer.engine.evaluator import Evaluator, warm
from optimizer.engine.set_scores import Scores
from optimizer.engine.spans import fill_spans, lay_out
from optimizer.errors import TooFewBars, UnusableBars
from optimizer.indicators.bitmasks import fill_mask, fill_masks
from optimizer.indicators.recursive import fill_rsi
from optimizer.strategies.registry import OVERLAYS, STRATEGIES, Strategy, find_strategy
from tests.bars import bars_of, made_up_bars, sample_bars
from tests.fixed_rules import FIXED_RULES
from tests.optimizer.reference import Broker, Ledger
from tests.refused import refused

COSTS = Costs()
#: Accounts do not depend on the strategy: a few that trade often, and seldom.
SOME = ("rsi2", "macd", "donchian")
#: Costs and accounts with everything that an account may have.
DEAR = Costs(commission_bps=4, slippage_bps=6, tax_bps=20, borrow=0.08, per_share=0.03, least_fee=2)
ACCOUNTS = {
    "plain": (COSTS, Account()),
    "taxed": (Costs(tax_bps=20), Account()),
    "interest": (Costs(borrow=0.08), Account(interest=0.05)),
    "money": (DEAR, Account(capital=5_000)),
    "whole shares": (DEAR, Account(capital=5_000, is_whole=True, interest=0.05)),
    "one share at most": (DEAR, Account(capital=260, is_whole=True, interest=-0.01)),
}
#: Strategies with accounts: each with the plain one.
PLAYED = [(key, name) for key, name in product(STRATEGIES, ACCOUNTS) if name == "plain" or key in SOME]
BARS = sample_bars("AAPL").cut(0, 1500)
START, STOP = 300, 1400
ALL_ON: Params = {"stop": 6, "take": 14, "trail": 9, "trend": 150, "voltarget": 20, "max_hold": 30}
DRESSES: tuple[Params, ...] = ({}, {"stop": 4}, {"trail": 5, "max_hold": 10}, {"trend": 100, "voltarget": 10}, ALL_ON)


def some_sets(strategy: Strategy, n: int, *, seed: int = 3, **overlays: float) -> list[Params]:
    """n random sets of a strategy's space, all with the same overlays."""
    rng = np.random.default_rng(seed)
    param_sets: list[Params] = []
    while len(param_sets) < n:
        params = {p.name: p.values[rng.integers(len(p.values))] for p in strategy.space.parameters}
        if strategy.space.contains(params):
            param_sets.append({**overlays, **params})
    return param_sets


def evaluator_of(
    key: str, *, bars: Bars = BARS, allow_short: bool = False, account: str = "plain", yields: Bars | None = None
) -> Evaluator:
    costs, size = ACCOUNTS[account]
    return Evaluator(find_strategy(key), bars, costs=costs, account=size, allow_short=allow_short, yields=yields)


@pytest.mark.parametrize(("key", "account"), PLAYED)
@pytest.mark.parametrize("allow_short", [False, True])
def test_scores_agree_with_the_full_backtest(key: str, allow_short: bool, account: str) -> None:
    evaluator = evaluator_of(key, allow_short=allow_short, account=account)
    for overlays in DRESSES:
        param_sets = some_sets(evaluator.strategy, 6, **overlays)  # type: ignore[arg-type]
        scores = evaluator.scores(param_sets, start=START, stop=STOP)
        for row, params in enumerate(param_sets):
            told = evaluator.backtest(params, start=START, stop=STOP).measures
            for name in kernel.SCORE_NAMES:
                value = getattr(told, name)
                expected = np.nan if value is None else value
                np.testing.assert_allclose(scores.column(name)[row], expected, rtol=1e-11, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("overlays", [{}, ALL_ON], ids=["plain", "overlays"])
@pytest.mark.parametrize("key", STRATEGIES)
def test_a_set_scores_the_same_bits_alone_and_in_a_batch_of_200(key: str, overlays: Params) -> None:
    param_sets = some_sets(find_strategy(key), 200, **overlays)  # type: ignore[arg-type]
    batch = evaluator_of(key, allow_short=True).scores(param_sets, start=START, stop=STOP).table
    alone = evaluator_of(key, allow_short=True)

    for row in range(0, 200, 9):
        one = alone.scores([param_sets[row]], start=START, stop=STOP).table[0]
        np.testing.assert_array_equal(one, batch[row])


def test_threads_change_no_bit() -> None:
    evaluator = evaluator_of("rsi")
    param_sets = list(evaluator.strategy.space.param_sets())
    assert len(param_sets) * (STOP - START) > 2_000_000  # enough to be spread over the cores
    spread = evaluator.scores(param_sets, start=START, stop=STOP).table
    pieces = [
        evaluator.scores(param_sets[i : i + 500], start=START, stop=STOP).table for i in range(0, len(param_sets), 500)
    ]

    np.testing.assert_array_equal(spread, np.concatenate(pieces))


def test_evaluators_in_several_threads_do_not_disturb_each_other() -> None:
    def table(seed: int) -> object:
        evaluator = evaluator_of("macd")
        return evaluator.scores(some_sets(evaluator.strategy, 40, seed=seed), start=START, stop=STOP).table.tobytes()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(table, range(4))) == [table(seed) for seed in range(4)]


@pytest.mark.parametrize(("key", "account"), PLAYED)
def test_returns_are_those_of_the_backtest(key: str, account: str) -> None:
    evaluator = evaluator_of(key, allow_short=True, account=account)
    param_sets = some_sets(evaluator.strategy, 5, stop=5, voltarget=15)
    returns = evaluator.returns(param_sets, start=START, stop=STOP)

    assert returns.shape == (5, STOP - START)
    for row, params in enumerate(param_sets):
        np.testing.assert_array_equal(returns[row], evaluator.backtest(params, start=START, stop=STOP).returns)


@pytest.mark.parametrize("key", STRATEGIES)
def test_timing_returns_leave_out_what_positions_earn_at_the_markets_mean(key: str) -> None:
    evaluator = evaluator_of(key)
    param_sets = some_sets(evaluator.strategy, 5, stop=5)
    market = START, STOP - 100
    drift = evaluator.buy_and_hold(start=market[0], stop=market[1]).returns.mean()
    timing = evaluator.timing_returns(param_sets, start=START, stop=STOP, market=market)

    for row, params in enumerate(param_sets):
        played = evaluator.backtest(params, start=START, stop=STOP)
        np.testing.assert_allclose(timing[row], played.returns - drift * played.position, rtol=0, atol=1e-5)


def test_a_short_position_that_loses_is_exposed_to_more_than_its_equity() -> None:
    evaluator = evaluator_of("sma", allow_short=True)
    params = some_sets(evaluator.strategy, 1)[0]
    drift = evaluator.buy_and_hold(start=START, stop=STOP).returns.mean()
    timing = evaluator.timing_returns([params], start=START, stop=STOP, market=(START, STOP))[0]
    played = evaluator.backtest(params, start=START, stop=STOP)
    exposed = (played.returns - timing) / drift

    moves = evaluator.bars.close[START + 1 : STOP] / evaluator.bars.close[START : STOP - 1] - 1.0
    inside = (played.position[1:] == -1.0) & (played.position[:-1] == -1.0)
    assert inside.sum() > 20
    np.testing.assert_allclose(played.returns[1:][inside], (exposed[1:] * moves)[inside], rtol=0.05)


@pytest.mark.parametrize("overlays", DRESSES, ids=lambda o: "+".join(o) or "plain")
@pytest.mark.parametrize("key", STRATEGIES)
def test_every_strategy_under_every_overlay_equals_the_slow_ledger(key: str, overlays: Params) -> None:
    assert_equals_the_slow_ledger(key, overlays, "plain")


@pytest.mark.parametrize("account", [account for account in ACCOUNTS if account != "plain"])
@pytest.mark.parametrize("overlays", [{}, {"stop": 4, "voltarget": 10}], ids=["plain", "overlays"])
@pytest.mark.parametrize("key", SOME)
def test_every_account_equals_the_slow_ledger(key: str, overlays: Params, account: str) -> None:
    assert_equals_the_slow_ledger(key, overlays, account)


def assert_equals_the_slow_ledger(key: str, overlays: Params, account: str) -> None:
    evaluator = evaluator_of(key, allow_short=True, account=account)
    costs, size = ACCOUNTS[account]
    params = {**overlays, **evaluator.strategy.space.default}
    signals = evaluator.signals(params)
    batch = evaluator._batch([params])
    fractions = None
    if "voltarget" in overlays:
        with np.errstate(divide="ignore"):
            fractions = np.minimum(1.0, float(overlays["voltarget"]) / 100 / batch.volatility).tolist()
    slow = Ledger(
        bars=evaluator.bars,
        openings={1: list(signals.long_enter), -1: list(signals.short_enter)},
        exits={1: list(signals.long_exit), -1: list(signals.short_exit)},
        buy=evaluator.price_table.terms[orders.BUY],
        sell=evaluator.price_table.terms[orders.SELL],
        short=evaluator.price_table.terms[orders.SHORT],
        interest=[0.0, *[(1 + size.interest) ** (1 / 252) - 1] * (len(BARS) - 1)],
        borrow=costs.borrow / 252,
        broker=_broker(costs, size) if size.capital else None,
        stop=float(overlays.get("stop", 0)) / 100,
        take=float(overlays.get("take", 0)) / 100,
        trail=float(overlays.get("trail", 0)) / 100,
        max_hold=int(overlays.get("max_hold", 0)),
        fractions=fractions,
    ).run(START, STOP)

    np.testing.assert_allclose(evaluator.backtest(params, start=START, stop=STOP).equity, slow.curve, rtol=1e-10)


def _broker(costs: Costs, account: Account) -> Broker:
    rates = {name: getattr(costs, f"{name}_bps") / 10_000 for name in ("slippage", "commission", "tax")}
    return Broker(
        **rates,
        capital=account.capital or 0.0,
        per_share=costs.per_share,
        least_fee=costs.least_fee,
        is_whole=account.is_whole,
    )


@pytest.mark.parametrize("key", STRATEGIES)
def test_what_comes_after_a_window_changes_nothing_in_it(key: str) -> None:
    poisoned = bars_of(BARS.open.copy(), BARS.high.copy(), BARS.low.copy(), BARS.close.copy())
    rng = np.random.default_rng(5)
    for name in ("open", "high", "low", "close"):
        getattr(poisoned, name)[STOP:] = rng.uniform(1, 1000, len(BARS) - STOP)
    param_sets = some_sets(find_strategy(key), 20, **ALL_ON)  # type: ignore[arg-type]
    honest = evaluator_of(key, allow_short=True).scores(param_sets, start=START, stop=STOP)
    tempted = evaluator_of(key, bars=poisoned, allow_short=True).scores(param_sets, start=START, stop=STOP)
    shorter = evaluator_of(key, bars=BARS.cut(0, STOP), allow_short=True).scores(param_sets, start=START, stop=STOP)

    np.testing.assert_array_equal(tempted.table, honest.table)
    np.testing.assert_array_equal(shorter.table, honest.table)


def test_an_hourly_position_is_sized_by_what_was_known_at_its_signal() -> None:
    time = BARS.time[0] + np.arange(len(BARS)) * np.timedelta64(1, "h")
    time[STOP:] += np.timedelta64(9, "D")  # later bars that would change the number of bars of a year
    bars = replace(BARS, timeframe="1h", time=time)
    params = {**find_strategy("ema").space.default, "voltarget": 10}
    runs = {
        (counts_ahead, end): Evaluator(
            find_strategy("ema"), bars.cut(0, end), costs=COSTS, counts_ahead=counts_ahead
        ).backtest(params, start=START, stop=STOP)
        for counts_ahead in (False, True)
        for end in (STOP, len(bars))
    }

    assert len(np.unique(runs[False, STOP].position)) > 5
    np.testing.assert_array_equal(runs[False, STOP].position, runs[False, len(bars)].position)
    assert (runs[True, STOP].position != runs[True, len(bars)].position).any()  # as early studies did


def test_signals_before_the_window_open_no_position() -> None:
    evaluator = evaluator_of("sma")
    result = evaluator.backtest(evaluator.strategy.space.default, start=START, stop=STOP)

    assert result.trades[0].entry_bar > START
    assert result.position[0] == 0


def test_hold_buys_at_the_second_open_with_costs_and_never_sells() -> None:
    result = evaluator_of("rsi").buy_and_hold(start=START, stop=STOP)

    assert result.equity[0] == 1
    assert result.equity[-1] == pytest.approx(BARS.close[STOP - 1] / BARS.open[START + 1] / (1.0005 * 1.001))
    assert result.measures.n_trades == 0
    assert result.measures.exposure == pytest.approx(1 - 1 / (STOP - START))


def test_a_backtest_is_measured_against_hold() -> None:
    evaluator = evaluator_of("momentum")
    measures = evaluator.backtest({"lookback": 10, "enter": 0, "leave": 0}, start=START, stop=STOP).measures

    assert measures.correlation is not None
    assert 0.3 < measures.correlation < 1
    assert measures.beta is not None
    assert all(getattr(measures, name) is not None for name in Measures.model_fields)


@pytest.mark.parametrize("key", FIXED_RULES)
def test_every_declared_parameter_changes_some_result(key: str) -> None:
    strategy = find_strategy(key)
    evaluator = evaluator_of(key)
    middle = strategy.space.default
    for parameter in strategy.space.parameters:
        param_sets = [{**middle, parameter.name: value} for value in parameter.values]
        param_sets = [params for params in param_sets if strategy.space.contains(params)]
        returns = evaluator.scores(param_sets, start=START, stop=STOP).total_return
        assert len(np.unique(returns)) > 1, parameter.name


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_overlay_changes_some_result_and_so_does_its_value(name: str) -> None:
    evaluator = evaluator_of("ema")
    param_sets = [{**evaluator.strategy.space.default, name: value} for value in OVERLAYS[name].values]
    plain = evaluator.scores([evaluator.strategy.space.default], start=START, stop=STOP).total_return[0]
    returns = evaluator.scores(param_sets, start=START, stop=STOP).total_return

    assert len(np.unique(returns)) > 1
    assert (returns != plain).any()


def test_short_positions_are_only_taken_when_allowed() -> None:
    params = find_strategy("ema").space.default

    assert evaluator_of("ema").backtest(params, start=START, stop=STOP).position.min() == 0
    assert evaluator_of("ema", allow_short=True).backtest(params, start=START, stop=STOP).position.min() == -1


def test_a_set_without_an_overlay_is_played_without_it_in_a_mixed_batch() -> None:
    evaluator = evaluator_of("ema")
    plain = evaluator.strategy.space.default
    mixed = evaluator.scores([plain, {**plain, "stop": 2}], start=START, stop=STOP).table

    np.testing.assert_array_equal(mixed[0], evaluator.scores([plain], start=START, stop=STOP).table[0])
    assert mixed[1, 0] != mixed[0, 0]


def test_indicators_are_computed_once() -> None:
    evaluator = evaluator_of("rsi")
    param_sets = list(evaluator.strategy.space.param_sets())[:400]
    evaluator.scores(param_sets, start=START, stop=STOP)
    evaluator.scores(param_sets, start=START + 10, stop=STOP)

    assert evaluator.cache_misses == len({params["period"] for params in param_sets})
    assert evaluator.cache_hits + evaluator.cache_misses == 2 * 2 * len(param_sets)


def test_no_memory_is_too_small_for_many_sets() -> None:
    bars = made_up_bars(3000)
    roomy = Evaluator(find_strategy("macd"), bars, costs=COSTS)
    tight = Evaluator(find_strategy("macd"), bars, costs=COSTS, capacity=64)
    param_sets = some_sets(find_strategy("macd"), 200)

    np.testing.assert_array_equal(
        tight.scores(param_sets, start=100, stop=3000).table, roomy.scores(param_sets, start=100, stop=3000).table
    )
    assert tight._conditions._n_slots <= 64


def test_no_memory_is_too_small_for_sets_one_by_one() -> None:
    param_sets = list(find_strategy("rsi").space.param_sets())[:40]
    small = Evaluator(find_strategy("rsi"), BARS, costs=COSTS, allow_short=True, capacity=16)
    expected = evaluator_of("rsi", allow_short=True).scores(param_sets, start=START, stop=STOP).table

    found = [small.scores([params], start=START, stop=STOP).table[0] for params in [*param_sets, *param_sets]]

    np.testing.assert_array_equal(found, [*expected, *expected])


@pytest.mark.parametrize("capacity", [None, 1_000], ids=["kept", "forgotten"])
def test_sets_of_a_tuple_score_the_same_bits_again_and_in_any_order(capacity: int | None) -> None:
    strategy, bars = find_strategy("ema"), made_up_bars(600)
    param_sets = tuple(some_sets(strategy, 120, stop=5, voltarget=15))
    kept = Evaluator(strategy, bars, costs=COSTS, capacity=capacity)
    kept.scores(param_sets, start=300, stop=600)
    some = list(param_sets[::-3])

    for asked in (param_sets, some, [*some, *some_sets(strategy, 3, seed=5)]):
        fresh = Evaluator(strategy, bars, costs=COSTS)
        again, plain = (each.scores(asked, start=250, stop=590).table for each in (kept, fresh))
        np.testing.assert_array_equal(again, plain)


def test_a_flat_equity_has_no_ratio_and_no_drawdown() -> None:
    evaluator = evaluator_of("rsi", bars=bars_of(*np.full((4, 300), 50.0)))
    scores = evaluator.scores([{"period": 14, "oversold": 30, "overbought": 70}], start=250, stop=300)
    buy_and_hold = evaluator.buy_and_hold(start=250, stop=300).measures

    assert scores.n_trades.tolist() == [0]
    assert np.isnan(scores.calmar_ratio if scores.max_drawdown[0] == 0 else np.nan)
    assert buy_and_hold.win_rate is None
    never = evaluator_of("rsi").scores([{"period": 30, "oversold": 20, "overbought": 80}], start=START, stop=START + 9)
    assert never.total_return.tolist() == [0]
    assert np.isnan([never.sharpe_ratio[0], never.sortino_ratio[0], never.calmar_ratio[0], never.win_rate[0]]).all()


def test_scores_name_every_measure_a_goal_can_ask_for() -> None:
    scores = Scores(np.arange(2 * len(kernel.SCORE_NAMES), dtype=float).reshape(2, -1))

    for i, name in enumerate(kernel.SCORE_NAMES):
        assert getattr(scores, name).tolist() == [i, i + len(kernel.SCORE_NAMES)]
    assert len(scores) == 2


@pytest.mark.parametrize(("start", "stop"), [(10, 10), (10, 11), (-1, 50), (10, 10_000), (60, 50)])
def test_an_empty_window_is_refused(start: int, stop: int) -> None:
    evaluator = evaluator_of("rsi")
    with pytest.raises(TooFewBars):
        evaluator.scores([evaluator.strategy.space.default], start=start, stop=stop)


def test_unusable_prices_are_refused_before_anything_is_scored() -> None:
    bars = made_up_bars(300)
    bars.low[20] = np.nan

    with refused(UnusableBars, match="low is nan"):
        evaluator_of("rsi", bars=bars)


def test_no_sets_have_no_scores() -> None:
    evaluator = evaluator_of("rsi")

    assert len(evaluator.scores([], start=START, stop=STOP)) == 0


def test_warming_up_compiles_all_there_is() -> None:
    warm()

    functions: list[Any] = [
        kernel.score_sets,
        trade_log.fill_returns,
        trade_log.record,
        trade_log.describe,
        trade_log.sum_play,
        trade_log.centre,
        fill_masks,
        fill_mask,
        fill_spans,
        lay_out,
        fill_rsi,
    ]
    for function in functions:
        assert len(function.signatures) == 1, function
