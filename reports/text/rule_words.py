"""Rules in the language of a message."""

from optimizer.domain.space import Params
from optimizer.domain.study_request import StudyRule
from optimizer.strategies.rules.parameters import with_values
from optimizer.strategies.rules.reading import parse_rule
from optimizer.strategies.rules.writing import rule_text


def said_rule(rule: StudyRule, language: str) -> str:
    """A rule as a sentence of a language."""
    return rule_text(parse_rule(rule.text), is_korean=language == "ko")


def winning_rule(rule: StudyRule, params: Params, language: str) -> str:
    """A rule with the numbers of a parameter set, as a sentence of a language."""
    return rule_text(with_values(parse_rule(rule.text), params), is_korean=language == "ko")
