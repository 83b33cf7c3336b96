"""Winners to write programs of: every built-in strategy with several sets, sides and overlays, and random rules."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from optimizer.domain.bars import Bars
from optimizer.domain.space import Params
from optimizer.domain.study_request import Costs, Reentry, StudyRule, StudySpec
from optimizer.engine.backtest import Backtest, run_backtest
from optimizer.engine.evaluator import Evaluator, Signals
from optimizer.engine.price_table import PriceTable
from optimizer.indicators.bitmasks import pack_mask
from optimizer.strategies.registry import find_strategy, strategy_of
from optimizer.strategies.rules.compiling import strategy_of_rule
from optimizer.strategies.rules.errors import NothingToSearch
from optimizer.strategies.rules.tree import n_clauses
from optimizer.strategies.rules.writing import rule_text
from reports.exports.programs import Winner, write_program
from reports.exports.signals import (
    CLOSE,
    Ago,
    All,
    AnyOf,
    Changed,
    Column,
    Compare,
    Condition,
    Crosses,
    ForBars,
    Indicator,
    Not,
    Number,
    Rules,
    SideRules,
    Value,
)
from tests.bars import sample_bars
from tests.fixed_rules import FIXED_RULES
from tests.optimizer.strategies.rules.random_rules import random_rule

#: Another set of each strategy than the default one.
OTHERS: dict[str, dict[str, Any]] = {
    "rsi": {"period": 10, "oversold": 35, "overbought": 65},
    "rsi2": {"period": 3, "entry": 20, "exit": 50, "trend": 100},
    "sma": {"fast": 5, "slow": 20},
    "ema": {"fast": 8, "slow": 40},
    "macd": {"fast": 5, "slow": 20, "signal": 5},
    "bollinger": {"period": 15, "width": 1.25, "mode": "break"},
    "momentum": {"lookback": 20, "enter": 3, "leave": -2},
    "donchian": {"entry": 10, "exit": 5},
    "stochastic": {"k": 5, "d": 5, "low": 30, "high": 70},
    "zscore": {"period": 30, "entry": 1.5, "exit": 0.5},
    "supertrend": {"period": 7, "mult": 1.5},
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """A winner, the bars it was found on, and the rows of its window."""

    spec: StudySpec
    params: Params
    start: int
    stop: int

    @property
    def bars(self) -> Bars:
        """Sample bars of the symbol."""
        return sample_bars(self.spec.symbol)

    @property
    def evaluator(self) -> Evaluator:
        """An evaluator of the request."""
        spec = self.spec
        return Evaluator(
            strategy_of(spec),
            self.bars,
            costs=spec.costs,
            allow_short=spec.allow_short,
            reenter=spec.reenter,
            account=spec.account,
        )

    @cached_property
    def backtest(self) -> Backtest:
        """What the engine makes of it."""
        return self.evaluator.backtest(self.params, start=self.start, stop=self.stop)

    @property
    def signals(self) -> Signals:
        """The engine's signals at every close."""
        return self.evaluator.signals(self.params)

    @property
    def winner(self) -> Winner:
        """As programs are written of it."""
        return Winner(
            study_name="opt-7f3a",
            spec=self.spec,
            params=self.params,
            first=str(self.bars.time[self.start])[:10],
            last=str(self.bars.time[self.stop - 1])[:10],
            bars_per_year=252.0,
            warm_up=strategy_of(self.spec).warm_up(self.params),
            n_before=self.start,
        )


def case_of(
    key: str,
    *,
    symbol: str = "AAPL",
    window: tuple[float, float] = (0.3, 0.85),
    is_other: bool = False,
    **overlays: Any,
) -> Case:
    """Return the default set of a strategy or another one, with overlays; other keywords are those of the request."""
    names = set(StudySpec.model_fields) & set(overlays)
    wishes = {name: overlays.pop(name) for name in names}
    params = {**(OTHERS[key] if is_other else find_strategy(key).space.default), **overlays}
    spec = StudySpec(symbol=symbol, strategy_name=key, **{"costs": Costs(commission_bps=10, slippage_bps=5), **wishes})
    n = len(sample_bars(symbol))
    return Case(spec=spec, params=params, start=int(n * window[0]), stop=int(n * window[1]))


def cases() -> Iterator[tuple[str, Case]]:
    """Every built-in strategy: as it is, both sides, a tax, and overlays of each kind; a name for each."""
    taxed = Costs(commission_bps=15, slippage_bps=5, tax_bps=20)
    for key in FIXED_RULES:
        yield f"{key}-plain", case_of(key)
        yield f"{key}-both", case_of(key, is_other=True, allow_short=True, costs=taxed, symbol="MSFT")
        yield f"{key}-stop", case_of(key, is_other=True, stop=12, trend=100, symbol="IBM")
        yield (
            f"{key}-again",
            case_of(
                key,
                is_other=True,
                allow_short=True,
                stop=13,
                trail=11,
                max_hold=10,
                reenter=Reentry.SIGNAL,
                symbol="IBM",
            ),
        )
        yield f"{key}-held", case_of(key, allow_short=True, max_hold=15, voltarget=15, symbol="MSFT")
        yield f"{key}-take", case_of(key, is_other=True, allow_short=True, stop=5, take=6, trail=4)


@dataclass(frozen=True, kw_only=True)
class RuledCase(Case):
    """A winner of rules that no built-in strategy has: both sides, with a stop, a trailing stop and a longest time."""

    rules: Rules

    @property
    def winner(self) -> Winner:
        """As programs are written of it."""
        return replace(super().winner, rules=self.rules)

    @cached_property
    def backtest(self) -> Backtest:
        """What the engine makes of the signals that the plain program finds."""
        program: dict[str, Any] = {"__name__": "program"}
        exec(write_program(self.winner, "python"), program)
        bars, costs = self.bars, self.spec.costs
        columns = {name: getattr(bars, name) for name in ("open", "high", "low", "close", "volume")}
        signals, _ = program["find_signals"](columns, pd.DatetimeIndex(bars.time))
        always = np.ones(len(bars), dtype=bool)
        masks = [always, ~always, *signals[1], *signals[-1]]
        orders = [0.01 * self.params.get(name, 0) for name in ("stop", "take", "trail")]
        is_again = self.spec.reenter is Reentry.SIGNAL
        return run_backtest(
            PriceTable.of(bars, costs),
            bank=np.stack([pack_mask(mask) for mask in masks]),
            slots=np.array([[2, 0, 0, 3, 4, 0, 0, 5, 1]]),
            orders=np.array([[*orders, float(self.params.get("max_hold", 0)), 0.0, float(is_again), *[0.0] * 4]]),
            volatility=np.empty(1),
            window=(self.start, self.stop),
            costs=costs,
        )


def random_cases(n: int) -> Iterator[tuple[str, Case]]:
    """Random rules of up to five clauses a side, a name for each; the same in every run."""
    luck = random.Random(18)
    for number in range(n):
        symbol = luck.choice(("MSFT", "IBM"))
        closing = {"stop": 14, "trail": 13, "max_hold": luck.choice((3, 10))} if number % 2 else {}
        case = case_of("rsi", symbol=symbol, allow_short=True, reenter=luck.choice(list(Reentry)), **closing)
        rules = Rules(_side(luck), _side(luck))
        fields = {"spec": case.spec, "params": case.params, "start": case.start, "stop": case.stop}
        yield f"random-{number}", RuledCase(rules=rules, **fields)


#: Quantities that programs do not have, and the money flow: where a typical price differs from the one before by
#: rounding alone, each implementation rounds in its own way.
_LEFT_OUT = ("vwap", "rank", "mfi")


def worded_cases(n: int) -> Iterator[tuple[str, Case]]:
    """Random rules in words that programs can have and that trade, a name for each; the same in every run."""
    luck, found = np.random.default_rng(18), 0
    while found < n:
        rule = random_rule(luck, others=False, depth=2)
        text = rule_text(rule)
        if rule.is_without_exit or n_clauses(rule) > 14 or any(word in text for word in _LEFT_OUT):
            continue
        try:
            space = strategy_of_rule(text).space
        except NothingToSearch:
            continue
        spec = StudySpec(
            symbol=("MSFT", "IBM")[found % 2], strategy_name="rule", rule=StudyRule(text=text),
            allow_short=rule.has_short, costs=Costs(commission_bps=10, slippage_bps=5),
        )  # fmt: skip
        rows = int(len(sample_bars(spec.symbol)) * 0.3), int(len(sample_bars(spec.symbol)) * 0.85)
        case = Case(spec=spec, params=space.default, start=rows[0], stop=rows[1])
        if len(case.backtest.closed_trades) > 3:
            yield f"worded-{found}", case
            found += 1


def _side(luck: random.Random) -> SideRules:
    parts = tuple(_clause(luck) for _ in range(luck.randint(1, 2)))
    leave = tuple(_clause(luck) for _ in range(luck.randint(1, 3)))
    return SideRules(All(parts), AnyOf(leave) if luck.random() < 0.5 else leave[0])


def _clause(luck: random.Random) -> Condition:
    window = luck.choice((3, 5, 10, 20, 40))
    average = Indicator(luck.choice(("sma", "ema")), (Number(window),))
    top = Ago(Indicator("highest", (Number(window),), source=Column("high")), 1)
    lines: list[Value] = [average, Changed(average, Number(luck.choice((-2, 1)))), top, Ago(CLOSE, luck.randint(1, 5))]
    found: list[Condition] = [
        Compare(CLOSE, luck.choice(("<", "<=", ">", ">=")), luck.choice(lines)),
        Compare(Indicator("rsi", (Number(window),)), luck.choice("<>"), Number(luck.randint(35, 65))),
        Crosses(CLOSE, average, luck.random() < 0.5),
        ForBars(Compare(CLOSE, luck.choice("<>"), Ago(CLOSE, 1)), luck.randint(2, 3)),
        Not(Compare(Indicator("zscore", (Number(20),)), ">", Number(luck.choice((-1, 0, 1))))),
        Compare(Indicator("macd", (Number(6), Number(19), Number(5)), "histogram"), luck.choice("<>"), Number(0)),
    ]
    return luck.choice(found)
