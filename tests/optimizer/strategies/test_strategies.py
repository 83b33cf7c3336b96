"""One declaration a strategy: found by any of its words, with the spaces the product promises."""

import numpy as np
import optuna
import pytest

from optimizer.domain.space import Choice, Range
from optimizer.domain.study_request import Costs, Narrowed, StudySpec
from optimizer.engine.evaluator import Evaluator
from optimizer.errors import (
    EmptySpace,
    NotANumber,
    OutOfRange,
    UnknownOverlay,
    UnknownParameter,
    UnknownStrategy,
    WrongChoice,
)
from optimizer.strategies.registry import OVERLAYS, STRATEGIES, find_strategy, longest_warm_up, space_of
from tests.bars import sample_bars
from tests.fixed_rules import FIXED_RULES
from tests.refused import refused

ALIASES = {
    "connors": "rsi2",
    "bb": "bollinger",
    "bbands": "bollinger",
    "roc": "momentum",
    "turtle": "donchian",
    "breakout": "donchian",
    "stoch": "stochastic",
}

#: name → (low, high, step, default) of every numeric parameter, as the product page has them.
DECLARED = {
    "rsi": {"period": (10, 30, 1, 14), "oversold": (20, 35, 1, 30), "overbought": (65, 80, 1, 70)},
    "rsi2": {"period": (2, 4, 1, 2), "entry": (5, 20, 1, 10), "exit": (50, 80, 5, 70), "trend": (100, 250, 25, 200)},
    "sma": {"fast": (5, 50, 1, 20), "slow": (20, 200, 5, 50)},
    "ema": {"fast": (5, 50, 1, 12), "slow": (20, 200, 2, 26)},
    "macd": {"fast": (5, 20, 1, 12), "slow": (20, 50, 1, 26), "signal": (5, 15, 1, 9)},
    "bollinger": {"period": (10, 50, 1, 20), "width": (1, 3, 0.25, 2)},
    "momentum": {"lookback": (10, 250, 5, 125), "enter": (0, 10, 1, 0), "leave": (-10, 0, 1, 0)},
    "donchian": {"entry": (10, 100, 5, 20), "exit": (5, 50, 5, 10)},
    "stochastic": {"k": (5, 21, 1, 14), "d": (3, 5, 1, 3), "low": (10, 30, 5, 20), "high": (70, 90, 5, 80)},
    "zscore": {"period": (10, 100, 5, 20), "entry": (1, 3, 0.25, 2), "exit": (0, 1, 0.25, 0)},
    "supertrend": {"period": (7, 21, 1, 10), "mult": (1.5, 4, 0.25, 3)},
}
OVERLAY_RANGES = {
    "stop": (2, 15, 1),
    "take": (4, 40, 2),
    "trail": (3, 20, 1),
    "trend": (100, 250, 25),
    "voltarget": (10, 25, 5),
    "max_hold": (5, 60, 5),
}


def spec_of(key: str, *narrowed: Narrowed, overlays: tuple[str, ...] = ()) -> StudySpec:
    return StudySpec(symbol="AAPL", strategy_name=key, narrowed=narrowed, overlays=overlays)


def test_the_promised_strategies_are_registered() -> None:
    assert set(DECLARED) <= set(STRATEGIES)


@pytest.mark.parametrize("key", DECLARED)
def test_a_space_is_the_declared_one(key: str) -> None:
    ranges = {p.name: p for p in STRATEGIES[key].space.parameters if isinstance(p, Range)}

    assert {name: (p.low, p.high, p.step, p.default) for name, p in ranges.items()} == DECLARED[key]
    assert STRATEGIES[key].space.contains(STRATEGIES[key].space.default)


def test_bollinger_chooses_its_mode() -> None:
    mode = STRATEGIES["bollinger"].space.by_name["mode"]

    assert isinstance(mode, Choice)
    assert (mode.choices, mode.default) == (("revert", "break"), "revert")


def test_overlays_are_the_declared_ones() -> None:
    ranges = {name: p for name, p in OVERLAYS.items() if isinstance(p, Range)}
    assert {name: (p.low, p.high, p.step) for name, p in ranges.items()} == OVERLAY_RANGES
    assert OVERLAYS.keys() - ranges.keys() == {"regime"}
    assert all(overlay.default in overlay.values for overlay in OVERLAYS.values())


def test_the_rsi_grid_has_its_known_size() -> None:
    assert STRATEGIES["rsi"].space.size == 5376


@pytest.mark.parametrize(("word", "key"), [*ALIASES.items(), *((key.upper(), key) for key in STRATEGIES)])
def test_a_strategy_is_found_by_key_and_alias_in_any_case(word: str, key: str) -> None:
    assert find_strategy(word).key == key


def test_a_near_miss_is_told_the_nearest_strategy() -> None:
    with refused(UnknownStrategy, match="Did you mean `bollinger`"):
        find_strategy("bolinger")
    with refused(UnknownStrategy, match="I know: "):
        find_strategy("hold")


@pytest.mark.parametrize("key", STRATEGIES)
def test_optuna_never_proposes_a_set_that_breaks_the_order(key: str) -> None:
    space = space_of(spec_of(key, overlays=("stop", "max_hold")))
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))

    for _ in range(60):
        trial = study.ask()
        assert space.contains(space.suggest(trial))
        study.tell(trial, 0.0)


@pytest.mark.parametrize("key", FIXED_RULES)
def test_two_sides_never_want_in_at_once(key: str) -> None:
    strategy = STRATEGIES[key]
    evaluator = Evaluator(strategy, sample_bars("IBM"), costs=Costs(), allow_short=True)
    signals = evaluator.signals(strategy.space.default)

    assert signals.long_enter.any()
    assert signals.short_enter.any()
    assert not (signals.long_enter & signals.short_enter).any()


def test_a_narrowed_range_fixes_cuts_and_steps() -> None:
    space = space_of(
        spec_of(
            "rsi",
            Narrowed(name="period", low=14, high=14),
            Narrowed(name="oversold", low=20, high=35, step=5),
            Narrowed(name="rsi_overbought", low=75, high=80),
        )
    )

    assert [len(p.values) for p in space.parameters] == [1, 4, 6]
    assert space.default == {"period": 14, "oversold": 30, "overbought": 75}


def test_a_choice_can_be_fixed() -> None:
    assert space_of(spec_of("bollinger", Narrowed(name="mode", choices=("break",)))).default["mode"] == "break"


def test_overlays_are_dimensions_only_when_named() -> None:
    assert space_of(spec_of("ema")).names == ("fast", "slow")
    assert space_of(spec_of("ema", overlays=("trail", "stop"))).names == ("fast", "slow", "stop", "trail")
    assert space_of(spec_of("ema", Narrowed(name="stop", low=5, high=5))).default["stop"] == 5


def test_the_trend_of_rsi2_is_its_own() -> None:
    space = space_of(spec_of("rsi2", Narrowed(name="trend", low=100, high=150), overlays=("trend",)))

    assert space.names == ("period", "entry", "exit", "trend")
    assert space.by_name["trend"].values == (100, 125, 150)


@pytest.mark.parametrize(
    ("key", "narrowed", "error"),
    [
        ("rsi", Narrowed(name="perod", low=10, high=20), UnknownParameter),
        ("rsi", Narrowed(name="period", low=5, high=20), OutOfRange),
        ("rsi", Narrowed(name="period", low=12.5, high=20), NotANumber),
        ("rsi", Narrowed(name="period", low=20, high=10), EmptySpace),
        ("rsi", Narrowed(name="period", choices=("a",)), NotANumber),
        ("bollinger", Narrowed(name="mode", choices=("fly",)), WrongChoice),
        ("bollinger", Narrowed(name="mode", low=1, high=2), WrongChoice),
        ("sma", Narrowed(name="fast", low=50, high=50), None),
        ("stoch", Narrowed(name="stop", low=1, high=3), OutOfRange),
    ],
)
def test_a_wrong_range_is_refused_with_its_reason(key: str, narrowed: Narrowed, error: type[Exception] | None) -> None:
    if error is None:
        assert space_of(spec_of(key, narrowed)).size > 0
        return
    with pytest.raises(error):
        space_of(spec_of(key, narrowed))


def test_a_space_without_a_set_is_refused() -> None:
    changes = Narrowed(name="fast", low=50, high=50), Narrowed(name="slow", low=20, high=50)

    with refused(EmptySpace, match="`fast` can never be below `slow`"):
        space_of(spec_of("sma", *changes))


def test_an_unknown_overlay_is_refused() -> None:
    with refused(UnknownOverlay, match="Did you mean `trail`"):
        space_of(spec_of("rsi", overlays=("trial",)))


def test_the_longest_warm_up_is_that_of_the_largest_set() -> None:
    assert longest_warm_up(find_strategy("sma"), space_of(spec_of("sma"))) == 199
    assert longest_warm_up(find_strategy("rsi"), space_of(spec_of("rsi", overlays=("trend",)))) == 249
    assert longest_warm_up(find_strategy("rsi"), space_of(spec_of("rsi", overlays=("voltarget",)))) == 30


@pytest.mark.parametrize("key", FIXED_RULES)
def test_the_textbook_set_trades_on_real_bars(key: str) -> None:
    bars = sample_bars("MSFT")
    evaluator = Evaluator(STRATEGIES[key], bars, costs=Costs())
    scores = evaluator.scores([STRATEGIES[key].space.default], start=300, stop=len(bars))

    assert scores.n_trades[0] >= 3
    assert np.isfinite(scores.sharpe_ratio[0])
