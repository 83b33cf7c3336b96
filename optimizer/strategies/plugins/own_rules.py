"""A person's own code as rules of a strategy: positions become masks, and each call is fenced and named.

A function of positions returns one size per bar: above 0 it enters long and at 0 or below it leaves, below 0 it
enters short and at 0 or above it leaves. A position that is open where a window begins is entered there.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial, wraps
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.space import Params, Value
from optimizer.errors import Phrase
from optimizer.indicators.conditions import Conditions, Slots
from optimizer.indicators.indicators import BYTES_OF_INDICATORS, IndicatorFunction
from optimizer.strategies.declaration import Columns, OwnCode, Rule, Side, Strategy
from optimizer.strategies.plugins.fence import Made, fenced
from optimizer.strategies.plugins.plugin_errors import Fault, StrategyFailed, place_of

#: A person's function: bars, and each parameter by its name.
PositionsFunction = Callable[..., Any]

#: Seconds that any call may take, and how often it may take what its trial measured.
CALL_SECONDS = 20.0
_PATIENCE = 50.0
_SIZES = (-1.0, 0.0, 1.0)
_PRICES = ("time", "open", "high", "low", "close", "volume")
#: Most sets whose rows are kept between the masks of their entries and those of their exits.
_MOST_TOGETHER = 64

_copies: "WeakKeyDictionary[Conditions, Bars]" = WeakKeyDictionary()


def bars_given(conditions: Conditions) -> Bars:
    """Bars that a person's function is given: a copy, so that a function that writes into them harms itself alone."""
    if conditions not in _copies:
        bars = conditions.bars
        _copies[conditions] = replace(bars, **{name: getattr(bars, name).copy() for name in _PRICES})
    return _copies[conditions]


def rows_of(function: PositionsFunction, names: Sequence[str]) -> IndicatorFunction:
    """Return a function of positions as an indicator whose parameters are those named. Its rows are checked."""

    @wraps(function)
    def rows(conditions: Conditions, *values: Value) -> FloatArray:
        bars = bars_given(conditions)
        return checked_row(function(bars, **dict(zip(names, values, strict=True))), bars)

    return rows


def checked_row(made: object, bars: Bars) -> FloatArray:
    """Return positions as floats, (n_bars,). Raises Fault for another shape, for NaN, and for other sizes."""
    row = np.asarray(made)
    if row.shape != (len(bars),) or row.dtype.kind not in "biuf":
        raise Fault(Phrase("own_shape", shape=f"{row.dtype}{list(row.shape)}", n=len(bars)))
    row = row.astype(np.float64)
    wrong = np.flatnonzero(~np.isin(row, _SIZES))
    if len(wrong):
        at = int(wrong[0])
        facts = {"bar": at, "when": day_text(bars, at)}
        raise Fault(
            Phrase("own_nan", **facts) if np.isnan(row[at]) else Phrase("own_size", size=f"{row[at]:g}", **facts)
        )
    return row


def checked_side(made: object, conditions: Conditions, n_sets: int) -> Side:
    """Return what a rule made. Raises Fault where it holds anything but masks of these conditions, one per set.

    Compiled functions read the bank without looking at its bounds.
    """
    if not isinstance(made, Side):
        raise Fault(Phrase("own_no_side", kind=type(made).__name__))
    for slots in (made.enter, made.exit, *(() if made.gate is None else (made.gate,))):
        rows = np.asarray(slots)
        if rows.shape != (n_sets,) or rows.dtype.kind != "i" or not np.all((rows >= 0) & (rows < conditions.n_slots)):
            raise Fault(Phrase("own_no_slots", n=n_sets))
    return made


def day_text(bars: Bars, at: int) -> str:
    """Day of a bar, or its minute where a day has several."""
    return str(bars.time[at].astype("datetime64[D]" if bars.timeframe == "1d" else "datetime64[m]"))


def with_positions(strategy: Strategy, positions: IndicatorFunction) -> Strategy:
    """Return a strategy whose sides come from a function of positions."""
    return replace(strategy, positions=positions, long=partial(_long, positions), short=partial(_short, positions))


def _long(positions: IndicatorFunction, conditions: Conditions, params: Columns) -> Side:
    enter, leave, _, _ = _masks(positions, conditions, params)
    return Side(enter=enter, exit=leave)


def _short(positions: IndicatorFunction, conditions: Conditions, params: Columns) -> Side:
    _, _, enter, leave = _masks(positions, conditions, params)
    return Side(enter=enter, exit=leave)


def _masks(positions: IndicatorFunction, conditions: Conditions, params: Columns) -> list[Slots]:
    """Masks of all four conditions, one per set each; every row is computed once, however long it is."""
    columns = list(params.values())
    n_together = min(max(BYTES_OF_INDICATORS // (16 * len(conditions.bars)), 1), _MOST_TOGETHER)
    parts = []
    for at in range(0, len(columns[0]), n_together):
        part = [column[at : at + n_together] for column in columns]
        tests = (conditions.above, conditions.at_most, conditions.below, conditions.at_least)
        parts.append([test(positions, *part, level=0) for test in tests])
    return [np.concatenate(slots) for slots in zip(*parts, strict=True)]


def fenced_strategy(strategy: Strategy) -> Strategy:
    """Return a person's own strategy with every call bounded where a fence is up, and its failures named."""
    strategy = replace(strategy, warm_up=partial(_warm_up, strategy))
    if strategy.positions is not None:
        return with_positions(strategy, partial(_row, strategy, strategy.positions))
    short = partial(_side, strategy, strategy.short) if strategy.short is not None else None
    return replace(strategy, long=partial(_side, strategy, strategy.long), short=short)


def _warm_up(strategy: Strategy, params: Params) -> int:
    return _named(strategy, lambda: int(strategy.warm_up(params)), seconds=CALL_SECONDS)


def _row(strategy: Strategy, positions: IndicatorFunction, conditions: Conditions, *values: Value) -> FloatArray:
    return _named(
        strategy, lambda: positions(conditions, *values), seconds=_seconds(strategy, len(conditions.bars), n_sets=1)
    )


def _side(strategy: Strategy, rule: Rule, conditions: Conditions, params: Columns) -> Side:
    n_sets = len(next(iter(params.values())))
    seconds = _seconds(strategy, len(conditions.bars), n_sets=n_sets)
    return _named(strategy, lambda: checked_side(rule(conditions, params), conditions, n_sets), seconds=seconds)


def _seconds(strategy: Strategy, n_bars: int, *, n_sets: int) -> float:
    return CALL_SECONDS + _PATIENCE * n_sets * own_of(strategy).seconds_over(n_bars)


def _named(strategy: Strategy, work: Callable[[], Made], *, seconds: float) -> Made:
    """Call a person's own code. Raises StrategyFailed with file and line for whatever it raises."""
    own = own_of(strategy)
    try:
        return fenced(work, path=own.path, seconds=seconds)
    except Fault as fault:
        line = fault.line or line_of(strategy)
        failed = StrategyFailed(strategy=strategy.key, place=place_of(own.file, line), reason=fault.reason)
        raise failed from fault


def own_of(strategy: Strategy) -> OwnCode:
    """Code of a strategy that is a person's own."""
    assert strategy.own is not None, "one of ours is never fenced"
    return strategy.own


def line_of(strategy: Strategy) -> int:
    """Line at which the function of a person's own strategy begins, or 0 for one that has none."""
    rule: Any = strategy.positions or strategy.long
    while isinstance(rule, partial):
        rule = next((each for each in rule.args if callable(each) and not isinstance(each, Strategy)), rule.func)
    code = getattr(inspect.unwrap(rule), "__code__", None)
    return 0 if code is None else int(code.co_firstlineno)


def params_text(params: Mapping[str, Value]) -> str:
    """Return a set as one types it."""
    return " ".join(f"{name}={value}" for name, value in params.items())
