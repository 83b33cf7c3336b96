"""The rules of each built-in strategy as a tree, from the parameters that were chosen."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from optimizer.domain.space import Params
from optimizer.domain.study_request import StudySpec
from optimizer.strategies.registry import STRATEGIES, strategy_of
from reports.exports.refusals import NoRules, RulesLearned
from reports.exports.signals import (
    CLOSE,
    Ago,
    All,
    Arithmetic,
    Column,
    Compare,
    Condition,
    Constant,
    Crosses,
    Indicator,
    Number,
    Rules,
    SideRules,
    Value,
)
from reports.exports.worded_rules import sides_of

#: Bars of the volatility that `voltarget` divides by.
VOLATILITY = Indicator("volatility", (Number(20),))
_ZERO = Number(0)
_HIGH, _LOW = Column("high"), Column("low")


class _Chosen:
    """Parameters of a set as named constants."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.params = params

    def __getitem__(self, name: str) -> Constant:
        return Constant(name, self.params[name])

    def of(self, indicator: str, *names: str, line: str = "") -> Indicator:
        """An indicator whose arguments are these parameters."""
        return Indicator(indicator, tuple(self[name] for name in names), line)


#: Rules of both sides from the parameters.
_Describe = Callable[[_Chosen], tuple[SideRules, SideRules]]


def _rsi(chosen: _Chosen) -> tuple[SideRules, SideRules]:
    rsi = chosen.of("rsi", "period")
    is_weak, is_strong = _below(rsi, chosen["oversold"]), _above(rsi, chosen["overbought"])
    return SideRules(is_weak, is_strong), SideRules(is_strong, is_weak)


def _rsi2(chosen: _Chosen) -> tuple[SideRules, SideRules]:
    rsi, trend = chosen.of("rsi", "period"), chosen.of("sma", "trend")
    enter, leave = chosen["entry"], chosen["exit"]
    return (
        SideRules(All((_below(rsi, enter), _above(CLOSE, trend))), _above(rsi, leave)),
        SideRules(All((_above(rsi, _mirrored(enter)), _below(CLOSE, trend))), _below(rsi, _mirrored(leave))),
    )


def _mirrored(level: Constant) -> Value:
    return Arithmetic(Number(100), "-", level)


def _crossover(average: str) -> _Describe:
    def describe(chosen: _Chosen) -> tuple[SideRules, SideRules]:
        fast, slow = chosen.of(average, "fast"), chosen.of(average, "slow")
        return (
            SideRules(_above(fast, slow), Compare(fast, "<=", slow)),
            SideRules(_below(fast, slow), Compare(fast, ">=", slow)),
        )

    return describe


def _macd(chosen: _Chosen) -> tuple[SideRules, SideRules]:
    histogram = chosen.of("macd", "fast", "slow", "signal", line="histogram")
    return (
        SideRules(_above(histogram, _ZERO), Compare(histogram, "<=", _ZERO)),
        SideRules(_below(histogram, _ZERO), Compare(histogram, ">=", _ZERO)),
    )


def _bollinger(chosen: _Chosen) -> tuple[SideRules, SideRules]:
    distance, width = chosen.of("zscore", "period"), chosen["width"]
    high = SideRules(_above(distance, width), Compare(distance, "<=", _ZERO))
    low = SideRules(_below(distance, _negative(width)), Compare(distance, ">=", _ZERO))
    return (high, low) if chosen.params["mode"] == "break" else (low, high)


def _momentum(chosen: _Chosen) -> tuple[SideRules, SideRules]:
    change, enter, leave = chosen.of("roc", "lookback"), chosen["enter"], chosen["leave"]
    return (
        SideRules(_above(change, enter), _below(change, leave)),
        SideRules(_below(change, _negative(enter)), _above(change, _negative(leave))),
    )


def _donchian(chosen: _Chosen) -> tuple[SideRules, SideRules]:
    def is_above_highest(name: str) -> Condition:
        return _above(CLOSE, Ago(Indicator("highest", (chosen[name],), source=_HIGH), 1))

    def is_below_lowest(name: str) -> Condition:
        return _below(CLOSE, Ago(Indicator("lowest", (chosen[name],), source=_LOW), 1))

    return (
        SideRules(is_above_highest("entry"), is_below_lowest("exit")),
        SideRules(is_below_lowest("entry"), is_above_highest("exit")),
    )


def _stochastic(chosen: _Chosen) -> tuple[SideRules, SideRules]:
    k, d = (chosen.of("stoch", "k", "d", line=line) for line in ("k", "d"))
    low, high = chosen["low"], chosen["high"]
    return (
        SideRules(All((Crosses(k, d), _below(k, low))), _above(k, high)),
        SideRules(All((Crosses(k, d, is_upwards=False), _above(k, high))), _below(k, low)),
    )


def _zscore(chosen: _Chosen) -> tuple[SideRules, SideRules]:
    distance, enter, leave = chosen.of("zscore", "period"), chosen["entry"], chosen["exit"]
    return (
        SideRules(_below(distance, _negative(enter)), _above(distance, _negative(leave))),
        SideRules(_above(distance, enter), _below(distance, leave)),
    )


def _supertrend(chosen: _Chosen) -> tuple[SideRules, SideRules]:
    side = chosen.of("supertrend", "period", "mult")
    is_up, is_down = _above(side, _ZERO), _below(side, _ZERO)
    return SideRules(is_up, is_down), SideRules(is_down, is_up)


def _above(value: Value, level: Value) -> Compare:
    return Compare(value, ">", level)


def _below(value: Value, level: Value) -> Compare:
    return Compare(value, "<", level)


def _negative(level: Constant) -> Value:
    return Arithmetic(_ZERO, "-", level)


#: Every built-in strategy, by key.
BUILT_IN: Mapping[str, _Describe] = MappingProxyType(
    {
        "rsi": _rsi,
        "rsi2": _rsi2,
        "sma": _crossover("sma"),
        "ema": _crossover("ema"),
        "macd": _macd,
        "bollinger": _bollinger,
        "momentum": _momentum,
        "donchian": _donchian,
        "stochastic": _stochastic,
        "zscore": _zscore,
        "supertrend": _supertrend,
    }
)


def signals_of(spec: StudySpec, params: Params, target: str) -> Rules:
    """Rules of a request with one set, its filters included.

    Raises NoRules for a strategy without a tree, and NotExpressible for parts of a rule that a target does not have.

    The overlays `trend` and `voltarget` limit where a position may open; the others close one and are no signals.
    """
    chosen = _Chosen(params)
    long, short = _sides(spec, params, target)
    has_trend = "trend" in params and "trend" not in strategy_of(spec).space.by_name  # else it is in the rules
    average = [chosen.of("sma", "trend")] if has_trend else []
    # A size by volatility needs one that exists.
    sized = [Compare(VOLATILITY, ">=", _ZERO)] if "voltarget" in params else []
    return Rules(
        long=_filtered(long, [*(_above(CLOSE, line) for line in average), *sized]),
        short=_filtered(short, [*(_below(CLOSE, line) for line in average), *sized]) if spec.allow_short else None,
    )


def _sides(spec: StudySpec, params: Params, target: str) -> tuple[SideRules, SideRules]:
    if spec.rule is not None:
        return sides_of(spec.rule, params, target)
    if spec.strategy_name not in BUILT_IN:
        found = STRATEGIES.get(spec.strategy_name)
        raise (RulesLearned if found and found.learned else NoRules)(strategy=spec.strategy_name)
    return BUILT_IN[spec.strategy_name](_Chosen(params))


def _filtered(side: SideRules, filters: Sequence[Condition]) -> SideRules:
    if not filters:
        return side
    parts = side.enter.parts if isinstance(side.enter, All) else (side.enter,)
    return SideRules(All((*parts, *filters)), side.leave)
