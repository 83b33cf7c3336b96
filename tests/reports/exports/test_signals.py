"""The tree of each built-in strategy, written as NumPy and for freqtrade: the signals are the engine's on every bar."""

import sys
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import talib

from optimizer.strategies.registry import STRATEGIES
from reports.exports import indicator_code
from reports.exports.built_in import BUILT_IN, signals_of
from reports.exports.freqtrade_source import FreqtradeWriter
from reports.exports.numpy_source import NumpyWriter
from reports.exports.pine_source import PineWriter
from reports.exports.programs import write_program
from reports.exports.refusals import NoRules, NotExpressible, RulesLearned
from reports.exports.signals import (
    ALWAYS,
    CLOSE,
    NEVER,
    Ago,
    All,
    AnyOf,
    Arithmetic,
    Changed,
    Column,
    Compare,
    Condition,
    Constant,
    Crosses,
    ForBars,
    Indicator,
    Not,
    Number,
    Rules,
    SideRules,
)
from tests.bars import sample_bars
from tests.fixed_rules import FIXED_RULES
from tests.reports.exports.pine_language import Player, parse
from tests.reports.exports.winners import Case, case_of


class IStrategy:
    """What freqtrade's own class of this name does with the three methods of a file: it calls one after the other."""

    def signals(self, dataframe: pd.DataFrame) -> pd.DataFrame:
        """The data frame with indicators, entries and exits."""
        strategy: Any = self
        for populate in ("populate_indicators", "populate_entry_trend", "populate_exit_trend"):
            dataframe = getattr(strategy, populate)(dataframe, {"pair": "TEST/USD"})
        return dataframe


@pytest.fixture
def freqtrade(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package of freqtrade's name with that class, for files that import it."""
    package, strategy = ModuleType("freqtrade"), ModuleType("freqtrade.strategy")
    strategy.IStrategy = IStrategy  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "freqtrade", package)
    monkeypatch.setitem(sys.modules, "freqtrade.strategy", strategy)


def test_every_built_in_strategy_has_a_tree_unless_it_learns() -> None:
    assert tuple(BUILT_IN) == FIXED_RULES


def test_a_strategy_without_a_tree_is_refused() -> None:
    with pytest.raises(NoRules):
        signals_of(case_of("rsi").spec.model_copy(update={"strategy_name": "my_own"}), {}, "python")


@pytest.mark.parametrize("key", [key for key in STRATEGIES if key not in FIXED_RULES])
def test_what_a_strategy_learned_is_refused(key: str) -> None:
    with pytest.raises(RulesLearned):
        signals_of(case_of("rsi").spec.model_copy(update={"strategy_name": key}), {}, "python")


CASES = {
    f"{key}-{name}": (key, wishes)
    for key in FIXED_RULES
    for name, wishes in {
        "long": {},
        "both": {"allow_short": True, "is_other": True},
        "trend": {"allow_short": True, "trend": 150},
    }.items()
}


@pytest.mark.parametrize("name", CASES)
def test_a_program_has_the_signals_of_the_engine(name: str) -> None:
    key, wishes = CASES[name]
    case = case_of(key, **wishes)
    program: dict[str, Any] = {"__name__": "program"}
    exec(write_program(case.winner, "python"), program)
    bars = case.bars
    columns = {name: getattr(bars, name) for name in ("open", "high", "low", "close", "volume")}

    signals, _ = program["find_signals"](columns, pd.DatetimeIndex(bars.time))

    assert_same(case, {("long", "short")[side < 0]: pair for side, pair in signals.items()})


@pytest.mark.usefixtures("freqtrade")
@pytest.mark.parametrize("name", CASES)
def test_a_file_for_freqtrade_has_the_signals_of_the_engine(name: str) -> None:
    key, wishes = CASES[name]
    case = case_of(key, **wishes)
    file: dict[str, Any] = {"__name__": "strategy"}
    exec(write_program(case.winner, "freqtrade"), file)
    strategy = next(each for each in file.values() if isinstance(each, type) and each.__name__.startswith("Opt"))
    bars = case.bars
    table = pd.DataFrame({name: getattr(bars, name) for name in ("open", "high", "low", "close", "volume")})

    found = strategy().signals(table)

    sides = ("long", "short") if case.spec.allow_short else ("long",)
    assert strategy.can_short is case.spec.allow_short
    assert_same(
        case, {side: (found[f"enter_{side}"].to_numpy() == 1, found[f"exit_{side}"].to_numpy() == 1) for side in sides}
    )


def assert_same(case: Case, found: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
    """The same entries and, from the first bar on which all indicators exist, the same exits."""
    engine, first = case.signals, 2 * case.winner.warm_up
    assert set(found) == ({"long", "short"} if case.spec.allow_short else {"long"})
    for side, (enter, leave) in found.items():
        np.testing.assert_array_equal(enter, getattr(engine, f"{side}_enter"))
        np.testing.assert_array_equal(leave[first:], getattr(engine, f"{side}_exit")[first:])
        assert enter.any()


#: Every kind of node, beyond those that the built-in strategies need.
TREES: dict[str, Condition] = {
    "changed": Compare(CLOSE, ">", Changed(Ago(CLOSE, 5), Constant("rise", 2))),
    "less": Compare(CLOSE, "<", Changed(Indicator("ema", (Number(20),)), Number(-1.5))),
    "arithmetic": Compare(Arithmetic(Column("high"), "-", Column("low")), ">", Arithmetic(Number(0.01), "*", CLOSE)),
    "for": ForBars(Compare(CLOSE, ">", Indicator("sma", (Number(10),))), 3),
    "any": AnyOf((Compare(CLOSE, ">", Column("open")), Not(Compare(Column("volume"), ">", Number(1e6))))),
    "all": All((ALWAYS, Not(NEVER), Compare(CLOSE, ">=", Ago(CLOSE, 1)))),
    "crosses": Crosses(CLOSE, Indicator("highest", (Number(10),), source=Column("open"))),
    "crosses a level": Crosses(Indicator("rsi", (Number(14),)), Number(30)),
    "below a band": Crosses(CLOSE, Indicator("zscore", (Number(20),)), is_upwards=False),
    "bars": All(
        (
            Compare(Indicator("adx", (Number(14),)), ">", Number(20)),
            Compare(Indicator("cci", (Number(20),)), "<", Number(150)),
            Compare(Indicator("mfi", (Number(14),)), "<=", Number(80)),
            Compare(Indicator("williams", (Number(14),)), ">=", Number(-90)),
            Compare(Indicator("atr", (Number(14),)), "<", Arithmetic(Number(0.05), "*", CLOSE)),
            Compare(Indicator("slope", (Number(10),)), ">", Number(0)),
        )
    ),
    "bands": AnyOf(
        (
            Compare(CLOSE, ">", Indicator("bollinger", (Number(20), Number(2)), "upper")),
            Crosses(CLOSE, Indicator("bollinger", (Number(20), Number(2)), "middle")),
            Compare(CLOSE, "<", Indicator("bollinger", (Number(20), Number(1.5)), "lower")),
            Compare(Indicator("williams", (Number(14),)), "<", Number(-95)),
        )
    ),
    "macd": Crosses(
        Indicator("macd", (Number(12), Number(26), Number(9)), "line"),
        Indicator("macd", (Number(12), Number(26), Number(9)), "signal"),
    ),
}


def plainly(name: str) -> np.ndarray:
    """The same conditions by pandas, written by hand."""
    bars = sample_bars("IBM")
    open_, high, low, close, volume = (
        pd.Series(getattr(bars, name)) for name in ("open", "high", "low", "close", "volume")
    )
    prices = bars.high, bars.low, bars.close
    macd, signal = (pd.Series(line) for line in talib.MACD(bars.close, 12, 26, 9)[:2])
    bands = [pd.Series(talib.BBANDS(bars.close, 20, 2, 1.5)[line]) for line in range(3)]
    line = pd.Series(indicator_code.rsi(bars.close, 14))
    top = open_.rolling(10).max()
    band = pd.Series(indicator_code.zscore(bars.close, 20))
    found = {
        "changed": close > close.shift(5) * 1.02,
        "less": close < pd.Series(indicator_code.ema(bars.close, 20)) * 0.985,
        "arithmetic": high - low > 0.01 * close,
        "for": (close > pd.Series(indicator_code.sma(bars.close, 10))).rolling(3).sum() == 3,
        "any": (close > open_) | ~(volume > 1e6),
        "all": close >= close.shift(1),
        "crosses": (close > top) & (close.shift(1) <= top.shift(1)),
        "crosses a level": (line > 30) & (line.shift(1) <= 30),
        "below a band": (close < band) & (close.shift(1) >= band.shift(1)),
        "bars": pd.Series(
            (talib.ADX(*prices, 14) > 20)
            & (talib.CCI(*prices, 20) < 150)
            & (talib.MFI(*prices, bars.volume, 14) <= 80)
            & (talib.WILLR(*prices, 14) >= -90)
            & (talib.ATR(*prices, 14) < 0.05 * bars.close)
            & (talib.LINEARREG_SLOPE(bars.close, 10) > 0)
        ),
        "bands": (
            (close > bands[0])
            | ((close > bands[1]) & (close.shift(1) <= bands[1].shift(1)))
            | (close < bands[2])
            | pd.Series(talib.WILLR(*prices, 14) < -95)
        ),
        "macd": (macd > signal) & (macd.shift(1) <= signal.shift(1)),
    }
    return found[name].to_numpy()


@pytest.mark.parametrize("name", TREES)
def test_every_kind_of_node_is_written_for_numpy_and_for_pandas(name: str) -> None:
    bars = sample_bars("IBM")
    columns = {name: getattr(bars, name) for name in ("open", "high", "low", "close", "volume")}
    numpy_writer, pandas_writer = NumpyWriter("python", [TREES[name]]), FreqtradeWriter([TREES[name]])
    ours: dict[str, Any] = {"np": np, "pd": pd, "RISE": 2, **columns, "open_": columns["open"]}
    exec("import math\n" + "\n\n".join(numpy_writer.functions()), ours)
    theirs: dict[str, Any] = {"np": np, "pd": pd, "RISE": 2, "dataframe": pd.DataFrame(columns)}
    exec("import talib\n" + "\n\n".join(pandas_writer.functions()), theirs)

    for writer, room in ((numpy_writer, ours), (pandas_writer, theirs)):
        for variable, expression in writer.lines():
            exec(f"{writer.reference(variable)} = {expression}", room)
        np.testing.assert_array_equal(
            np.broadcast_to(eval(writer.condition(TREES[name]), room), len(bars)),
            plainly(name),
        )


@pytest.mark.parametrize("name", sorted(set(TREES) - {"bars"}))
def test_every_kind_of_node_is_written_for_pine(name: str) -> None:
    case = case_of("rsi", symbol="IBM")
    winner = replace(
        case.winner,
        rules=Rules(SideRules(TREES[name], NEVER)),
        params={"rise": 2},
        first="1990-01-01",
        last="1990-01-02",
    )

    played = Player(parse(write_program(winner, "pine")), case.bars.cut(0, 700)).play()

    np.testing.assert_array_equal(np.array(played.variables["longSignal"], dtype=bool), plainly(name)[:700])


def test_an_indicator_that_a_language_lacks_is_refused_by_name() -> None:
    unknown = Compare(Indicator("ichimoku", (Number(9),)), ">", Number(0))

    for writer in (NumpyWriter("python", [unknown]), FreqtradeWriter([unknown]), PineWriter([unknown])):
        with pytest.raises(NotExpressible) as caught:
            writer.lines()
        assert caught.value.facts["part"] == "ichimoku"


def test_indicators_of_one_name_are_told_apart() -> None:
    lines = [Indicator("sma", (Constant(name, 5),)) for name in ("fast", "slow")]
    again = Indicator("sma", (Constant("fast", 5),), source=Column("open"))
    writer = FreqtradeWriter([Compare(lines[0], ">", lines[1]), Compare(again, ">", lines[0])])

    assert sorted(writer.names.values()) == ["sma_fast", "sma_fast_again", "sma_slow"]
