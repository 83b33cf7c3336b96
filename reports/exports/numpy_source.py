"""Conditions as NumPy expressions, and the source of the functions that they call."""

import inspect
from collections.abc import Callable, Iterable
from typing import ClassVar

from reports.exports import indicator_code
from reports.exports.expressions import Writer
from reports.exports.indicator_code import NEEDS
from reports.exports.refusals import refuse
from reports.exports.signals import Ago, Column, Condition, Crosses, ForBars, Indicator, Value, nodes_of

#: Indicators of one column; the others are of these.
_OF_ONE = ("sma", "ema", "rsi", "macd", "zscore", "bollinger", "roc", "highest", "lowest", "slope")
_OF_BARS = {
    **dict.fromkeys(("stoch", "atr", "supertrend", "williams", "cci", "adx"), "high, low, close"),
    "mfi": "high, low, close, volume",
}


class NumpyWriter(Writer):
    """Writes for programs that compute with NumPy arrays called open_, high, low, close and volume."""

    columns: ClassVar = {"open": "open_"}

    def __init__(self, target: str, conditions: Iterable[Condition], extra: Iterable[Indicator] = ()) -> None:
        self.target = target  # type: ignore[misc]  # of this object: three targets are written alike
        super().__init__(tuple(conditions), tuple(extra))
        # A variable may not be called as the function that fills it.
        self.names = {indicator: f"{name}_line" for indicator, name in self.names.items()}

    def indicator(self, indicator: Indicator) -> str:
        """A call of the indicator's function. Raises NotExpressible for one that has none."""
        function = _function_of(indicator, self.target).__name__
        arguments = ", ".join(self.argument(argument) for argument in indicator.arguments)
        if indicator.name == "volatility":
            return f"{function}(close, bars_per_year, {arguments})"
        series = _OF_BARS.get(indicator.name) or self.column(indicator.source.name)
        return f"{function}({series}, {arguments})"

    def ago(self, value: str, n_bars: int) -> str:
        """A call of `ago`."""
        return f"ago({value}, {n_bars})"

    def crossing(self, upper: Value, lower: Value) -> str:
        """A call of `crosses_above`."""
        return f"crosses_above({self._series(upper)}, {self._series(lower)})"

    def for_bars(self, condition: str, n_bars: int) -> str:
        """A call of `for_bars`."""
        return f"for_bars({condition}, {n_bars})"

    def constant(self, holds: bool) -> str:
        """An array of one truth."""
        return f"np.full(len(close), {holds})"

    def functions(self) -> list[str]:
        """Sources of all functions that the expressions call, each after those that it needs."""
        called = [_function_of(indicator, self.target) for indicator in self.indicators]
        nodes = [node for condition in self.conditions for node in nodes_of(condition)]
        for kind, function in _OF_NODES.items():
            if any(isinstance(node, kind) for node in nodes):
                called.append(function)
        return [inspect.getsource(function) for function in _with_needed(called)]

    def _series(self, value: Value) -> str:
        text = self.value(value)
        return (
            f"np.full(len(close), {text})"
            if not any(isinstance(node, Column | Indicator) for node in nodes_of(value))
            else text
        )


_OF_NODES: dict[type, Callable[..., object]] = {
    Ago: indicator_code.ago,
    Crosses: indicator_code.crosses_above,
    ForBars: indicator_code.for_bars,
}


def _function_of(indicator: Indicator, target: str) -> Callable[..., object]:
    name = "_".join(filter(None, (indicator.name, indicator.line)))
    found: Callable[..., object] | None = getattr(indicator_code, name, None)
    if found is None or indicator.name not in (*_OF_ONE, *_OF_BARS, "volatility"):
        raise refuse(target, indicator.name, "no_such_indicator")
    return found


def _with_needed(called: Iterable[Callable[..., object]]) -> list[Callable[..., object]]:
    found: dict[Callable[..., object], None] = {}

    def add(function: Callable[..., object]) -> None:
        for needed in NEEDS.get(function, ()):
            add(needed)
        found.setdefault(function)

    for function in called:
        add(function)
    return list(found)
