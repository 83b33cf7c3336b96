"""An error never offers what was typed as the right word."""

import pytest

from optimizer.errors import NoTimeframe, UnknownSymbol, UnknownWord, UserError, error_of
from tests.golden.refusals import own_kinds
from tests.refused import worded


@pytest.mark.parametrize("kind", [kind for kind in own_kinds() if issubclass(kind, UnknownWord)])
@pytest.mark.parametrize("word", ["AAPL", "aapl"])
def test_a_word_that_is_known_is_not_offered_for_itself(kind: type[UnknownWord], word: str) -> None:
    error = kind.of(word, ["AAPL", "ZZZZZZ"])

    assert not error.facts.get("nearest")
    assert error_of(error.as_document()).facts == error.facts


@pytest.mark.parametrize("fact", ["word", "value"])
def test_the_guard_is_the_same_for_words_and_values(fact: str) -> None:
    assert UserError(**{fact: "0.5"}, nearest="0.5").facts["nearest"] == ""
    assert UserError(**{fact: "0.5"}, nearest="50").facts["nearest"] == "50"


def test_symbols_are_offered_when_they_are_near() -> None:
    assert "Did you mean `AAPL`?" in worded(UnknownSymbol.of("APPL", ["AAPL", "MSFT"]))
    assert "Did you mean" not in worded(UnknownSymbol.of("AAPL", ["AAPL", "MSFT"]))


def test_one_other_timeframe_is_the_one_to_use() -> None:
    assert worded(NoTimeframe.of_symbol("OWNCO", "1d", ["1h"])) == "`OWNCO` has hourly bars only. Use `timeframe=1h`."
