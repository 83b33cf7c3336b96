"""Korean rules: a comparison stands behind what it compares, and a side behind its clause.

Particles are no tokens, and the endings of verbs are connectors: `-고` and, `-거나` or, `-면` then.
"""

from optimizer.strategies.rules.cursor import Cursor, Operand
from optimizer.strategies.rules.english import away, joined, ordered_between, which_of
from optimizer.strategies.rules.lexing import Token
from optimizer.strategies.rules.tree import Clause, Lasting, Moves, Not, Number, Quantity, Sign
from optimizer.strategies.rules.words import Kind
from optimizer.strategies.rules.writing import written_quantity

_NUMERIC = (Kind.NUMBER, Kind.MINUS)


def read_side(cursor: Cursor) -> tuple[Token, Clause]:
    """Read `…이면 매수`; returns the word of the side too."""
    clause = _list(cursor)
    cursor.expect(Kind.WHEN)
    return cursor.expect(Kind.SIDE), clause


def _list(cursor: Cursor) -> Clause:
    """Read clauses joined by endings or words of `and`, or of `or`."""
    first = cursor.token
    parts, connectors = [_clause(cursor)], list[Token]()
    while token := cursor.take_if(Kind.AND, Kind.OR):
        # An ending may be followed by a word for the same: `…위이고 그리고`.
        while (more := cursor.token) is not None and more.kind is token.kind:
            cursor.take()
        connectors.append(token)
        parts.append(_clause(cursor))
    return joined(cursor, parts, connectors, first)


def _clause(cursor: Cursor) -> Clause:
    if cursor.take_if(Kind.OPEN):
        cursor.deeper()
        found = _list(cursor)
        cursor.expect(Kind.CLOSE)
        cursor.shallower()
    else:
        found = _comparison(cursor)
    while True:
        if cursor.sees(Kind.NUMBER, Kind.BARS, Kind.FOR):
            n_bars = cursor.whole("for")
            cursor.take(), cursor.take()
            found = Lasting(found, n_bars)
        elif cursor.take_if(Kind.NOT):
            found = Not(found)
        else:
            return found


def _comparison(cursor: Cursor) -> Clause:
    first = cursor.token
    left = _operand(cursor)
    assert first is not None
    if isinstance(left, Quantity):
        if cursor.sees(Kind.NUMBER, Kind.BARS, Kind.FOR, Kind.MOVES):
            n_bars = cursor.whole("bars")
            cursor.take(), cursor.take()
            return Moves(left, bool(cursor.take().value), n_bars)
        if token := cursor.take_if(Kind.MOVES):
            return Moves(left, bool(token.value), 1)
    elif (token := cursor.token) is not None and token.kind in (Kind.SIGN, Kind.WHICH, Kind.BETWEEN):
        _offer_subject(cursor, first)
    return _compared(cursor, left, first)


def _compared(cursor: Cursor, left: Operand, first: Token) -> Clause:
    between = cursor.token
    if between is not None and between.kind is Kind.SIGN and between.text in ("<", ">", "<=", ">="):
        return cursor.compared(left, cursor.take().value, _operand(cursor), first)
    right = _operand(cursor)
    if isinstance(right, Quantity) and isinstance(left, Quantity) and cursor.sees(Kind.NUMBER, Kind.PERCENT):
        percent = cursor.percentage("%")
        sign: Sign = cursor.expect(Kind.SIGN).value
        if sign not in (Sign.ABOVE, Sign.BELOW):
            cursor.refuse("sign")
        return away(cursor, left, sign, right, percent, first)
    if isinstance(left, Quantity) and isinstance(right, Number):
        cursor.take_if(Kind.RANGE)
        if (token := cursor.token) is not None and token.kind in _NUMERIC:
            high = cursor.number("between")
            cursor.expect(Kind.BETWEEN)
            return ordered_between(cursor, left, right, high, first)
        if right.low is not None and right.high is not None and cursor.take_if(Kind.BETWEEN):
            return ordered_between(cursor, left, Number(right.low), Number(right.high), first)
    if which := cursor.take_if(Kind.WHICH):
        raise which_of(cursor, which, left, right, first)
    return cursor.compared(left, cursor.expect(Kind.SIGN).value, right, first)


def _operand(cursor: Cursor) -> Operand:
    token = cursor.token
    is_number = token is not None and token.kind in _NUMERIC and not _begins_quantity(cursor)
    return cursor.number("level") if is_number else cursor.quantity()


def _begins_quantity(cursor: Cursor) -> bool:
    following = cursor.peek(2) if cursor.sees(Kind.NUMBER, Kind.BARS) else cursor.peek(1)
    if following is None:
        return False
    return following.kind is Kind.QUANTITY or (cursor.sees(Kind.NUMBER, Kind.BARS) and following.kind is Kind.AGO)


def _offer_subject(cursor: Cursor, number: Token) -> None:
    """Refuse a comparison without a subject, and offer the one that was compared last: it is never guessed."""
    subject = cursor.last_quantity
    offered = f"{written_quantity(subject, is_korean=True)}가 " if subject else ""
    cursor.refuse_at(number, "subject", instead=offered)
