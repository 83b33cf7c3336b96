"""Errors of rules in words. Each names the place in the text: `at` and `length` count characters of `text`.

UserError
└── RuleError     UnknownRuleWord · RuleTooLong · RuleTooDeep · RuleEnds · UnexpectedInRule · RuleWithoutSide
                  SideRepeated · ExitAlone · MixedConnectors · WhichCrossing · WrongNumberOfNumbers · NotWholeInRule
                  NumberOutside · RangeBackwards · FastNotBelowSlow · NotComparable · ComparesItself · ComparesNumbers
                  TwoLanguages · NotLonger · NothingToSearch · OddPrime
"""

from unicodedata import east_asian_width

from optimizer.errors import UserError

#: Characters of the text that are shown before the place of an error, and after it.
_BEFORE, _AFTER = 32, 40
#: Kept where spaces are joined.
_BLANK = "\u2800"


class RuleError(UserError):
    """Rule that cannot be read; nothing was started. Facts: text, at, length, and those of the class.

    The facts `around` and `carets` are the text around the place, and carets to be set under it.
    """

    def __init__(self, **facts: object) -> None:
        if "around" not in facts:  # a copy has them, and perhaps a shortened text
            text, at, length = facts.get("text", ""), facts.get("at", 0), facts.get("length", 0)
            assert isinstance(at, int)
            assert isinstance(length, int)
            facts["around"], facts["carets"] = pointed(str(text), at, length)
        super().__init__(**facts)


def pointed(text: str, at: int, length: int) -> tuple[str, str]:
    """The part of a text around a place, and carets for a line under it, behind blanks; Korean letters are wide."""
    first, last = max(at - _BEFORE, 0), min(at + length + _AFTER, len(text))
    shown = text[first:last].replace("\n", " ")
    head, tail = "…" if first else "", "…" if last < len(text) else ""
    n_carets = max(_width(text[at : at + length]), 1)
    return f"{head}{shown}{tail}", _BLANK * (len(head) + _width(text[first:at])) + "^" * n_carets


def _width(text: str) -> int:
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


class UnknownRuleWord(RuleError):
    """Word that the language does not have. Facts: word, nearest."""


class RuleTooLong(RuleError):
    """Facts: n, most."""


class RuleTooDeep(RuleError):
    """Parentheses within parentheses. Facts: most."""


class RuleEnds(RuleError):
    """The text ends where something is missing. Facts: expected."""


class UnexpectedInRule(RuleError):
    """A known word at a place where it has no meaning. Facts: word, expected."""


class RuleWithoutSide(RuleError):
    """Nothing says whether to buy or to sell."""


class SideRepeated(RuleError):
    """Facts: side."""


class ExitAlone(RuleError):
    """A side that is closed and never opened. Facts: side, other."""


class MixedConnectors(RuleError):
    """`and` and `or` without parentheses. Facts: one and other (both readings)."""


class WhichCrossing(RuleError):
    """A verb that may mean a state or a crossing. Facts: word, one and other (both readings)."""


class WrongNumberOfNumbers(RuleError):
    """Facts: word, have, need, example."""


class NotWholeInRule(RuleError):
    """Facts: word, value, nearest."""


class NumberOutside(RuleError):
    """Facts: word, value, low, high, nearest."""


class RangeBackwards(RuleError):
    """Facts: value."""


class FastNotBelowSlow(RuleError):
    """Facts: word, fast, slow."""


class NotComparable(RuleError):
    """Two quantities of different units. Facts: one, other, unit_of_one, unit_of_other."""


class ComparesItself(RuleError):
    """Facts: word."""


class ComparesNumbers(RuleError):
    """Facts: one, other."""


class TwoLanguages(RuleError):
    """Words of both languages in one sentence. Facts: word."""


class NotLonger(RuleError):
    """Facts: word (the timeframe), base."""


class NothingToSearch(RuleError):
    """A rule without a number that could be searched."""


class OddPrime(RuleError):
    """A prime behind a quantity that has no numbers. Facts: word."""
