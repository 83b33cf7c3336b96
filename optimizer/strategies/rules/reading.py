"""Reading a rule in either language: `parse_rule`."""

from functools import lru_cache

from optimizer.strategies.rules import english, korean
from optimizer.strategies.rules.cursor import Cursor
from optimizer.strategies.rules.errors import ExitAlone, RuleWithoutSide, SideRepeated
from optimizer.strategies.rules.lexing import is_korean_text, made_plain, tokens_of
from optimizer.strategies.rules.tree import Clause, Rule, rule_of
from optimizer.strategies.rules.words import Kind

_ENTRY_OF = {"sell": "buy", "cover": "short"}
_SEPARATORS = (Kind.END, Kind.COMMA, Kind.AND)


@lru_cache(maxsize=512)
def parse_rule(text: str) -> Rule:
    """Read a rule in English, or in Korean if a letter of it is Korean. Raises a RuleError, and nothing else."""
    text = made_plain(text)
    is_korean = is_korean_text(text)
    cursor = Cursor(text, tokens_of(text), is_korean=is_korean)
    read_side = korean.read_side if is_korean else english.read_side
    sides: dict[str, Clause] = {}
    while cursor.take_if(Kind.END):
        pass
    if cursor.token is None:
        raise RuleWithoutSide(text=text, at=0, length=len(text))
    while cursor.token is not None:
        word, clause = read_side(cursor)
        if word.value in sides:
            raise SideRepeated(**cursor.place(word), side=word.text)
        sides[word.value] = clause
        while cursor.take_if(*_SEPARATORS):
            pass
    for side, entry in _ENTRY_OF.items():
        if side in sides and entry not in sides:
            raise ExitAlone(text=text, at=0, length=len(text), side=side, other=entry)
    return rule_of(sides)
