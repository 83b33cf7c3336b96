"""The part of Pine Script (version 5) that exported scripts use: a parser that refuses the rest, and a broker.

Each statement is carried out at each close, from the first bar on. A function keeps what it remembers for each place
that it is called from, as in TradingView. Orders of one close are filled at the next open.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np

from optimizer.domain.bars import Bars

_TOKEN = re.compile(
    r"""(?P<number>\d+(\.\d+)?(e[+-]?\d+)?)|(?P<text>"[^"\n]*")|(?P<name>[A-Za-z_][\w]*(\.[A-Za-z_]\w*)*)"""
    r"""|(?P<sign>=>|:=|==|!=|<=|>=|[-+*/<>=?:(),\[\]])|(?P<space>[ ]+)"""
)
_WORDS = {"and", "or", "not", "if", "else", "var", "true", "false", "na", "int", "float"}
_LEVELS = (("or",), ("and",), ("==", "!=", "<", "<=", ">", ">="), ("+", "-"), ("*", "/"))
_NA = float("nan")

Node = tuple[Any, ...]


class PineError(Exception):
    """What TradingView would not compile."""


@dataclass
class Line:
    """A line of a script: its number, its depth and its tokens."""

    number: int
    depth: int
    tokens: list[str]


def lines_of(script: str) -> list[Line]:
    """The lines of a script with something in them. Raises PineError for a depth or a character that is none."""
    found = []
    for number, text in enumerate(script.splitlines(), 1):
        if not text.strip() or text.lstrip().startswith("//"):
            continue
        indent = len(text) - len(text.lstrip(" "))
        if "\t" in text or text != text.rstrip() or (indent % 4 and not found):
            raise PineError(f"line {number}: indented by {indent}, or with a blank at its end")
        if indent % 4:  # Pine reads it as the rest of the line before
            found[-1].tokens.extend(_tokens(text.strip(), number))
            continue
        found.append(Line(number, indent // 4, list(_tokens(text.strip(), number))))
    return found


def _tokens(text: str, number: int) -> Iterator[str]:
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise PineError(f"line {number}: {text[at:]}")
        at = match.end()
        if match.lastgroup != "space":
            yield match[0]


class Parser:
    """Reads expressions of one line."""

    def __init__(self, line: Line, tokens: Sequence[str]) -> None:
        self.line, self.tokens, self.at = line, list(tokens), 0

    def whole(self) -> Node:
        """An expression that is all there is."""
        found = self.ternary()
        if self.at < len(self.tokens):
            raise PineError(f"line {self.line.number}: {' '.join(self.tokens[self.at :])}")
        return found

    def _next(self, wanted: str = "") -> str:
        token = self._peek()
        if not token or (wanted and token != wanted):
            raise PineError(f"line {self.line.number}: {token or 'its end'} where {wanted or 'something'} belongs")
        self.at += 1
        return token

    def _peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def ternary(self) -> Node:
        """`condition ? one : other`."""
        condition = self.binary(0)
        if self._peek() != "?":
            return condition
        self._next("?")
        one = self.ternary()
        self._next(":")
        return ("?", condition, one, self.ternary())

    def binary(self, level: int) -> Node:
        """Operators of a level and of those that bind closer."""
        if level == len(_LEVELS):
            return self.unary()
        found = self.binary(level + 1)
        while self._peek() in _LEVELS[level]:
            sign = self._next()
            found = (sign, found, self.binary(level + 1))
        return found

    def unary(self) -> Node:
        """`not` and `-`."""
        if self._peek() in ("not", "-"):
            sign = self._next()
            return ("not", self.binary(2)) if sign == "not" else ("negative", self.unary())
        return self.postfix()

    def postfix(self) -> Node:
        """A value, perhaps of bars before."""
        found = self.atom()
        while self._peek() == "[":
            self._next("[")
            found = ("ago", found, self.ternary())
            self._next("]")
        return found

    def atom(self) -> Node:
        """A number, a text, a name, a call or something in parentheses."""
        token = self._next()
        if token == "(":
            found = self.ternary()
            self._next(")")
            return found
        if token[0].isdigit():
            return ("number", float(token))
        if token[0] == '"':
            return ("text", token[1:-1])
        if token in ("true", "false", "na") and self._peek() != "(":
            return ("number", _NA) if token == "na" else ("truth", token == "true")
        if not re.match(r"[A-Za-z_]", token) or token in _WORDS - {"na"}:
            raise PineError(f"line {self.line.number}: {token}")
        return self.call(token) if self._peek() == "(" else ("name", token)

    def call(self, name: str) -> Node:
        """The arguments of a call; those with a name follow the others."""
        plain: list[Node] = []
        named: dict[str, Node] = {}
        self._next("(")
        while self._peek() != ")":
            if self.tokens[self.at + 1 : self.at + 2] == ["="]:
                key = self._next()
                self._next("=")
                named[key] = self.ternary()
            else:
                plain.append(self.ternary())
            if self._peek() != ")":
                self._next(",")
        self._next(")")
        return ("call", name, plain, named)


@dataclass
class Function:
    """A function of the script."""

    parameters: list[str]
    body: list[Node]


@dataclass
class Script:
    """A script that was read."""

    body: list[Node]
    functions: dict[str, Function]


#: Functions of Pine that exported scripts call, with the number of arguments they may have.
BUILT_IN = {
    "ta.sma": (2, 2), "ta.roc": (2, 2), "ta.stdev": (2, 2), "ta.highest": (2, 2), "ta.lowest": (2, 2), "ta.tr": (1, 1),
    "math.max": (2, 2), "math.min": (2, 2), "math.sum": (2, 2), "nz": (2, 2), "na": (1, 1), "timestamp": (1, 1),
    "strategy": (1, 1), "strategy.entry": (2, 2), "strategy.close": (1, 1),
    "strategy.opentrades.entry_bar_index": (1, 1),
}  # fmt: skip
NAMES = {
    "open", "high", "low", "close", "volume", "time", "bar_index", "strategy.position_size", "strategy.opentrades",
    "strategy.long", "strategy.short", "strategy.percent_of_equity", "strategy.commission.percent",
}  # fmt: skip


def parse(script: str) -> Script:
    """Read a script. Raises PineError for what is not understood, not declared, declared twice, or not Pine's."""
    if not script.startswith("//@version=5\n"):
        raise PineError("a script begins with its version")
    lines, functions = lines_of(script), dict[str, Function]()
    body = _block(lines, 0, functions)
    if lines:
        raise PineError(f"line {lines[0].number}: too deep")
    _check(body, set(NAMES), functions)
    return Script(body, functions)


def _block(lines: list[Line], depth: int, functions: dict[str, Function]) -> list[Node]:
    found: list[Node] = []
    while lines and lines[0].depth == depth:
        found.append(_statement(lines, depth, functions))
    if lines and lines[0].depth > depth:
        raise PineError(f"line {lines[0].number}: too deep")
    if not found:
        raise PineError("a block without a line")
    return [statement for statement in found if statement]


def _statement(lines: list[Line], depth: int, functions: dict[str, Function]) -> Node:
    line = lines.pop(0)
    match line.tokens:
        case ["if", *condition]:
            return _choice(line, condition, lines, depth, functions)
        case ["var", "int" | "float", name, "=", *rest]:
            return ("var", name, Parser(line, rest).whole())
        case [name, "=" | ":=" as sign, *rest]:
            return (sign, name, Parser(line, rest).whole())
        case [name, "(", *rest] if rest[-1:] == ["=>"] and depth == 0:
            parameters = [token for token in rest[:-2] if token != ","]
            function = Function(parameters, _block(lines, 1, functions))
            _check(function.body, NAMES | set(parameters), functions)
            functions[name] = function
            return ()
        case tokens:
            return ("do", Parser(line, tokens).whole())


def _choice(line: Line, condition: list[str], lines: list[Line], depth: int, functions: dict[str, Function]) -> Node:
    one, other = _block(lines, depth + 1, functions), list[Node]()
    if lines and lines[0].depth == depth and lines[0].tokens[0] == "else":
        rest = lines.pop(0)
        match rest.tokens:
            case ["else"]:
                other = _block(lines, depth + 1, functions)
            case ["else", "if", *more]:
                other = [_choice(rest, more, lines, depth, functions)]
            case _:
                raise PineError(f"line {rest.number}: else")
    return ("if", Parser(line, condition).whole(), one, other)


def _check(body: Sequence[Node], known: set[str], functions: Mapping[str, Function]) -> None:
    for statement in body:
        match statement:
            case ("if", condition, one, other):
                _check_names(condition, known, functions)
                _check(one, set(known), functions)
                _check(other, set(known), functions)
            case ("do", expression):
                _check_names(expression, known, functions)
            case (":=", name, expression):
                _check_names(expression, known, functions)
                if name not in known - NAMES:
                    raise PineError(f"{name} is given a value before it is declared")
            case (_, name, expression):
                _check_names(expression, known, functions)
                if name in known:
                    raise PineError(f"{name} is declared twice, or Pine's own")
                known.add(name)


def _check_names(node: Node, known: set[str], functions: Mapping[str, Function]) -> None:
    match node:
        case ("number" | "text" | "truth", _):
            pass
        case ("name", name):
            if name not in known:
                raise PineError(f"{name} is not declared")
        case ("call", name, plain, named):
            least, most = BUILT_IN.get(name, (-1, -1))
            if name in functions:
                least = most = len(functions[name].parameters)
            if not least <= len(plain) <= most or (named and name != "strategy"):
                raise PineError(f"{name} is not known with {len(plain)} arguments")
            for part in (*plain, *named.values()):
                _check_names(part, known, functions)
        case (_, *parts):
            for part in parts:
                _check_names(part, known, functions)


@dataclass
class Played:
    """Trades of a script: entry bar, exit bar, side, prices; and every variable at each close."""

    trades: list[tuple[int, int, int, float, float]] = field(default_factory=list)
    variables: dict[str, list[Any]] = field(default_factory=dict)


Memory = dict[Any, list[Any]]


class Player:
    """Carries out a script over bars, from the first one on."""

    def __init__(self, script: Script, bars: Bars) -> None:
        self.script, self.bars, self.played = script, bars, Played()
        self.memory: Memory = {}  # values at each bar, by the place in the script
        self.kept: dict[Any, Any] = {}  # variables declared with `var`
        self.side, self.entry, self.entry_price = 0, 0, 0.0
        self.orders: list[tuple[str, int]] = []
        self.bar = 0

    def play(self) -> Played:
        """Play all bars."""
        for bar in range(len(self.bars)):
            self.bar = bar
            self._fill()
            scope: dict[str, Any] = {}
            self._run(self.script.body, scope, ())
            for name, value in scope.items():
                self.played.variables.setdefault(name, []).append(value)
        return self.played

    def _fill(self) -> None:
        price = float(self.bars.open[self.bar])
        for kind, side in self.orders:
            if self.side and (kind == "close" or side != self.side):
                self.played.trades.append((self.entry, self.bar, self.side, self.entry_price, price))
                self.side = 0
            if kind == "entry" and not self.side:
                self.side, self.entry, self.entry_price = side, self.bar, price
        self.orders = []

    def _run(self, body: Sequence[Node], scope: dict[str, Any], place: tuple[Any, ...]) -> Any:
        value: Any = _NA
        for number, statement in enumerate(body):
            here = (*place, number)
            match statement:
                case ("if", condition, one, other):
                    branch = one if _holds(self._value(condition, scope, here)) else other
                    value = self._run(branch, scope, (*here, branch is one))
                case ("do", expression):
                    value = self._value(expression, scope, here)
                case ("var", name, expression):
                    if (place, name) not in self.kept:
                        self.kept[place, name] = self._value(expression, scope, here)
                    scope[name] = value = self.kept[place, name]
                    scope[f"var {name}"] = (place, name)
                case (_, name, expression):
                    scope[name] = value = self._value(expression, scope, here)
                    if f"var {name}" in scope:
                        self.kept[scope[f"var {name}"]] = value
        return value

    def _value(self, node: Node, scope: dict[str, Any], place: tuple[Any, ...]) -> Any:
        match node:
            case ("number" | "text" | "truth", value):
                return value
            case ("name", name):
                return scope[name] if name in scope else self._own(name)
            case ("?", condition, one, other):
                is_one = _holds(self._value(condition, scope, (*place, 0)))
                return self._value(one if is_one else other, scope, (*place, 1 + is_one))
            case ("ago", inner, n_bars):
                now = self._remember((*place, "ago"), self._value(inner, scope, (*place, 0)))
                n = int(self._value(n_bars, scope, (*place, 1)))
                return now[-1 - n] if len(now) > n else _NA
            case ("call", name, plain, _):
                arguments = [self._value(part, scope, (*place, i)) for i, part in enumerate(plain)]
                return self._call(name, arguments, place)
            case ("not", inner):
                return not _holds(self._value(inner, scope, (*place, 0)))
            case ("negative", inner):
                return -self._value(inner, scope, (*place, 0))
            case (sign, left, right):
                values = (self._value(part, scope, (*place, i)) for i, part in enumerate((left, right)))
                return _SIGNS[sign](*values)
        raise PineError(str(node))

    def _own(self, name: str) -> Any:
        match name:
            case "open" | "high" | "low" | "close" | "volume":
                return float(getattr(self.bars, name)[self.bar])
            case "time":
                return float(self.bars.time[self.bar].astype("datetime64[ms]").astype(np.int64))
            case "bar_index":
                return self.bar
            case "strategy.position_size":
                return self.side
            case "strategy.opentrades":
                return abs(self.side)
        return {"strategy.long": 1, "strategy.short": -1}.get(name, name)

    def _remember(self, place: tuple[Any, ...], value: Any) -> list[Any]:
        values = self.memory.setdefault(place, [])
        values.extend([_NA] * (self.bar - len(values)))  # it was not carried out on these bars
        values.append(value)
        return values

    def _call(self, name: str, arguments: list[Any], place: tuple[Any, ...]) -> Any:
        if name in self.script.functions:
            function = self.script.functions[name]
            return self._run(function.body, dict(zip(function.parameters, arguments, strict=True)), (*place, name))
        if name.startswith("ta.") or name == "math.sum":
            return self._series(name, arguments, place)
        match name:
            case "strategy":
                return _NA
            case "strategy.entry":
                self.orders.append(("entry", arguments[1]))
            case "strategy.close":
                self.orders.append(("close", self.side))
            case "strategy.opentrades.entry_bar_index":
                return self.entry
            case "timestamp":
                return datetime.fromisoformat(arguments[0]).replace(tzinfo=UTC).timestamp() * 1000
            case "na":
                return _is_na(arguments[0])
            case "nz":
                return arguments[1] if _is_na(arguments[0]) else arguments[0]
            case _:
                return (max if name == "math.max" else min)(arguments)
        return _NA

    def _series(self, name: str, arguments: list[Any], place: tuple[Any, ...]) -> Any:
        if name == "ta.tr":
            high, low, closes = self.bars.high[self.bar], self.bars.low[self.bar], self.bars.close
            before = closes[self.bar - 1] if self.bar else high
            return float(max(high, before) - min(low, before)) if self.bar else float(high - low)
        values, length = self._remember((*place, name), arguments[0]), int(arguments[1])
        if name == "ta.roc":
            before = values[-1 - length] if len(values) > length else _NA
            return 100.0 * (values[-1] - before) / before
        known = [value for value in values[-length:] if not _is_na(value)]
        if len(known) < length:
            return _NA
        mean = math.fsum(known) / length
        match name:
            case "ta.sma":
                return mean
            case "ta.stdev":
                return math.sqrt(math.fsum((value - mean) ** 2 for value in known) / length)
            case "math.sum":
                return math.fsum(known)
        return max(known) if name == "ta.highest" else min(known)


def _is_na(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _holds(value: Any) -> bool:
    return not _is_na(value) and bool(value)


_SIGNS: Mapping[str, Callable[[Any, Any], Any]] = {
    "or": lambda a, b: _holds(a) or _holds(b),
    "and": lambda a, b: _holds(a) and _holds(b),
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b if b else _NA,
}
