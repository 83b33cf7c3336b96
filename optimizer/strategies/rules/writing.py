"""Rules as text, in English and in Korean; what is written is read back as the same rule."""

from optimizer.strategies.rules.quantity_catalogue import CATALOGUE
from optimizer.strategies.rules.tree import (
    All,
    Between,
    Clause,
    Compare,
    Either,
    Lasting,
    Moves,
    Not,
    Number,
    Quantity,
    Rule,
    Sign,
)
from optimizer.strategies.rules.words import written_name

_SIDES = {"buy": "매수", "sell": "매도", "short": "공매도", "cover": "환매수"}
#: Korean comparisons: the words before an ending, and the endings for `and`, `or` and `then`.
_NOUN = ("이고", "이거나", "이면")
_VERB = ("하고", "하거나", "하면")
_SIGNS = {
    Sign.BELOW: ("아래", _NOUN),
    Sign.ABOVE: ("위", _NOUN),
    Sign.AT_MOST: ("이하", _NOUN),
    Sign.AT_LEAST: ("이상", _NOUN),
    Sign.CROSSES_ABOVE: ("상향 돌파", _VERB),
    Sign.CROSSES_BELOW: ("하향 돌파", _VERB),
}
_AND, _OR, _THEN, _NONE = 0, 1, 2, 3


def rule_text(rule: Rule, *, is_korean: bool = False) -> str:
    """Write a rule. In English this is the text by which rules are the same."""
    return "; ".join(
        f"{_korean(clause, _THEN)} {_SIDES[side]}" if is_korean else f"{side} when {_english(clause)}"
        for side, clause in rule.sides()
    )


def clause_text(clause: Clause, *, is_korean: bool = False) -> str:
    """Write a clause that stands alone."""
    return _korean(clause, _NONE) if is_korean else _english(clause)


def number_text(value: float) -> str:
    """Write a number without trailing zeros."""
    return f"{value:.10g}"


def written_number(number: Number) -> str:
    """Write a number, or the range that was typed for it."""
    if number.low is None or number.high is None:
        return number_text(number.value)
    step = f":{number_text(number.step)}" if number.step is not None else ""
    return f"{number_text(number.low)}..{number_text(number.high)}{step}"


def written_quantity(quantity: Quantity, *, is_korean: bool = False) -> str:
    """Write a quantity with everything around its name."""
    entry = CATALOGUE[quantity.name]
    symbol = f"{quantity.symbol if is_korean else quantity.symbol.lower()}." if quantity.symbol else ""
    numbers = f"({', '.join(map(written_number, quantity.numbers))})" if quantity.numbers else ""
    ago = f"[{quantity.ago}]" if quantity.ago else ""
    marks = "'" * quantity.mark
    name = f"{symbol}{written_name(entry, is_korean=is_korean)}{numbers}{marks}{ago}"
    if quantity.timeframe:
        name = f"{_korean_timeframe(quantity.timeframe)} {name}" if is_korean else f"{name} on {quantity.timeframe}"
    if quantity.percent is None:
        return name
    return f"{name} {'-' if quantity.is_less else '+'} {written_number(quantity.percent)}%"


def _korean_timeframe(word: str) -> str:
    whole = {"1w": "주봉", "1mo": "월봉", "1d": "일봉"}
    return whole.get(word) or f"{word[:-1]}{'시간봉' if word.endswith('h') else '분봉'}"


def _operand(operand: Quantity | Number, *, is_korean: bool = False) -> str:
    return written_number(operand) if isinstance(operand, Number) else written_quantity(operand, is_korean=is_korean)


def _english(clause: Clause) -> str:
    match clause:
        case Compare(left, sign, right):
            return f"{written_quantity(left)} {sign} {_operand(right)}"
        case Between(quantity, low, high):
            return f"{written_quantity(quantity)} between {written_number(low)} and {written_number(high)}"
        case Moves(quantity, is_rise, n_bars):
            return f"{written_quantity(quantity)} {'rises' if is_rise else 'falls'} {n_bars} bars"
        case Lasting(part, n_bars):
            return f"{_english_part(part)} for {n_bars} bars"
        case Not(part):
            return f"not {_english_part(part)}"
        case All(parts):
            return " and ".join(map(_english_part_of_list, parts))
        case Either(parts):
            return " or ".join(map(_english_part_of_list, parts))


def _english_part(clause: Clause) -> str:
    """Write a clause of `not` or `for`: in parentheses, unless it is a comparison."""
    return _english(clause) if isinstance(clause, Compare) else f"({_english(clause)})"


def _english_part_of_list(clause: Clause) -> str:
    return f"({_english(clause)})" if isinstance(clause, All | Either) else _english(clause)


def _korean(clause: Clause, ending: int) -> str:
    """Write a clause with the ending that joins it to what follows; none within parentheses."""
    match clause:
        case Compare(left, sign, right):
            word, endings = _SIGNS[sign]
            particle = _object(right) if endings is _VERB else ""
            return f"{_subject(left)} {_operand(right, is_korean=True)}{particle} {word}{_ended(endings, ending)}"
        case Between(quantity, low, high):
            between = f"{written_number(low)}과 {written_number(high)} 사이"
            return f"{_subject(quantity)} {between}{_ended(_NOUN, ending)}"
        case Moves(quantity, is_rise, n_bars):
            word = "상승" if is_rise else "하락"
            return f"{_subject(quantity)} {n_bars}봉 연속 {word}{_ended(_VERB, ending)}"
        case Lasting(part, n_bars):
            return f"{_korean_part(part)} {n_bars}봉 연속{_ended(_NOUN, ending)}"
        case Not(part):
            verb = "아님" if ending == _NONE else f"아니{('고', '거나', '면')[ending]}"
            return f"({_korean(part, _NONE)})가 {verb}"
        case All(parts):
            return " ".join(_joined(parts, _AND, ending))
        case Either(parts):
            return " ".join(_joined(parts, _OR, ending))


def _joined(parts: tuple[Clause, ...], connector: int, ending: int) -> list[str]:
    endings = [connector] * (len(parts) - 1) + [ending]
    return [_korean_part_of_list(part, one) for part, one in zip(parts, endings, strict=True)]


def _korean_part(clause: Clause) -> str:
    return _korean(clause, _NONE) if isinstance(clause, Compare) else f"({_korean(clause, _NONE)})"


def _korean_part_of_list(clause: Clause, ending: int) -> str:
    if isinstance(clause, All | Either):
        return f"({_korean(clause, _NONE)}){_ended(_NOUN, ending)}"
    return _korean(clause, ending)


def _ended(endings: tuple[str, str, str], ending: int) -> str:
    return "" if ending == _NONE else endings[ending]


def _subject(quantity: Quantity) -> str:
    text = written_quantity(quantity, is_korean=True)
    return f"{text}{'이' if _ends_in_consonant(text) else '가'}"


def _object(operand: Quantity | Number) -> str:
    text = _operand(operand, is_korean=True)
    return "을" if _ends_in_consonant(text) else "를"


def _ends_in_consonant(text: str) -> bool:
    last = ord(text[-1]) - 0xAC00
    return 0 <= last < 11172 and last % 28 > 0
