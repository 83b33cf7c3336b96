"""Conditions as Pine Script expressions (version 5), and the functions that the scripts define.

Averages that begin with a mean are written out, because Pine's own begin on the chart's first bar.
"""

from typing import ClassVar

from reports.exports.expressions import Writer
from reports.exports.refusals import refuse
from reports.exports.signals import Ago, Column, Compare, Condition, Indicator, Value

#: Functions that a script defines, each after those it needs; their sources are macros of `pine_functions.jinja`.
_NEEDS = {
    "ema": ("average_from",),
    "macd": ("average_from",),
    "rsi": ("wilder",),
    "atr": ("wilder",),
    "supertrend": ("wilder",),
    "zscore": (),
    "stoch": (),
    "bollinger": (),
    "williams": ("highest", "lowest"),
    "highest": (),
    "lowest": (),
}
_ORDER = (
    *("average_from", "wilder", "ema", "macd", "rsi", "atr", "zscore", "bollinger", "stoch", "highest", "lowest"),
    *("williams", "supertrend"),
)


class PineWriter(Writer):
    """Writes for a script of TradingView."""

    target: ClassVar = "pine"
    and_: ClassVar = " and "
    or_: ClassVar = " or "
    not_: ClassVar = "not "

    def indicator(self, indicator: Indicator) -> str:
        """A call of a built-in function or of one that the script defines. Raises NotExpressible."""
        arguments = ", ".join(self.argument(argument) for argument in indicator.arguments)
        name, source = indicator.name, indicator.source.name
        match name:
            case "sma" | "roc":
                return f"ta.{name}({source}, {arguments})"
            case "ema" | "rsi" | "zscore" | "highest" | "lowest":
                return f"f_{name}({source}, {arguments})"
            case "atr" | "supertrend" | "williams":
                return f"f_{name}({arguments})"
            case "macd" | "bollinger":
                return f"f_{name}_{indicator.line}({source}, {arguments})"
            case "stoch":
                return f"f_{name}_{indicator.line}({arguments})"
            case _:
                raise refuse(self.target, name, "no_such_indicator", "python")

    def functions(self) -> list[str]:
        """Names of the macros of all functions that the expressions call."""
        used = {indicator.name for indicator in self.indicators}
        needed = {function for name in used for function in (*_NEEDS.get(name, ()), name)}
        return [name for name in _ORDER if name in needed]

    def assigned(self, condition: Condition, indent: int) -> str:
        """A condition on one line: Pine joins lines by blanks that are not those of a block."""
        return self.condition(condition)

    def ago(self, value: str, n_bars: int) -> str:
        """An earlier value."""
        return f"({value})[{n_bars}]" if " " in value else f"{value}[{n_bars}]"

    def crossing(self, upper: Value, lower: Value) -> str:
        """Above now, and not on the bar before."""
        before = Compare(_before(upper), "<=", _before(lower))
        return f"({self.condition(Compare(upper, '>', lower))} and {self.condition(before)})"

    def for_bars(self, condition: str, n_bars: int) -> str:
        """A count over the last bars."""
        return f"(math.sum(({condition}) ? 1 : 0, {n_bars}) == {n_bars})"

    def constant(self, holds: bool) -> str:
        """The word for it."""
        return str(holds).lower()


def _before(value: Value) -> Value:
    return Ago(value, 1) if isinstance(value, Column | Indicator | Ago) else value
