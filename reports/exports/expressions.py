"""Trees of rules as text: what the languages of the targets have in common."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from reports.exports.refusals import refuse
from reports.exports.signals import (
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
    Value,
    indicators_of,
)

#: Characters of a condition, and the blanks before it, that fit into a line behind a name.
_LONGEST = 100


def number_text(value: float) -> str:
    """Return a number with all its digits, a whole one without a point."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))


class Writer(ABC):
    """Writes values and conditions in one language; indicators are computed before, under names of their own."""

    #: Name of the target, as it is typed.
    target: ClassVar[str] = ""
    and_: ClassVar[str] = " & "
    or_: ClassVar[str] = " | "
    not_: ClassVar[str] = "~"
    columns: ClassVar[Mapping[str, str]] = {}

    def __init__(self, conditions: Sequence[Condition], extra: Sequence[Indicator] = ()) -> None:
        self.conditions = tuple(conditions)
        self.indicators = list(dict.fromkeys((*indicators_of(tuple(conditions)), *extra)))
        self.names = _names_of(self.indicators)

    def lines(self) -> list[tuple[str, str]]:
        """Name and expression of each indicator, in the order they are needed. Raises NotExpressible."""
        return [(self.names[indicator], self.indicator(indicator)) for indicator in self.indicators]

    def indicator(self, indicator: Indicator) -> str:
        """Expression that computes an indicator. Raises NotExpressible where the language has none."""
        raise refuse(self.target, indicator.name, "no_such_indicator", "python")

    def reference(self, name: str) -> str:
        """How an indicator is named in an expression."""
        return name

    def column(self, name: str) -> str:
        """A column of the bars."""
        return self.columns.get(name, name)

    def argument(self, argument: Number | Constant) -> str:
        """An argument of an indicator."""
        return argument.name.upper() if isinstance(argument, Constant) else number_text(argument.value)

    def value(self, value: Value) -> str:
        """A value in an expression."""
        match value:
            case Number() | Constant():
                return self.argument(value)
            case Column(name):
                return self.column(name)
            case Indicator():
                return self.reference(self.names[value])
            case Ago(inner, n_bars):
                return self.ago(self.value(inner), n_bars)
            case Arithmetic(Number(0), "-", right):
                return f"-{self._factor(right)}"
            case Arithmetic(left, sign, right):
                return f"{self._factor(left)} {sign} {self._factor(right)}"
            case Changed(inner, percent):
                return f"{self._factor(inner)} * (1 + {self.argument(percent)} / 100)"

    def condition(self, condition: Condition) -> str:
        """A condition in an expression, without parentheses around it."""
        match condition:
            case Compare(left, sign, right):
                return f"{self.value(left)} {sign} {self.value(right)}"
            case Crosses(left, right, is_upwards):
                return self.crossing(left, right) if is_upwards else self.crossing(right, left)
            case ForBars(inner, n_bars):
                return self.for_bars(self.condition(inner), n_bars)
            case Not(inner):
                return f"{self.not_}{self.part(inner)}"
            case All(parts) | AnyOf(parts) if not parts:
                return self.constant(isinstance(condition, All))
            case All(parts) | AnyOf(parts):
                word = self.and_ if isinstance(condition, All) else self.or_
                return word.join(self.part(part) for part in parts)

    def assigned(self, condition: Condition, indent: int) -> str:
        """A condition as the right side of an assignment, over several lines where it is long."""
        text = self.condition(condition)
        if len(text) + indent <= _LONGEST or not isinstance(condition, All):
            return text
        inner = " " * (indent + 4)
        parts = f"\n{inner}{self.and_.lstrip()}".join(self.part(part) for part in condition.parts)
        return f"(\n{inner}{parts}\n{' ' * indent})"

    @abstractmethod
    def ago(self, value: str, n_bars: int) -> str:
        """A value of so many bars before."""

    @abstractmethod
    def crossing(self, upper: Value, lower: Value) -> str:
        """That one value crosses above another."""

    @abstractmethod
    def for_bars(self, condition: str, n_bars: int) -> str:
        """That a condition has held for so many bars."""

    @abstractmethod
    def constant(self, holds: bool) -> str:
        """A condition that is always true, or never."""

    def _factor(self, value: Value) -> str:
        text = self.value(value)
        return f"({text})" if isinstance(value, Arithmetic | Changed) else text

    def part(self, condition: Condition) -> str:
        """A condition as part of another one."""
        text = self.condition(condition)
        return text if isinstance(condition, Crosses | ForBars) else f"({text})"


def _names_of(indicators: Sequence[Indicator]) -> dict[Indicator, str]:
    """A name for each indicator: of itself, its line and, where another is called so, its arguments."""
    plain = {indicator: "_".join(filter(None, (indicator.name, indicator.line))) for indicator in indicators}
    names: dict[Indicator, str] = {}
    for indicator, name in plain.items():
        is_shared = list(plain.values()).count(name) > 1
        words = [name, *(map(_word, indicator.arguments) if is_shared else ())]
        found = "_".join(words)
        while found in names.values():
            found = f"{found}_again"
        names[indicator] = found
    return names


def _word(argument: Number | Constant) -> str:
    if isinstance(argument, Constant):
        return argument.name
    return number_text(argument.value).replace(".", "_").replace("-", "minus_")
