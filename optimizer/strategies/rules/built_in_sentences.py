"""The built-in strategies as sentences, with the numbers of a parameter set: the same trades, in words to change."""

from collections.abc import Callable, Mapping

from optimizer.domain.space import Params
from optimizer.domain.study_request import StudySpec
from optimizer.strategies.rules.parameters import with_values
from optimizer.strategies.rules.reading import parse_rule
from optimizer.strategies.rules.writing import number_text, rule_text

#: Sides of a sentence, from a set whose numbers are texts: (buy, sell, short, cover).
_Sides = Callable[[Mapping[str, str]], tuple[str, str, str, str]]


def _rsi(p: Mapping[str, str]) -> tuple[str, str, str, str]:
    weak, strong = f"rsi({p['period']}) < {p['oversold']}", f"rsi({p['period']}) > {p['overbought']}"
    return weak, strong, strong, weak


def _rsi2(p: Mapping[str, str]) -> tuple[str, str, str, str]:
    index, trend = f"rsi({p['period']})", f"sma({p['trend']})"
    entry, leave = number_text(100 - float(p["entry"])), number_text(100 - float(p["exit"]))
    return (
        f"{index} < {p['entry']} and close > {trend}",
        f"{index} > {p['exit']}",
        f"{index} > {entry} and close < {trend}",
        f"{index} < {leave}",
    )


def _averages(name: str) -> _Sides:
    def sides(p: Mapping[str, str]) -> tuple[str, str, str, str]:
        fast, slow = f"{name}({p['fast']})", f"{name}({p['slow']})"
        return f"{fast} > {slow}", f"{fast} <= {slow}", f"{fast} < {slow}", f"{fast} >= {slow}"

    return sides


def _macd(p: Mapping[str, str]) -> tuple[str, str, str, str]:
    row = f"histogram({p['fast']}, {p['slow']}, {p['signal']})"
    return f"{row} > 0", f"{row} <= 0", f"{row} < 0", f"{row} >= 0"


def _bollinger(p: Mapping[str, str]) -> tuple[str, str, str, str]:
    row, width = f"zscore({p['period']})", p["width"]
    if p["mode"] == "break":
        return f"{row} > {width}", f"{row} <= 0", f"{row} < -{width}", f"{row} >= 0"
    return f"{row} < -{width}", f"{row} >= 0", f"{row} > {width}", f"{row} <= 0"


def _momentum(p: Mapping[str, str]) -> tuple[str, str, str, str]:
    row, enter, leave = f"roc({p['lookback']})", float(p["enter"]), float(p["leave"])
    numbers = [number_text(value + 0.0) for value in (enter, leave, -enter, -leave)]
    return f"{row} > {numbers[0]}", f"{row} < {numbers[1]}", f"{row} < {numbers[2]}", f"{row} > {numbers[3]}"


def _donchian(p: Mapping[str, str]) -> tuple[str, str, str, str]:
    def above(name: str) -> str:
        return f"close > highest({p[name]})[1]"

    def below(name: str) -> str:
        return f"close < lowest({p[name]})[1]"

    return above("entry"), below("exit"), below("entry"), above("exit")


def _stochastic(p: Mapping[str, str]) -> tuple[str, str, str, str]:
    fast, slow = f"stoch({p['k']})", f"%d({p['k']}, {p['d']})"
    return (
        f"{fast} crosses above {slow} and {fast} < {p['low']}",
        f"{fast} > {p['high']}",
        f"{fast} crosses below {slow} and {fast} > {p['high']}",
        f"{fast} < {p['low']}",
    )


def _zscore(p: Mapping[str, str]) -> tuple[str, str, str, str]:
    row = f"zscore({p['period']})"
    entry, leave = (number_text(-float(p[name]) + 0.0) for name in ("entry", "exit"))
    return f"{row} < {entry}", f"{row} > {leave}", f"{row} > {p['entry']}", f"{row} < {p['exit']}"


def _supertrend(p: Mapping[str, str]) -> tuple[str, str, str, str]:
    row = f"supertrend({p['period']}, {p['mult']})"
    return f"{row} > 0", f"{row} < 0", f"{row} < 0", f"{row} > 0"


_SENTENCES: Mapping[str, _Sides] = {
    "rsi": _rsi,
    "rsi2": _rsi2,
    "sma": _averages("sma"),
    "ema": _averages("ema"),
    "macd": _macd,
    "bollinger": _bollinger,
    "momentum": _momentum,
    "donchian": _donchian,
    "stochastic": _stochastic,
    "zscore": _zscore,
    "supertrend": _supertrend,
}


def rule_of_winner(spec: StudySpec, params: Params) -> str:
    """The canonical sentence of a study's winner: its rule with the winner's numbers, or its strategy's sentence."""
    if spec.rule is not None:
        return rule_text(with_values(parse_rule(spec.rule.text), params))
    return sentence_of(spec.strategy_name, params, allow_short=spec.allow_short)


def has_sentence(key: str) -> bool:
    """Check whether a strategy can be said as a sentence."""
    return key in _SENTENCES


def sentence_of(key: str, params: Params, *, allow_short: bool = False) -> str:
    """The canonical sentence of a built-in strategy with a parameter set; overlays are no part of it."""
    texts = {name: value if isinstance(value, str) else number_text(float(value)) for name, value in params.items()}
    buy, sell, short, cover = _SENTENCES[key](texts)
    sides = {"buy": buy, "sell": sell} | ({"short": short, "cover": cover} if allow_short else {})
    return rule_text(parse_rule("; ".join(f"{side} when {clause}" for side, clause in sides.items())))
