"""English rules: a comparison stands between what it compares, and a side before its clause."""

from dataclasses import replace

from optimizer.strategies.rules.cursor import Cursor, Operand
from optimizer.strategies.rules.errors import MixedConnectors, WhichCrossing
from optimizer.strategies.rules.lexing import Token
from optimizer.strategies.rules.tree import All, Between, Clause, Either, Lasting, Moves, Not, Number, Quantity, Sign
from optimizer.strategies.rules.words import Kind
from optimizer.strategies.rules.writing import clause_text

_NUMERIC = (Kind.NUMBER, Kind.MINUS)


def read_side(cursor: Cursor) -> tuple[Token, Clause]:
    """Read `buy when …`; returns the word of the side too."""
    side = cursor.expect(Kind.SIDE)
    cursor.expect(Kind.WHEN)
    return side, _list(cursor)


def _list(cursor: Cursor) -> Clause:
    """Read clauses joined by `and`, or by `or`."""
    first = cursor.token
    parts, connectors = [_clause(cursor)], list[Token]()
    while token := cursor.take_if(Kind.AND, Kind.OR):
        connectors.append(token)
        parts.append(_clause(cursor))
    return joined(cursor, parts, connectors, first)


def joined(cursor: Cursor, parts: list[Clause], connectors: list[Token], first: Token | None) -> Clause:
    """Join clauses by their connectors, which must be of one kind. Raises MixedConnectors with both readings."""
    kinds = [token.kind for token in connectors]
    if not kinds:
        return parts[0]
    if len(set(kinds)) == 1:
        return All(tuple(parts)) if kinds[0] is Kind.AND else Either(tuple(parts))
    assert first is not None
    readings = [clause_text(_bound(parts, kinds, kind), is_korean=cursor.is_korean) for kind in (Kind.AND, Kind.OR)]
    raise MixedConnectors(**cursor.place(first, cursor.before()), one=readings[0], other=readings[1])


def _bound(parts: list[Clause], kinds: list[Kind], first: Kind) -> Clause:
    """The reading in which one connector binds before the other."""
    groups = [[parts[0]]]
    for part, kind in zip(parts[1:], kinds, strict=True):
        if kind is first:
            groups[-1].append(part)
        else:
            groups.append([part])
    inner, outer = (All, Either) if first is Kind.AND else (Either, All)
    return outer(tuple(inner(tuple(group)) if len(group) > 1 else group[0] for group in groups))


def _clause(cursor: Cursor) -> Clause:
    if cursor.take_if(Kind.NOT):
        cursor.deeper()
        found: Clause = Not(_clause(cursor))
        cursor.shallower()
        return found
    if cursor.take_if(Kind.OPEN):
        cursor.deeper()
        found = _list(cursor)
        cursor.expect(Kind.CLOSE)
        cursor.shallower()
    else:
        found = _comparison(cursor)
    return _lasting(cursor, found)


def _lasting(cursor: Cursor, clause: Clause) -> Clause:
    if not cursor.sees(Kind.FOR):
        return clause
    cursor.take()
    n_bars = cursor.whole("for")
    cursor.expect(Kind.BARS)
    return Lasting(clause, n_bars)


def _comparison(cursor: Cursor) -> Clause:
    first = cursor.token
    left = _operand(cursor)
    assert first is not None
    if isinstance(left, Quantity):
        if cursor.take_if(Kind.BETWEEN):
            return _between(cursor, left, first)
        if token := cursor.take_if(Kind.MOVES):
            return _moves(cursor, left, is_rise=bool(token.value))
        if scaled := _percent_away(cursor, left, first):
            return scaled
    is_not = cursor.take_if(Kind.NOT) is not None
    which = cursor.take_if(Kind.WHICH)
    if which:
        raise _which(cursor, which, left, first)
    sign: Sign = cursor.expect(Kind.SIGN).value
    found = cursor.compared(left, sign, _operand(cursor), first)
    return Not(found) if is_not else found


def _operand(cursor: Cursor) -> Operand:
    token = cursor.token
    is_number = token is not None and token.kind in _NUMERIC and not _begins_quantity(cursor)
    return cursor.number("level") if is_number else cursor.quantity()


def _begins_quantity(cursor: Cursor) -> bool:
    return cursor.sees(Kind.NUMBER, Kind.QUANTITY) or cursor.sees(Kind.NUMBER, Kind.BARS, Kind.QUANTITY)


def _between(cursor: Cursor, quantity: Quantity, first: Token) -> Clause:
    low = cursor.number("between")
    cursor.expect(Kind.AND)
    high = cursor.number("between")
    return ordered_between(cursor, quantity, low, high, first)


def ordered_between(cursor: Cursor, quantity: Quantity, low: Number, high: Number, first: Token) -> Clause:
    """Build a Between of two numbers, the lower one first. Raises NumberOutside."""
    for number in (low, high):
        cursor.check_level(first, quantity, number)
    return Between(quantity, low, high) if low.value <= high.value else Between(quantity, high, low)


def _moves(cursor: Cursor, quantity: Quantity, *, is_rise: bool) -> Clause:
    """Read the length of a run; without one it is a single bar."""
    is_run = cursor.sees(Kind.FOR) or cursor.sees(Kind.NUMBER, Kind.BARS)
    cursor.take_if(Kind.FOR)
    if not is_run:
        return Moves(quantity, is_rise, 1)
    n_bars = cursor.whole("bars")
    cursor.expect(Kind.BARS)
    return Moves(quantity, is_rise, n_bars)


def _percent_away(cursor: Cursor, left: Quantity, first: Token) -> Clause | None:
    """Read `close is 3% above sma(200)`."""
    if not cursor.sees(Kind.NUMBER, Kind.PERCENT):
        return None
    percent = cursor.percentage("%")
    sign: Sign = cursor.expect(Kind.SIGN).value
    if sign not in (Sign.ABOVE, Sign.BELOW):
        cursor.refuse("sign")
    return away(cursor, left, sign, cursor.quantity(), percent, first)


def away(cursor: Cursor, left: Quantity, sign: Sign, right: Quantity, percent: Number, first: Token) -> Clause:
    """Build the comparison with a quantity that is so many percent away."""
    if right.percent is not None:
        cursor.refuse("end")
    scaled = replace(right, percent=percent, is_less=sign is Sign.BELOW)
    return cursor.compared(left, sign, scaled, first)


def _which(cursor: Cursor, which: Token, left: Operand, first: Token) -> WhichCrossing:
    """Error of a verb that may mean two things, with both readings."""
    right = _operand(cursor)
    return which_of(cursor, which, left, right, first)


def which_of(cursor: Cursor, which: Token, left: Operand, right: Operand, first: Token) -> WhichCrossing:
    """Build the error of a verb that may mean a state or a crossing."""
    signs: tuple[Sign, Sign] = which.value
    readings = [clause_text(cursor.compared(left, sign, right, first), is_korean=cursor.is_korean) for sign in signs]
    place = cursor.place(first, cursor.before())
    return WhichCrossing(**place, word=which.text, one=readings[0], other=readings[1])
