"""A small neutral tree of trading rules, which every writer of this folder reads.

    Value       Number · Constant · Column · Indicator · Ago · Arithmetic · Changed
    Condition   Compare · Crosses · ForBars · All · AnyOf · Not

A comparison with a value that does not exist (an indicator that has too few bars) is false; `Not` of it is true.
Indicators, with their arguments and, where one has several, their lines. Those of the first three rows are of one
column, the close unless `source` names another; the others are of the whole bar:

    sma, ema, rsi, roc, zscore, highest, lowest, slope (window)
    bollinger (window, deviations; upper, middle, lower)
    macd (fast, slow, signal; line, signal, histogram)
    stoch (k, d; k, d) · atr (window) · adx (window) · cci (window) · mfi (window) · williams (window)
    supertrend (window, multiple): the side of the band, 1 or -1
    volatility (window): annualized, of simple returns
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass


@dataclass(frozen=True)
class Number:
    """A number that is part of the rule."""

    value: float


@dataclass(frozen=True)
class Constant:
    """A number that was chosen: programs name it at their top."""

    name: str
    value: float


@dataclass(frozen=True)
class Column:
    """A column of the bars: open, high, low, close or volume."""

    name: str


CLOSE = Column("close")


@dataclass(frozen=True)
class Indicator:
    """An indicator of the bars up to each one."""

    name: str
    arguments: tuple[Number | Constant, ...]
    line: str = ""
    source: Column = CLOSE


@dataclass(frozen=True)
class Ago:
    """A value of so many bars before."""

    value: "Value"
    n_bars: int


@dataclass(frozen=True)
class Arithmetic:
    """Two values with one of `+ - * /` between them."""

    left: "Value"
    sign: str
    right: "Value"


@dataclass(frozen=True)
class Changed:
    """A value plus so many percent of it."""

    value: "Value"
    percent: Number | Constant


Value = Number | Constant | Column | Indicator | Ago | Arithmetic | Changed


@dataclass(frozen=True)
class Compare:
    """Two values with one of `< <= > >=` between them."""

    left: Value
    sign: str
    right: Value


@dataclass(frozen=True)
class Crosses:
    """The left value is above the right one, and was not on the bar before; downwards: below."""

    left: Value
    right: Value
    is_upwards: bool = True


@dataclass(frozen=True)
class ForBars:
    """A condition that has been true on each of the last `n_bars` bars."""

    condition: "Condition"
    n_bars: int


@dataclass(frozen=True)
class All:
    """Every part is true; of no parts: always."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True)
class AnyOf:
    """A part is true; of no parts: never."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True)
class Not:
    """The condition is not true."""

    condition: "Condition"


Condition = Compare | Crosses | ForBars | All | AnyOf | Not
ALWAYS, NEVER = All(()), AnyOf(())


@dataclass(frozen=True)
class SideRules:
    """When one side opens and closes, decided at each close. It does not open where it closes."""

    enter: Condition
    leave: Condition


@dataclass(frozen=True)
class Rules:
    """Rules of a strategy with one set of parameters; `short` is None where it never sells short."""

    long: SideRules
    short: SideRules | None = None

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Entry and exit of each side."""
        sides = (self.long, self.short) if self.short else (self.long,)
        return tuple(condition for side in sides for condition in (side.enter, side.leave))


def nodes_of(tree: object) -> Iterator[object]:
    """Yield every node of a tree, each before its parts."""
    yield tree
    for part in _parts(tree):
        yield from nodes_of(part)


def _parts(node: object) -> Iterator[object]:
    for name in (field.name for field in fields(node)) if is_dataclass(node) else ():
        value = getattr(node, name)
        for each in value if isinstance(value, tuple) else (value,):
            if is_dataclass(each):
                yield each


def indicators_of(conditions: tuple[Condition, ...]) -> list[Indicator]:
    """Return the distinct indicators of conditions in the order of their first use."""
    found = (node for condition in conditions for node in nodes_of(condition))
    return list(dict.fromkeys(node for node in found if isinstance(node, Indicator)))


def columns_of(conditions: tuple[Condition, ...]) -> set[str]:
    """Return the names of the columns that conditions read themselves, beside those of their indicators."""
    return {node.name for condition in conditions for node in nodes_of(condition) if isinstance(node, Column)}
