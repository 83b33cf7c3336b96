"""Gates and splits by regime: what they let open, which value counts when, and that equal values change nothing."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.space import Params
from optimizer.domain.study_request import Costs, Narrowed, Reentry, StudySpec
from optimizer.engine.backtest import Backtest
from optimizer.engine.evaluator import Evaluator
from optimizer.errors import UnknownParameter
from optimizer.indicators.conditions import Conditions
from optimizer.learned.regime_rows import GATES, STRESSED, is_one_of, labels_of, n_before_labels, stress
from optimizer.search.loop import search
from optimizer.strategies.overlays import CLOSING
from optimizer.strategies.regimes.errors import NotSplittable, SplitTwice, TooManySplits
from optimizer.strategies.regimes.splitting import split, splittable, stressed
from optimizer.strategies.registry import STRATEGIES, space_of, strategy_of
from optimizer.strategies.rules.compiling import strategy_of_rule
from tests.optimizer.engine.test_evaluator import some_sets
from tests.optimizer.learned.regime_worlds import PLANTED, planted
from tests.optimizer.reference import Ledger
from tests.refused import refused

START, STOP = 300, 1500
#: What each strategy can split first; those whose numbers keep an order only their exits.
SPLITS = {key: (*splittable(strategy)[: 1 + (key == "rsi")],) for key, strategy in STRATEGIES.ours.items()}


@cache
def market() -> Bars:
    return planted(PLANTED[0], 3, years=6)[0]


def is_stress() -> FloatArray:
    return is_one_of(labels_of(market()), STRESSED).astype(float)


def never(conditions: Conditions, _: int) -> FloatArray:
    return np.zeros(len(conditions.bars))


def always(conditions: Conditions, _: int) -> FloatArray:
    return np.ones(len(conditions.bars))


def evaluator_of(strategy: object, **more: object) -> Evaluator:
    return Evaluator(strategy, market(), costs=Costs(), allow_short=True, **more)  # type: ignore[arg-type]


def equal_values(params: Params, names: tuple[str, ...]) -> Params:
    return {**params, **{stressed(name): params[name] for name in names}}


def trades_of(found: Backtest) -> list[tuple[int, int, int, float, float]]:
    return [(t.entry_bar, t.exit_bar, t.side, t.entry_price, t.exit_price) for t in found.trades]


@pytest.mark.parametrize("key", SPLITS)
def test_equal_values_are_the_plain_strategy_bit_for_bit(key: str) -> None:
    names = SPLITS[key]
    plain, both = evaluator_of(STRATEGIES[key]), evaluator_of(split(STRATEGIES[key], names))
    orders: Params = {name: 6 for name in names if name in CLOSING}
    param_sets = some_sets(STRATEGIES[key], 20, **orders)  # type: ignore[arg-type]
    ours = both.scores([equal_values(params, names) for params in param_sets], start=START, stop=STOP)
    np.testing.assert_array_equal(plain.scores(param_sets, start=START, stop=STOP).table, ours.table)


@pytest.mark.parametrize(("row", "kept"), [(never, ""), (always, "_stress")])
def test_constant_labels_leave_the_value_of_one_regime(row: object, kept: str) -> None:
    names = ("oversold", "stop")
    both = evaluator_of(split(STRATEGIES["rsi"], names, row))  # type: ignore[arg-type]
    sets: list[Params] = [
        {**params, "oversold_stress": 55 - int(params["oversold"]), "stop": 4, "stop_stress": 9}
        for params in some_sets(STRATEGIES["rsi"], 20)
    ]
    plain = [
        {"period": p["period"], "overbought": p["overbought"], **{name: p[name + kept] for name in names}} for p in sets
    ]
    expected = evaluator_of(STRATEGIES["rsi"]).scores(plain, start=START, stop=STOP)
    np.testing.assert_array_equal(expected.table, both.scores(sets, start=START, stop=STOP).table)


def test_constant_labels_make_the_same_trials_as_the_plain_search() -> None:
    plain = StudySpec(symbol="W", strategy_name="rsi", n_trials=60)
    wanted = plain.model_copy(update={"by_regime": ("oversold",)})
    both = evaluator_of(split(STRATEGIES["rsi"], ("oversold",), never))
    trials = list(search(wanted, space_of(wanted), both, start=START, stop=STOP, n_trials=60, seed=7))
    sets: list[Params] = [{k: v for k, v in t.params.items() if k != "oversold_stress"} for t in trials]
    expected = evaluator_of(STRATEGIES["rsi"]).scores(sets, start=START, stop=STOP).sharpe_ratio
    found = np.array([np.nan if t.sharpe_ratio is None else t.sharpe_ratio for t in trials])
    np.testing.assert_array_equal(expected, found)
    assert trials[0].params == {"period": 14, "oversold": 30, "overbought": 70, "oversold_stress": 30}


def test_conditions_are_decided_by_the_regime_of_each_close() -> None:
    params: Params = {"period": 12, "oversold": 35, "overbought": 65, "oversold_stress": 21}
    both = evaluator_of(split(STRATEGIES["rsi"], ("oversold",))).signals(params)
    plain = evaluator_of(STRATEGIES["rsi"])
    calm, wild = (plain.signals({**params, "oversold": level}) for level in (35, 21))
    chosen = np.where(is_stress() > 0, wild.long_enter, calm.long_enter)
    np.testing.assert_array_equal(both.long_enter, chosen)
    np.testing.assert_array_equal(both.short_exit, np.where(is_stress() > 0, wild.short_exit, calm.short_exit))
    assert (calm.long_enter != chosen).any()
    assert (wild.long_enter != chosen).any()


@pytest.mark.parametrize("reenter", Reentry)
def test_orders_are_those_of_the_close_that_opened_the_position(reenter: Reentry) -> None:
    rng, row = np.random.default_rng(8), is_stress()
    names = tuple(rng.permutation(CLOSING)[:2].tolist())
    n_split = 0
    for _ in range(250):
        names = tuple(rng.permutation(CLOSING)[:2].tolist())
        evaluator = evaluator_of(split(STRATEGIES["rsi2"], names), reenter=reenter)
        params = some_sets(STRATEGIES["rsi2"], 1, seed=int(rng.integers(10_000)))[0]
        orders = {name: int(rng.integers(2, 25)) for name in (*CLOSING, *map(stressed, names)) if rng.random() < 0.8}
        found = evaluator.backtest({**params, **orders}, start=START, stop=STOP)
        assert trades_of(found) == _slowly(evaluator, {**params, **orders}, names, row, reenter)
        n_split += any(orders.get(name) != orders.get(stressed(name)) for name in names)
    assert n_split > 200


def _slowly(
    evaluator: Evaluator, params: Params, names: tuple[str, ...], row: FloatArray, reenter: Reentry
) -> list[tuple[int, int, int, float, float]]:
    """Trades by the reference, whose orders are set anew for each position."""
    signals = evaluator.signals(params)
    ledger = _RegimeLedger(
        bars=market(),
        openings={1: signals.long_enter.tolist(), -1: signals.short_enter.tolist()},
        exits={1: signals.long_exit.tolist(), -1: signals.short_exit.tolist()},
        reenters=reenter is Reentry.SIGNAL,
    )
    calm = {name: float(params.get(name, 0)) for name in CLOSING}
    wild = calm | {name: float(params[stressed(name)]) for name in names if stressed(name) in params}
    ledger.by_row = [wild if value > 0 else calm for value in row.tolist()]
    return ledger.run(START, STOP).trades


class _RegimeLedger(Ledger):
    by_row: list[dict[str, float]]

    def _enter(self, t: int, side: int) -> None:
        orders = self.by_row[t - 1]
        self.stop, self.take, self.trail = (orders[name] * 0.01 for name in ("stop", "take", "trail"))
        self.max_hold = int(orders["max_hold"])
        super()._enter(t, side)


@pytest.mark.parametrize("word", GATES)
@pytest.mark.parametrize("trend", [0, 100])
def test_a_gate_lets_positions_open_in_its_regimes_alone_and_closes_nothing(word: str, trend: int) -> None:
    params: Params = {"period": 12, "oversold": 35, "overbought": 65, **({"trend": trend} if trend else {})}
    evaluator = evaluator_of(STRATEGIES["rsi"])
    plain, found = evaluator.signals(params), evaluator.signals({**params, "regime": word})
    names = GATES[word]
    passes = np.ones(len(market()), dtype=bool) if names is None else is_one_of(labels_of(market()), names)
    np.testing.assert_array_equal(found.long_enter, plain.long_enter & passes)
    np.testing.assert_array_equal(found.short_enter, plain.short_enter & passes)
    np.testing.assert_array_equal(found.long_exit, plain.long_exit)


def test_changed_prices_after_a_bar_change_nothing_before_it() -> None:
    bars = market()
    factor = np.where(np.arange(len(bars)) < STOP, 1.0, 3.0)
    other = replace(bars, **{name: getattr(bars, name) * factor for name in ("open", "high", "low", "close")})
    np.testing.assert_array_equal(labels_of(bars)[:STOP], labels_of(other)[:STOP])
    strategy = split(STRATEGIES["rsi"], ("oversold", "stop"))
    sets: list[Params] = [
        {**p, "oversold_stress": 22, "stop": 5, "stop_stress": 9, "regime": "no-bear"}
        for p in some_sets(STRATEGIES["rsi"], 10)
    ]
    tables = [
        Evaluator(strategy, one, costs=Costs()).scores(sets, start=START, stop=STOP).table for one in (bars, other)
    ]
    np.testing.assert_array_equal(*tables)


def test_a_bar_without_a_label_is_calm_and_opens_nothing_through_a_gate() -> None:
    bars = market()
    first = n_before_labels(bars)
    assert (labels_of(bars)[:first] < 0).all()
    assert (labels_of(bars)[first:] >= 0).all()
    conditions = Conditions(bars)
    assert not stress(conditions, 0)[:first].any()


def test_a_rule_in_words_and_its_many_masks_fit_the_bank() -> None:
    text = (
        "buy when rsi(14) < 30 and close > sma(100) and not close crosses above sma(20); "
        "sell when rsi(14) > 55 or close < lowest(20)"
    )
    plain = strategy_of_rule(text)
    name = splittable(plain)[0]
    strategy = split(plain, (name,))
    evaluator = Evaluator(strategy, market(), costs=Costs(), capacity=strategy.masks_per_set + 6)
    sets = [equal_values(params, (name,)) for params in some_sets(plain, 30)]
    expected = Evaluator(plain, market(), costs=Costs()).scores(
        [{k: v for k, v in p.items() if k != stressed(name)} for p in sets], start=START, stop=STOP
    )
    np.testing.assert_array_equal(expected.table, evaluator.scores(sets, start=START, stop=STOP).table)


def test_strategies_over_the_same_bars_share_what_is_computed() -> None:
    evaluator = evaluator_of(split(STRATEGIES["rsi"], ("oversold",)))
    sets = some_sets(STRATEGIES["rsi"], 10)
    shared = evaluator.with_strategy(STRATEGIES["rsi"]).scores(sets, start=START, stop=STOP).table
    own = evaluator_of(STRATEGIES["rsi"]).scores(sets, start=START, stop=STOP).table
    np.testing.assert_array_equal(shared, own)


def test_second_values_have_the_range_and_the_default_of_the_first() -> None:
    spec = StudySpec(
        symbol="W",
        strategy_name="rsi",
        by_regime=("oversold", "stop"),
        narrowed=(Narrowed(name="oversold", low=25, high=33), Narrowed(name="stop", low=4, high=4)),
        overlays=("stop",),
    )
    space = space_of(spec)
    assert space.by_name["oversold_stress"].values == space.by_name["oversold"].values == tuple(range(25, 34))
    assert space.by_name["stop_stress"].values == (4,)
    assert space.default["oversold_stress"] == space.default["oversold"] == 30
    turned_on = space_of(StudySpec(symbol="W", strategy_name="rsi", by_regime=("stop",)))
    assert {"stop", "stop_stress"} <= turned_on.by_name.keys()
    assert strategy_of(spec).warm_up({"period": 14, "oversold": 30, "overbought": 70, "oversold_stress": 22}) == 14


def test_a_split_period_warms_up_for_the_longer_one() -> None:
    strategy = split(STRATEGIES["rsi"], ("period",))
    assert strategy.warm_up({"period": 11, "oversold": 30, "overbought": 70, "period_stress": 27}) == 27


def test_what_cannot_be_split_is_refused_with_what_can() -> None:
    with refused(TooManySplits, match="at most 2"):
        split(STRATEGIES["rsi"], ("period", "oversold", "stop"))
    with refused(SplitTwice, match="named twice"):
        split(STRATEGIES["rsi"], ("stop", "stop"))
    with refused(UnknownParameter, match="oversold"):
        split(STRATEGIES["rsi"], ("oversolt",))
    with refused(NotSplittable, match="stop"):
        split(STRATEGIES["bollinger"], ("mode",))
    with refused(NotSplittable, match="slow"):
        split(STRATEGIES["sma"], ("fast",))
    with refused(UnknownParameter, match="no parameter"):
        split(STRATEGIES["rsi"], ("trend",))
