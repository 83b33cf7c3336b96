"""Tree of a rule: what both languages are read into and written from.

Everything is frozen and compared by content. A rule without its numbers is its structure: two rules of one structure
differ in their numbers only.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from enum import StrEnum


@dataclass(frozen=True)
class Number:
    """Number of a rule; with `low` and `high` the range that was typed for it, in steps of `step`.

    `name` is that of its parameter; a rule as it is read and written has none.
    """

    value: float
    low: float | None = None
    high: float | None = None
    step: float | None = None
    name: str = ""

    @property
    def has_range(self) -> bool:
        """True if a range was typed."""
        return self.low is not None


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """Price, volume or indicator: one value per bar.

    `mark` counts the primes behind its numbers, which make them other parameters than the same numbers without;
    `ago` shifts it by so many bars, `percent` scales it. With a `timeframe` it is computed from the longer bars that
    are closed, with a `symbol` from the bars of another symbol.
    """

    name: str  # key of the catalogue
    numbers: tuple[Number, ...] = ()
    mark: int = 0
    ago: int = 0
    percent: Number | None = None
    is_less: bool = False  # the percentage is taken away
    symbol: str = ""
    timeframe: str = ""


class Sign(StrEnum):
    """Comparison of a quantity with a number or another quantity."""

    BELOW = "<"
    ABOVE = ">"
    AT_MOST = "<="
    AT_LEAST = ">="
    CROSSES_ABOVE = "crosses above"
    CROSSES_BELOW = "crosses below"


#: The comparison that holds where another does not, of those that are no crossings.
OPPOSITE = {
    Sign.BELOW: Sign.AT_LEAST,
    Sign.AT_LEAST: Sign.BELOW,
    Sign.ABOVE: Sign.AT_MOST,
    Sign.AT_MOST: Sign.ABOVE,
}
#: The comparison with left and right exchanged.
MIRRORED = {
    Sign.BELOW: Sign.ABOVE,
    Sign.ABOVE: Sign.BELOW,
    Sign.AT_MOST: Sign.AT_LEAST,
    Sign.AT_LEAST: Sign.AT_MOST,
    Sign.CROSSES_ABOVE: Sign.CROSSES_BELOW,
    Sign.CROSSES_BELOW: Sign.CROSSES_ABOVE,
}


@dataclass(frozen=True)
class Compare:
    """Comparison: `rsi(14) < 30`, `close crosses above sma(200)`."""

    left: Quantity
    sign: Sign
    right: Quantity | Number


@dataclass(frozen=True)
class Between:
    """Within two numbers, both included."""

    quantity: Quantity
    low: Number
    high: Number


@dataclass(frozen=True)
class Moves:
    """Each of the last `bars` changes was a rise, or a fall."""

    quantity: Quantity
    is_rise: bool
    bars: int


@dataclass(frozen=True)
class Lasting:
    """A clause that has held on each of the last `bars` bars."""

    clause: "Clause"
    bars: int


@dataclass(frozen=True)
class Not:
    """A clause that does not hold; where it is unknown, its opposite is unknown too."""

    clause: "Clause"


@dataclass(frozen=True)
class All:
    """Clauses that all hold."""

    clauses: tuple["Clause", ...]


@dataclass(frozen=True)
class Either:
    """Clauses of which at least one holds."""

    clauses: tuple["Clause", ...]


Clause = Compare | Between | Moves | Lasting | Not | All | Either


@dataclass(frozen=True, kw_only=True)
class Rule:
    """When to open and to close a long position and a short one; each at a close, filled at the next open.

    A side that is not opened is not traded. A side without an exit is closed by an overlay.
    """

    buy: Clause | None = None
    sell: Clause | None = None
    short: Clause | None = None
    cover: Clause | None = None

    @property
    def has_long(self) -> bool:
        """True if it buys."""
        return self.buy is not None

    @property
    def has_short(self) -> bool:
        """True if it sells short."""
        return self.short is not None

    @property
    def is_without_exit(self) -> bool:
        """True if a position of one side is closed by overlays alone."""
        return (self.has_long and self.sell is None) or (self.has_short and self.cover is None)

    def sides(self) -> Iterator[tuple[str, Clause]]:
        """Yield the name and the clause of each side that there is."""
        for side in SIDES:
            clause = getattr(self, side)
            if clause is not None:
                yield side, clause


#: Sides in the order in which they are written.
SIDES = tuple(field.name for field in fields(Rule))


def clauses_of(clause: Clause) -> Iterator[Clause]:
    """Yield a clause and every clause within it, outer ones first."""
    yield clause
    match clause:
        case All(parts) | Either(parts):
            for part in parts:
                yield from clauses_of(part)
        case Not(part) | Lasting(part, _):
            yield from clauses_of(part)
        case _:
            pass


def quantities_of(clause: Clause) -> Iterator[Quantity]:
    """Yield the quantities of a clause in the order in which they are written."""
    for part in clauses_of(clause):
        match part:
            case Compare(left, _, right):
                yield left
                if isinstance(right, Quantity):
                    yield right
            case Between(quantity, _, _) | Moves(quantity, _, _):
                yield quantity
            case _:
                pass


def symbols_of(rule: Rule) -> tuple[str, ...]:
    """Other symbols that a rule reads, each once, in the order in which they are written."""
    named = (quantity.symbol for _, clause in rule.sides() for quantity in quantities_of(clause))
    return tuple(dict.fromkeys(filter(None, named)))


def n_clauses(rule: Rule) -> int:
    """Number of clauses, those within others among them."""
    return sum(1 for _, clause in rule.sides() for _ in clauses_of(clause))


def negated(clause: Clause) -> Clause:
    """The clause that holds where this one is known not to, without any Not.

    A comparison becomes its opposite, so that a missing value makes both of them false. What is no longer a crossing
    or a run is told by the compiler: a Not stays around those alone.
    """
    match clause:
        case Compare(left, sign, right) if sign in OPPOSITE:
            return Compare(left, OPPOSITE[sign], right)
        case Between(quantity, low, high):
            return Either((Compare(quantity, Sign.BELOW, low), Compare(quantity, Sign.ABOVE, high)))
        case All(parts):
            return Either(tuple(map(negated, parts)))
        case Either(parts):
            return All(tuple(map(negated, parts)))
        case Not(part):
            return plain(part)
        case _:
            return Not(clause)


def plain(clause: Clause) -> Clause:
    """The same clause with each Not pushed down to comparisons, and left only around crossings and runs."""
    match clause:
        case Not(part):
            return negated(plain(part))
        case All(parts):
            return All(tuple(map(plain, parts)))
        case Either(parts):
            return Either(tuple(map(plain, parts)))
        case Lasting(part, bars):
            return Lasting(plain(part), bars)
        case _:
            return clause


def rule_of(sides: "dict[str, Clause]") -> Rule:
    """Rule of clauses by side."""
    return replace(Rule(), **sides)
