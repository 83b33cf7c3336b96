"""The rule of a typed word: a StudyRule, or an error with the corrected word."""

from collections.abc import Mapping
from types import MappingProxyType

from bot.grammar.tokens import Slip, Word
from optimizer.domain.study_request import StudyRule
from optimizer.strategies.rules.errors import MixedConnectors, RuleError, WhichCrossing
from optimizer.strategies.rules.reading import parse_rule
from optimizer.strategies.rules.tree import symbols_of
from optimizer.strategies.rules.writing import rule_text

#: Saved rules by what is typed for them.
SavedRules = Mapping[str, StudyRule]
NO_RULES: SavedRules = MappingProxyType({})


def is_rule_text(word: Word) -> bool:
    """Check whether a word is a rule: no other word in the place of a strategy has a space in it."""
    return " " in word.text or "\n" in word.text


def read_rule(word: Word) -> StudyRule:
    """Read the rule that a word is. Raises Slip with the nearest right rule, where one is known."""
    try:
        return rule_of_text(word.text)
    except RuleError as error:
        raise Slip(_whole(error), _correction(word, error)) from error


def rule_of_text(text: str) -> StudyRule:
    """The rule of a text in either language, with its canonical text. Raises a RuleError."""
    rule = parse_rule(text)
    return StudyRule(text=rule_text(rule), symbols=symbols_of(rule))


def _correction(word: Word, error: RuleError) -> dict[int, str]:
    near = str(error.facts.get("nearest") or "")
    if not near or str(error.facts["text"]) != word.text:
        return {}
    return {word.at: f'"{_replaced(error, near)}"'}


def _replaced(error: RuleError, instead: str) -> str:
    text, at, length = str(error.facts["text"]), error.facts["at"], error.facts["length"]
    assert isinstance(at, int)
    assert isinstance(length, int)
    return f"{text[:at]}{instead}{text[at + length :]}"


def _whole(error: RuleError) -> RuleError:
    """The error of two readings with each as the whole rule, ready to be copied."""
    if not isinstance(error, MixedConnectors | WhichCrossing):
        return error
    readings = {name: _replaced(error, str(error.facts[name])) for name in ("one", "other")}
    return type(error)(**{**error.facts, **readings})
