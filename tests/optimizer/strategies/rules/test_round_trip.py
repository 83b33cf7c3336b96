"""What is written is read back as the same rule, in both languages; and anything else is refused in words."""

import time

import numpy as np
import pytest

from optimizer.strategies.rules.errors import RuleError
from optimizer.strategies.rules.quantity_catalogue import CATALOGUE
from optimizer.strategies.rules.reading import parse_rule
from optimizer.strategies.rules.words import ENGLISH, KOREAN, phrases
from optimizer.strategies.rules.writing import rule_text
from tests.optimizer.strategies.rules.random_rules import random_rule

#: Rules of each test; ten thousand were tried once for each.
N_RULES = 1_500


@pytest.mark.parametrize("seed", range(2))
def test_a_rule_is_read_back_in_both_languages(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(N_RULES):
        rule = random_rule(rng, depth=3)
        english, korean = rule_text(rule), rule_text(rule, is_korean=True)
        assert parse_rule(english) == rule, english
        assert parse_rule(korean) == rule, korean
        # From English over Korean it is the same sentence.
        assert rule_text(parse_rule(korean)) == english


def test_a_sentence_is_read_in_a_millisecond() -> None:
    rng = np.random.default_rng(7)
    texts = [
        rule_text(random_rule(rng, depth=1), is_korean=is_korean) for is_korean in (False, True) for _ in range(80)
    ]
    parse_rule.cache_clear()
    spent = []
    for text in texts:
        began = time.perf_counter()
        parse_rule(text)
        spent.append(time.perf_counter() - began)
    # The machine may be busy: the bar is the median's.
    assert np.median(spent) < 0.001


def test_no_word_stands_for_two_things() -> None:
    for is_korean, table in ((False, ENGLISH), (True, KOREAN)):
        known = phrases(is_korean=is_korean)
        for phrase, meaning in table.items():
            assert known[phrase] == meaning, phrase
        names = [
            name.lower() for entry in CATALOGUE.values() for name in (entry.korean if is_korean else entry.english)
        ]
        assert len(names) == len(set(names))


_PIECES = [
    *ENGLISH, *KOREAN, *(entry.key for entry in CATALOGUE.values()), "(", ")", "[2]", "'", "30", "200", "0.5", "..",
    "<", ">", "<=", ";", ",", "%", "+ 3%", "eval", "__import__('os')", "가", "😀", "\x00", "spy.", "on 1w", "\n",
    "x" * 40,
]  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_any_text_is_a_rule_or_an_error_with_its_place(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(500):
        pieces = [_PIECES[i] for i in rng.integers(len(_PIECES), size=rng.integers(1, 14))]
        text = " ".join(pieces) if rng.integers(2) else "".join(pieces)
        refused = _error_of(text)
        if refused is None:
            rule = parse_rule(text)
            assert parse_rule(rule_text(rule)) == rule
            continue
        at, length = refused.facts["at"], refused.facts["length"]
        assert isinstance(at, int)
        assert isinstance(length, int)
        assert 0 <= at <= at + length <= len(str(refused.facts["text"]))


def _error_of(text: str) -> RuleError | None:
    try:
        parse_rule(text)
    except RuleError as error:
        return error
    return None


def test_long_and_deep_texts_are_refused() -> None:
    for text in ("buy when " + "rsi < 30 and " * 400, "buy when " + "(" * 500 + "rsi < 30", "buy when " + "not " * 300):
        with pytest.raises(RuleError):
            parse_rule(text)
