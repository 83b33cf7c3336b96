"""A rule in words as a tree of signals, with the numbers of a parameter set."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from optimizer.domain.space import Params
from optimizer.domain.study_request import StudyRule
from optimizer.strategies.rules import tree
from optimizer.strategies.rules.parameters import named_rule
from optimizer.strategies.rules.reading import parse_rule
from optimizer.strategies.rules.tree import OPPOSITE, Sign, negated, plain
from optimizer.strategies.rules.writing import written_quantity
from reports.exports.refusals import refuse
from reports.exports.signals import (
    NEVER,
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
    Number,
    SideRules,
    Value,
)

_TWO, _ONE = Number(2), Number(1)
_HIGH, _LOW, _VOLUME = Column("high"), Column("low"), Column("volume")
_Arguments = tuple[Number | Constant, ...]


def _macd(line: str) -> Callable[[_Arguments], Value]:
    def make(arguments: _Arguments) -> Value:
        fast, slow, signal = arguments
        # TA-Lib takes the shorter one for the fast one; a search may find them exchanged.
        ordered = (fast, slow) if fast.value <= slow.value else (slow, fast)
        return Indicator("macd", (*ordered, signal), line)

    return make


def _indicator(name: str, line: str = "", source: Column | None = None) -> Callable[[_Arguments], Value]:
    def make(arguments: _Arguments) -> Value:
        return Indicator(name, arguments, line, source) if source else Indicator(name, arguments, line)

    return make


def _column(name: str) -> Callable[[_Arguments], Value]:
    return lambda _: Column(name)


def _keltner(sign: str) -> Callable[[_Arguments], Value]:
    def make(arguments: _Arguments) -> Value:
        period, width = arguments
        return Arithmetic(Indicator("ema", (period,)), sign, Arithmetic(width, "*", Indicator("atr", (period,))))

    return make


def _middle(period: Number | Constant) -> Value:
    ends = [Indicator(name, (period,), source=source) for name, source in (("highest", _HIGH), ("lowest", _LOW))]
    return Arithmetic(Arithmetic(ends[0], "+", ends[1]), "/", _TWO)


def _span_a(arguments: _Arguments) -> Value:
    lines = Arithmetic(Arithmetic(_middle(arguments[0]), "+", _middle(arguments[1])), "/", _TWO)
    return Ago(lines, int(arguments[1].value))


#: Value of each quantity that programs can compute, from its numbers.
_VALUES: Mapping[str, Callable[[_Arguments], Value]] = MappingProxyType(
    {
        **{name: _column(name) for name in ("open", "high", "low", "close", "volume")},
        **{name: _indicator(name) for name in ("rsi", "sma", "ema", "roc", "zscore", "slope", "atr", "adx", "cci")},
        **{name: _indicator(name) for name in ("mfi", "williams", "supertrend")},
        "macd": _macd("line"),
        "signal": _macd("signal"),
        "histogram": _macd("histogram"),
        "upper": _indicator("bollinger", "upper"),
        "middle": _indicator("sma"),
        "lower": _indicator("bollinger", "lower"),
        "stoch": lambda arguments: Indicator("stoch", (*arguments, _ONE), "k"),
        "%d": _indicator("stoch", "d"),
        "keltner_upper": _keltner("+"),
        "keltner_lower": _keltner("-"),
        "tenkan": lambda arguments: _middle(arguments[0]),
        "kijun": lambda arguments: _middle(arguments[0]),
        "senkou_a": _span_a,
        "senkou_b": lambda arguments: Ago(_middle(arguments[1]), int(arguments[0].value)),
        "highest": _indicator("highest", source=_HIGH),
        "lowest": _indicator("lowest", source=_LOW),
        "volsma": _indicator("sma", source=_VOLUME),
    }
)


def sides_of(rule: StudyRule, params: Params, target: str) -> tuple[SideRules, SideRules]:
    """Long and short side of a rule. Raises NotExpressible for bars or indicators that a program does not have."""
    named = named_rule(parse_rule(rule.text)).rule
    writer = _Writer(params, target)
    clauses = {side: writer.condition(plain(clause)) for side, clause in named.sides()}
    return (
        SideRules(clauses.get("buy", NEVER), clauses.get("sell", NEVER)),
        SideRules(clauses.get("short", NEVER), clauses.get("cover", NEVER)),
    )


@dataclass(frozen=True)
class _Writer:
    """Writes clauses with the values of a parameter set as constants."""

    params: Params
    target: str

    def condition(self, clause: tree.Clause) -> Condition:
        """A clause without a Not but around crossings and runs."""
        match clause:
            case tree.Compare(left, sign, right):
                return self._compare(left, sign, right)
            case tree.Between(quantity, low, high):
                value = self._value(quantity)
                return All((Compare(value, ">=", self._number(low)), Compare(value, "<=", self._number(high))))
            case tree.Moves(quantity, is_rise, n_bars):
                value = self._value(quantity)
                return _for_bars(Compare(value, ">" if is_rise else "<", _earlier(value, 1)), n_bars)
            case tree.Lasting(part, n_bars):
                return _for_bars(self.condition(part), n_bars)
            case tree.All(parts):
                return All(tuple(map(self.condition, parts)))
            case tree.Either(parts):
                return AnyOf(tuple(map(self.condition, parts)))
            case tree.Not(part):
                return self._opposite(part)

    def _compare(self, left: tree.Quantity, sign: Sign, right: tree.Quantity | tree.Number) -> Condition:
        one, other = self._value(left), self._operand(right)
        if sign in (Sign.CROSSES_ABOVE, Sign.CROSSES_BELOW):
            return Crosses(one, other, is_upwards=sign is Sign.CROSSES_ABOVE)
        return Compare(one, sign.value, other)

    def _opposite(self, clause: tree.Clause) -> Condition:
        """The opposite of a crossing or a run, which is false where values are missing."""
        match clause:
            case tree.Compare(left, sign, right):
                beyond = Sign.ABOVE if sign is Sign.CROSSES_ABOVE else Sign.BELOW
                one, other = self._value(left), self._operand(right)
                before = Compare(_earlier(one, 1), beyond.value, _earlier(other, 1))
                return AnyOf((Compare(one, OPPOSITE[beyond].value, other), before))
            case tree.Moves(quantity, is_rise, n_bars):
                value = self._value(quantity)
                return _any_of_last(Compare(value, "<=" if is_rise else ">=", _earlier(value, 1)), n_bars)
            case tree.Lasting(part, n_bars):
                return _any_of_last(self.condition(plain(negated(part))), n_bars)
            case _:
                return self.condition(plain(negated(clause)))

    def _operand(self, operand: tree.Quantity | tree.Number) -> Value:
        return self._value(operand) if isinstance(operand, tree.Quantity) else self._number(operand)

    def _value(self, quantity: tree.Quantity) -> Value:
        for word, reason in ((quantity.symbol, "bars_of_another_symbol"), (quantity.timeframe, "longer_bars")):
            if word:
                raise refuse(self.target, written_quantity(quantity), reason)
        if quantity.name not in _VALUES:
            raise refuse(self.target, written_quantity(quantity), "no_such_indicator")
        value = _VALUES[quantity.name](tuple(map(self._number, quantity.numbers)))
        value = _earlier(value, quantity.ago)
        if quantity.percent is None:
            return value
        percent = self._number(quantity.percent)
        if not quantity.is_less:
            return Changed(value, percent)
        return Arithmetic(value, "*", Arithmetic(_ONE, "-", Arithmetic(percent, "/", Number(100))))

    def _number(self, number: tree.Number) -> Number | Constant:
        if not number.name:
            return Number(number.value)
        return Constant(number.name, float(self.params[number.name]))


def _for_bars(condition: Condition, n_bars: int) -> Condition:
    return condition if n_bars == 1 else ForBars(condition, n_bars)


def _any_of_last(condition: Condition, n_bars: int) -> Condition:
    return condition if n_bars == 1 else AnyOf(tuple(_shifted(condition, by) for by in range(n_bars)))


def _shifted(condition: Condition, n_bars: int) -> Condition:
    """A condition as it was so many bars before."""
    if n_bars == 0:
        return condition
    match condition:
        case Compare(left, sign, right):
            return Compare(_earlier(left, n_bars), sign, _earlier(right, n_bars))
        case Crosses(left, right, is_upwards):
            return Crosses(_earlier(left, n_bars), _earlier(right, n_bars), is_upwards)
        case ForBars(part, length):
            return ForBars(_shifted(part, n_bars), length)
        case All(parts):
            return All(tuple(_shifted(part, n_bars) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(_shifted(part, n_bars) for part in parts))
        case _:
            raise AssertionError("no rule in words has such a part")


def _earlier(value: Value, n_bars: int) -> Value:
    """A value of so many bars before; numbers do not change."""
    if n_bars == 0 or isinstance(value, Number | Constant):
        return value
    return Ago(value.value, value.n_bars + n_bars) if isinstance(value, Ago) else Ago(value, n_bars)
