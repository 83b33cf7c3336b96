"""Rules in the engine: trades like those of the built-in strategies, no look into the future, no overflow."""

from dataclasses import replace

import numpy as np
import pytest

from optimizer.domain.bars import Bars
from optimizer.domain.space import Params
from optimizer.domain.study_request import Costs
from optimizer.engine.evaluator import Evaluator
from optimizer.indicators.conditions import Conditions
from optimizer.strategies.declaration import MASKS_PER_SET
from optimizer.strategies.registry import STRATEGIES
from optimizer.strategies.rules.built_in_sentences import has_sentence, sentence_of
from optimizer.strategies.rules.compiling import strategy_of_rule
from optimizer.strategies.rules.errors import NothingToSearch, NotLonger
from optimizer.strategies.rules.reading import parse_rule
from optimizer.strategies.rules.tree import Quantity, Rule, quantities_of, symbols_of
from optimizer.strategies.rules.writing import rule_text
from tests.bars import sample_bars
from tests.optimizer.strategies.rules.random_rules import random_rule

BARS = sample_bars("AAPL").cut(0, 1500)
OTHERS = {
    name: replace(sample_bars("MSFT").cut(0, 1450), symbol=name) for name in ("SPY", "BRK.B", "005930.KS", "^VIX")
}
OTHERS["BTC-USD"] = replace(sample_bars("IBM").cut(100, 1500), symbol="BTC-USD")
START, STOP = 300, 1400
COSTS = Costs()


def sets_of(key: str, n: int) -> list[Params]:
    rng = np.random.default_rng(5)
    space, found = STRATEGIES[key].space, list[Params]()
    while len(found) < n:
        params = {p.name: p.values[rng.integers(len(p.values))] for p in space.parameters}
        if space.contains(params):
            found.append(params)
    return found


@pytest.mark.parametrize("allow_short", [False, True])
@pytest.mark.parametrize("key", [key for key in STRATEGIES if has_sentence(key)])
def test_a_built_in_strategy_as_a_sentence_makes_the_same_trades(key: str, allow_short: bool) -> None:
    built_in = Evaluator(STRATEGIES[key], BARS, costs=COSTS, allow_short=allow_short)
    n_trades = 0
    for params in sets_of(key, 50):
        text = sentence_of(key, params, allow_short=allow_short)
        strategy = strategy_of_rule(text)
        rule = Evaluator(strategy, BARS, costs=COSTS, allow_short=allow_short)
        ours = built_in.backtest(params, start=START, stop=STOP)
        theirs = rule.backtest(strategy.space.default, start=START, stop=STOP)
        assert theirs.trades == ours.trades, text
        assert theirs.equity.tobytes() == ours.equity.tobytes()
        n_trades += len(ours.trades)
    assert n_trades > 30


def test_many_sets_are_scored_as_one_is() -> None:
    strategy = strategy_of_rule(
        "buy when (rsi < 30 and close > sma(200)) or close crosses above upper for 2 bars; "
        "sell when not (rsi < 60 or volume > volsma) or close falls 3 bars"
    )
    rng = np.random.default_rng(3)
    sets = [{p.name: p.values[rng.integers(len(p.values))] for p in strategy.space.parameters} for _ in range(700)]
    together = Evaluator(strategy, BARS, costs=COSTS).scores(sets, start=START, stop=STOP)
    alone = Evaluator(strategy, BARS, costs=COSTS)

    for at in range(0, 700, 50):
        score = alone.scores([sets[at]], start=START, stop=STOP)
        assert score.table.tobytes() == together.table[at : at + 1].tobytes()


@pytest.mark.parametrize("seed", range(8))
def test_a_rule_never_looks_ahead(seed: int) -> None:
    """Signals up to a bar are the same whatever comes after it: later bars are cut off, or made absurd."""
    rng = np.random.default_rng(seed)
    for _ in range(10):
        rule = random_rule(rng, depth=2)
        try:
            strategy = strategy_of_rule(rule_text(rule))
        except NothingToSearch:
            continue
        params = strategy.space.default
        cut = int(rng.integers(400, 1400))
        whole = Evaluator(strategy, BARS, costs=COSTS, allow_short=rule.has_short, others=OTHERS).signals(params)
        for bars, others in ((BARS.cut(0, cut), _until(BARS, cut)), (_spoilt(BARS, cut), _spoilt_others(BARS, cut))):
            part = Evaluator(strategy, bars, costs=COSTS, allow_short=rule.has_short, others=others).signals(params)
            for side in ("long_enter", "long_exit", "short_enter", "short_exit"):
                assert (getattr(part, side)[:cut] == getattr(whole, side)[:cut]).all(), rule_text(rule)


def _until(bars: Bars, cut: int) -> dict[str, Bars]:
    last = bars.time[cut - 1]
    return {name: other.cut(0, int(np.searchsorted(other.time, last, side="right"))) for name, other in OTHERS.items()}


def _spoilt(bars: Bars, cut: int) -> Bars:
    """The bars with absurd prices from row `cut` on."""
    columns = {name: getattr(bars, name).copy() for name in ("open", "high", "low", "close", "volume")}
    for column in columns.values():
        column[cut:] *= np.linspace(0.2, 30.0, len(column) - cut)
    return replace(bars, **columns)


def _spoilt_others(bars: Bars, cut: int) -> dict[str, Bars]:
    last = bars.time[cut - 1]
    return {
        name: _spoilt(other, int(np.searchsorted(other.time, last, side="right"))) for name, other in OTHERS.items()
    }


def test_a_bar_of_another_exchange_counts_from_the_next_day_on() -> None:
    text = "buy when {}.close > {}.sma(2); sell when rsi > 70"
    same, abroad = (
        Evaluator(strategy_of_rule(text.format(name, name)), BARS, costs=COSTS, others=OTHERS)
        for name in ("spy", "005930.ks")
    )
    here, there = (evaluator.signals(evaluator.strategy.space.default) for evaluator in (same, abroad))

    # The bars are the same ones: those of Seoul are heard of a day later. An unchanged close is left to rounding.
    close = OTHERS["SPY"].close
    rose, is_clear = close[1:] > close[:-1], np.diff(close) != 0
    assert (here.long_enter[1:1450] == (rose & ~here.long_exit[1:1450]))[is_clear].all()
    assert (there.long_enter[2:1450] == (rose[:-1] & ~there.long_exit[2:1450]))[is_clear[:-1]].all()
    assert here.long_enter.sum() > 300


def test_a_week_counts_once_it_has_ended() -> None:
    strategy = strategy_of_rule("buy when close on 1w > open on 1w; sell when rsi > 99")
    signals = Evaluator(strategy, BARS, costs=COSTS).signals(strategy.space.default)
    days = BARS.time.astype("datetime64[D]").astype(int)
    weeks = (days + 3) // 7
    expected = np.zeros(len(BARS), dtype=bool)
    for t in range(len(BARS)):
        earlier = np.flatnonzero(weeks < weeks[t])
        if len(earlier):
            week = np.flatnonzero(weeks == weeks[earlier[-1]])
            expected[t] = BARS.close[week[-1]] > BARS.open[week[0]]
    assert (signals.long_enter == (expected & ~signals.long_exit)).all()


def test_longer_bars_must_be_longer() -> None:
    with pytest.raises(NotLonger):
        strategy_of_rule("buy when rsi(14) on 1d < 30; sell when rsi > 60", "1d")
    strategy_of_rule("buy when rsi(14) on 1d < 30; sell when rsi > 60", "1h")


def test_a_small_bank_gives_what_a_large_one_gives() -> None:
    buy = "buy when rsi < 30 and close > sma(200) and not volume > volsma for 3 bars"
    text = f"{buy}; sell when rsi > 55 or close falls 3 bars"
    strategy = strategy_of_rule(text)
    rng = np.random.default_rng(1)
    sets = [{p.name: p.values[rng.integers(len(p.values))] for p in strategy.space.parameters} for _ in range(5_000)]
    large = Evaluator(strategy, BARS, costs=COSTS).scores(sets, start=START, stop=STOP)

    small = Evaluator(strategy, BARS, costs=COSTS, capacity=strategy.masks_per_set + 2)

    assert small.scores(sets, start=START, stop=STOP).table.tobytes() == large.table.tobytes()


def test_a_strategy_that_asks_for_more_masks_than_it_declared_fails() -> None:
    strategy = replace(
        strategy_of_rule("buy when rsi < 30 and close > sma(200) and roc > 2; sell when rsi > 55"), masks_per_set=2
    )
    evaluator = Evaluator(strategy, BARS, costs=COSTS, capacity=6)
    with pytest.raises(AssertionError, match="more masks"):
        evaluator.scores([strategy.space.default], start=START, stop=STOP)


@pytest.mark.parametrize("seed", range(3))
def test_a_rule_never_needs_more_masks_than_it_declares(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(60):
        rule = random_rule(rng, depth=3)
        try:
            strategy = strategy_of_rule(rule_text(rule))
        except NothingToSearch:
            continue
        conditions = Conditions(BARS, OTHERS)
        columns = {name: [value] for name, value in strategy.space.default.items()}
        before = conditions.n_slots
        strategy.long(conditions, columns)
        if strategy.short is not None:
            strategy.short(conditions, columns)
        assert conditions.n_slots - before <= strategy.masks_per_set - MASKS_PER_SET


@pytest.mark.parametrize("seed", range(3))
def test_every_quantity_has_a_value_after_the_warm_up(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(40):
        rule = random_rule(rng, others=False, depth=1)
        try:
            strategy = strategy_of_rule(rule_text(rule))
        except NothingToSearch:
            continue
        warm_up = strategy.warm_up(strategy.space.default)
        assert warm_up < 600, rule_text(rule)
        assert warm_up >= max(_longest(quantity) for quantity in _quantities(rule)) - 1


def _quantities(rule: Rule) -> list[Quantity]:
    return [quantity for _, clause in rule.sides() for quantity in quantities_of(clause)]


def _longest(quantity: Quantity) -> float:
    is_band = quantity.name in ("upper", "lower", "keltner_upper", "keltner_lower", "supertrend")
    return quantity.ago + max([number.value for number in quantity.numbers[: 1 if is_band else None]], default=0.0)


def test_the_symbols_of_a_rule_are_those_it_names() -> None:
    rule = parse_rule("buy when spy.close > spy.sma(50) and ^vix.close < 20; sell when spy.close < spy.sma(50)")
    assert symbols_of(rule) == ("SPY", "^VIX")
