"""Reading what both languages share: numbers, quantities, and the checks of a comparison."""

from collections.abc import Sequence
from typing import NoReturn

from optimizer.strategies.rules.errors import (
    ComparesItself,
    ComparesNumbers,
    FastNotBelowSlow,
    NotComparable,
    NotWholeInRule,
    NumberOutside,
    OddPrime,
    RangeBackwards,
    RuleEnds,
    RuleTooDeep,
    UnexpectedInRule,
    WrongNumberOfNumbers,
)
from optimizer.strategies.rules.lexing import Token
from optimizer.strategies.rules.quantity_catalogue import BOUNDS, CATALOGUE, Argument, Entry, Unit
from optimizer.strategies.rules.tree import MIRRORED, Compare, Number, Quantity, Sign
from optimizer.strategies.rules.words import Kind
from optimizer.strategies.rules.writing import number_text, written_number, written_quantity

#: Parentheses within each other.
MOST_DEEP = 20
#: Bars back, and bars of a run.
MOST_BARS = 250
Operand = Quantity | Number


class Cursor:
    """Tokens of one text, and where reading has come to."""

    def __init__(self, text: str, tokens: Sequence[Token], *, is_korean: bool) -> None:
        self.text = text
        self.is_korean = is_korean
        self._tokens = tokens
        self.last_quantity: Quantity | None = None  # that was read
        self._at = 0
        self._depth = 0

    @property
    def token(self) -> Token | None:
        """Next token, or None at the end."""
        return self.peek(0)

    def peek(self, ahead: int) -> Token | None:
        """Token so many places ahead."""
        return self._tokens[self._at + ahead] if self._at + ahead < len(self._tokens) else None

    def sees(self, *kinds: Kind) -> bool:
        """Check whether the next tokens are of these kinds."""
        found = (self.peek(ahead) for ahead in range(len(kinds)))
        return all(token is not None and token.kind is kind for token, kind in zip(found, kinds, strict=True))

    def take(self) -> Token:
        """Take the next token."""
        token = self._tokens[self._at]
        self._at += 1
        return token

    def take_if(self, *kinds: Kind) -> Token | None:
        """Take the next token if it is of one of these kinds."""
        token = self.token
        return self.take() if token is not None and token.kind in kinds else None

    def expect(self, kind: Kind) -> Token:
        """Take a token of a kind. Raises UnexpectedInRule or RuleEnds."""
        return self.take_if(kind) or self.refuse(kind.value)

    def refuse(self, expected: str) -> NoReturn:
        """Raise what is wrong at the next token, which is not what was expected: a key of `expected` in the words."""
        if self.token is None:
            raise RuleEnds(text=self.text, at=len(self.text), length=0, expected=expected)
        self.refuse_at(self.token, expected)

    def refuse_at(self, token: Token, expected: str, *, instead: str = "") -> NoReturn:
        """Raise what is wrong at a token; `instead` is a text that could be put before it."""
        place = self.place(token)
        if instead:
            place |= {"length": 0, "nearest": instead}
        raise UnexpectedInRule(**place, word=token.text.strip() or token.kind.value, expected=expected)

    def place(self, first: Token, last: Token | None = None) -> dict[str, object]:
        """Facts of an error that is about the tokens from one to another."""
        return {"text": self.text, "at": first.at, "length": (last or first).end - first.at}

    def before(self) -> Token:
        """Token that was taken last."""
        return self._tokens[self._at - 1]

    def deeper(self) -> None:
        """Count an opening parenthesis. Raises RuleTooDeep."""
        self._depth += 1
        if self._depth > MOST_DEEP:
            raise RuleTooDeep(**self.place(self.before()), most=MOST_DEEP)

    def shallower(self) -> None:
        """Count a closing one."""
        self._depth -= 1

    def number(self, word: str, argument: Argument | None = None) -> Number:
        """Read a number or a range, with its sign. Raises NotWholeInRule and NumberOutside for an argument's."""
        first = self.token
        value = self._plain_number()
        number = Number(value)
        if self.take_if(Kind.RANGE):
            high = self._plain_number()
            step = self._plain_number() if self.sees(Kind.COLON, Kind.NUMBER) and self.take() else None
            number = self._ranged(first, value, high, step)
        if argument is not None and first is not None:
            self._check_argument(first, word, number, argument)
        return number

    def _plain_number(self) -> float:
        sign = -1.0 if self.take_if(Kind.MINUS) else 1.0
        value: float = sign * self.expect(Kind.NUMBER).value
        return value + 0.0  # no negative zero

    def _ranged(self, first: Token | None, low: float, high: float, step: float | None) -> Number:
        assert first is not None
        if low > high or (step is not None and step <= 0):
            value = f"{number_text(low)}..{number_text(high)}"
            raise RangeBackwards(**self.place(first, self.before()), value=value)
        return Number(middle(low, high, step or default_step(low, high)), low, high, step)

    def _check_argument(self, first: Token, word: str, number: Number, argument: Argument) -> None:
        for value in (number.value, number.low, number.high):
            if value is None:
                continue
            if argument.is_whole and not value.is_integer():
                raise NotWholeInRule(
                    **self.place(first, self.before()), word=word, value=number_text(value), nearest=f"{round(value)}"
                )
            if not argument.low <= value <= argument.high:
                near = min(max(value, argument.low), argument.high)
                self._outside(first, word, value, argument.low, argument.high, near)

    def _outside(self, first: Token, word: str, value: float, low: float, high: float, near: float) -> NoReturn:
        facts = {"value": value, "low": low, "high": high, "nearest": near}
        texts = {name: number_text(fact) for name, fact in facts.items()}
        raise NumberOutside(**self.place(first, self.before()), word=word, **texts)

    def whole(self, word: str) -> int:
        """Read a whole number of bars."""
        token = self.expect(Kind.NUMBER)
        value = float(token.value)
        if not value.is_integer():
            raise NotWholeInRule(**self.place(token), word=word, value=number_text(value), nearest=f"{round(value)}")
        if not 1 <= value <= MOST_BARS:
            self._outside(token, word, value, 1, MOST_BARS, min(max(value, 1), MOST_BARS))
        return int(value)

    def quantity(self) -> Quantity:
        """Read a quantity with everything around its name."""
        timeframe = self.take_if(Kind.TIMEFRAME)
        ago = self._spoken_ago()
        period = self._spoken_period()
        symbol = self.take_if(Kind.SYMBOL)
        name = self.expect(Kind.QUANTITY)
        key = str(name.value)
        if key == "vwap" and (period or self.sees(Kind.OPEN)):
            key = "rolling_vwap"
        entry = CATALOGUE[key]
        numbers = self._numbers(name, entry, period)
        mark = 0
        while odd := self.take_if(Kind.MARK):
            mark += 1
            if not entry.arguments:
                raise OddPrime(**self.place(odd), word=name.text)
        ago = self._bracketed_ago(name.text) or ago
        # In Korean it stands before the name: behind it begins another quantity.
        later = timeframe if self.is_korean else self.take_if(Kind.TIMEFRAME) or timeframe
        percent, is_less = self._percent(name.text)
        self.last_quantity = Quantity(
            name=key, numbers=numbers, mark=mark, ago=ago, percent=percent, is_less=is_less,
            symbol=str(symbol.value) if symbol else "", timeframe=str(later.value) if later else "",
        )  # fmt: skip
        return self.last_quantity

    def _spoken_ago(self) -> int:
        """Read `2봉 전` before a Korean quantity."""
        if not self.sees(Kind.NUMBER, Kind.BARS, Kind.AGO):
            return 0
        n_bars = self.whole("ago")
        self.take(), self.take()
        return n_bars

    def _spoken_period(self) -> Token | None:
        """Read `200 day` or `200` before the name."""
        if self.sees(Kind.NUMBER, Kind.BARS, Kind.QUANTITY):
            token = self.take()
            self.take()
            return token
        return self.take() if self.sees(Kind.NUMBER, Kind.QUANTITY) else None

    def _numbers(self, name: Token, entry: Entry, period: Token | None) -> tuple[Number, ...]:
        """Read the numbers of an indicator; those that are left out altogether are the textbook's."""
        arguments = entry.arguments
        if self.sees(Kind.OPEN) and (arguments or period or self._opens_numbers()):
            opened = self.take()
            found = self._listed(name.text, arguments)
            if len(found) != len(arguments) or period:
                self._wrong_number(name, opened, entry, len(found) + bool(period))
            if entry.is_ordered and found[0].value >= found[1].value:
                fast, slow = (written_number(number) for number in found[:2])
                raise FastNotBelowSlow(**self.place(name, self.before()), word=name.text, fast=fast, slow=slow)
            return found
        glued = period or self._glued(name, arguments)
        if glued is not None:
            if len(arguments) != 1:
                self._wrong_number(name, glued, entry, 1)
            number = Number(float(glued.value))
            self._check_argument(glued, name.text, number, arguments[0])
            return (number,)
        return tuple(Number(float(argument.textbook)) for argument in arguments)

    def _opens_numbers(self) -> bool:
        following = self.peek(1)
        return following is not None and following.kind in (Kind.NUMBER, Kind.CLOSE)

    def _listed(self, word: str, arguments: Sequence[Argument]) -> tuple[Number, ...]:
        found: list[Number] = []
        while not self.take_if(Kind.CLOSE):
            if found:
                self.expect(Kind.COMMA)
            found.append(self.number(word, arguments[len(found)] if len(found) < len(arguments) else None))
        return tuple(found)

    def _glued(self, name: Token, arguments: Sequence[Argument]) -> Token | None:
        """Read the number of `rsi14`, and in English of `rsi 14`."""
        token = self.token
        if not arguments or token is None or token.kind is not Kind.NUMBER:
            return None
        is_glued = token.at == name.end
        following = self.peek(1)
        ends_there = following is None or following.kind not in (Kind.PERCENT, Kind.BARS, Kind.QUANTITY, Kind.RANGE)
        return self.take() if is_glued or (not self.is_korean and ends_there) else None

    def _wrong_number(self, name: Token, last: Token, entry: Entry, have: int) -> NoReturn:
        example = written_quantity(textbook(entry), is_korean=self.is_korean)
        facts = {"word": name.text, "have": have, "need": len(entry.arguments), "example": example}
        raise WrongNumberOfNumbers(**self.place(name, self.before() if self.before().at > name.at else last), **facts)

    def _bracketed_ago(self, word: str) -> int:
        if self.take_if(Kind.BRACKET):
            n_bars = self.whole(word)
            self.expect(Kind.UNBRACKET)
            return n_bars
        if not self.is_korean and self.sees(Kind.NUMBER, Kind.BARS, Kind.AGO):
            n_bars = self.whole(word)
            self.take(), self.take()
            return n_bars
        return 0

    def _percent(self, word: str) -> tuple[Number | None, bool]:
        sign = self.token
        if sign is None or sign.kind not in (Kind.PLUS, Kind.MINUS) or self._begins_level():
            return None, False
        self.take()
        number = self.percentage(word)
        return number, sign.kind is Kind.MINUS

    def _begins_level(self) -> bool:
        """Check whether a minus in Korean is that of a level, which follows a quantity directly."""
        ahead = 2
        if not self.is_korean or not self.sees(Kind.MINUS, Kind.NUMBER):
            return False
        while (token := self.peek(ahead)) is not None and token.kind in (Kind.RANGE, Kind.COLON):
            ahead += 2
        return token is None or token.kind is not Kind.PERCENT

    def percentage(self, word: str) -> Number:
        """Read a number with its percent sign, above 0 and below 100."""
        first = self.token
        number = self.number(word)
        self.expect(Kind.PERCENT)
        assert first is not None
        for value in (number.value, number.low, number.high):
            if value is not None and not 0 < value < 100:
                self._outside(first, word, value, 0.25, 99, min(max(value, 0.25), 99))
        return number

    def compared(self, left: Operand, sign: Sign, right: Operand, first: Token) -> Compare:
        """Build a comparison of two operands. Raises ComparesNumbers, ComparesItself, NotComparable, NumberOutside."""
        place = self.place(first, self.before())
        if isinstance(left, Number):
            if isinstance(right, Number):
                raise ComparesNumbers(**place, one=number_text(left.value), other=number_text(right.value))
            left, sign, right = right, MIRRORED[sign], left
        if isinstance(right, Quantity):
            self._check_units(place, left, right)
        else:
            self.check_level(first, left, right)
        return Compare(left, sign, right)

    def _check_units(self, place: dict[str, object], left: Quantity, right: Quantity) -> None:
        units = CATALOGUE[left.name].unit, CATALOGUE[right.name].unit
        names = [written_quantity(one, is_korean=self.is_korean) for one in (left, right)]
        if left == right:
            raise ComparesItself(**place, word=names[0])
        if units[0] != units[1] or Unit.SIDE in units:
            facts = {"one": names[0], "other": names[1], "unit_of_one": units[0].value, "unit_of_other": units[1].value}
            raise NotComparable(**place, **facts)

    def check_level(self, first: Token, quantity: Quantity, level: Number) -> None:
        """Raise NumberOutside for a level that a bounded quantity never has."""
        bounds = BOUNDS.get(CATALOGUE[quantity.name].unit)
        if bounds is None:
            return
        for value in (level.value, level.low, level.high):
            if value is not None and not bounds[0] <= value <= bounds[1]:
                near = min(max(value, bounds[0]), bounds[1])
                facts = {"value": value, "low": bounds[0], "high": bounds[1], "nearest": near}
                texts = {name: number_text(fact) for name, fact in facts.items()}
                raise NumberOutside(**self._place_of(first, value), word=quantity.name, **texts)

    def _place_of(self, first: Token, value: float) -> dict[str, object]:
        """Place of the last number with a value since a token, which an error is about."""
        for token in reversed(self._tokens[: self._at]):
            if token.kind is Kind.NUMBER and token.value == abs(value):
                return self.place(token)
            if token is first:
                break
        return self.place(first, self.before())


def textbook(entry: Entry) -> Quantity:
    """A quantity with the numbers of the textbook."""
    return Quantity(name=entry.key, numbers=tuple(Number(float(one.textbook)) for one in entry.arguments))


def default_step(low: float, high: float) -> float:
    """Step of a typed range: 1 between whole numbers, a quarter between others."""
    return 1.0 if low.is_integer() and high.is_integer() else 0.25


def middle(low: float, high: float, step: float) -> float:
    """The value of a range that is nearest to its middle; of two the lower one."""
    n_steps = int((high - low) / step + 1e-9)
    return round(low + n_steps // 2 * step, 10)
