"""How well people are understood: the corpus' rates, and what must hold for any text."""

import gc
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bot.grammar.commands import AddSchedule, Export, OpenModal, Start, Why
from bot.grammar.errors import InThread, NothingUnderstood, NotUnderstood, TwoReadings
from bot.grammar.options import OPTIONS
from bot.grammar.parsing import parse
from bot.grammar.rules.typed import rule_of_text
from bot.grammar.understanding.listings import listings, symbol_names
from bot.grammar.understanding.understand import understand
from optimizer.errors import UserError, distance, is_misspelt
from tests.utterances.corpus import Utterance, corpora, read_corpus
from tests.utterances.judging import Grade, grade, outcome_of

CORPUS = [one for path in corpora() for one in read_corpus(path)]
#: Least share of right answers, and most of misleading ones.
RIGHT, BAD = 0.85, 0.02
#: Most seconds of a processor that the refusal of a hostile text may take.
QUICK = 0.02


@pytest.fixture(scope="module")
def graded() -> list[tuple[Grade, Utterance]]:
    return [(grade(one, outcome_of(one)), one) for one in CORPUS]


def test_the_corpus_is_large_and_has_both_languages_and_every_place() -> None:
    counts = Counter((one.language, one.where) for one in CORPUS)
    assert len(CORPUS) >= 600
    assert min(counts.values()) >= 7, counts


def test_nothing_is_misread(graded: list[tuple[Grade, Utterance]]) -> None:
    assert [one.text for found, one in graded if found is Grade.MISREAD] == []


def test_most_texts_are_read_rightly_and_hardly_an_answer_misleads(graded: list[tuple[Grade, Utterance]]) -> None:
    counts = Counter(found for found, _ in graded)
    assert counts[Grade.RIGHT] >= RIGHT * len(graded)
    assert counts[Grade.BAD] <= BAD * len(graded), [one.text for found, one in graded if found is Grade.BAD]


def test_a_text_of_the_grammar_means_what_it_did() -> None:
    for text in ("AAPL RSI 200", "AAPL RSI 2008", "HI rsi 20", "NOW RSI", "AAPL RSI stop 8", "ON RSI", "status"):
        reading = understand(text)
        assert reading.command == parse(text)
        assert reading.text == ""


@pytest.mark.parametrize("example", [option.example for option in OPTIONS.values()])
def test_every_option_means_the_same_beside_words_that_are_read_loosely(example: str) -> None:
    try:
        strict = parse(f"AAPL,MSFT RSI stop capital=1000 {example}")
    except UserError:
        strict = None  # said twice
    assert _command(f"please AAPL,MSFT RSI stop capital=1000 {example}") == strict
    if " " not in example:
        assert _command(f"AAPL,MSFT {example} stop capital=1000 RSI") == strict


def test_what_was_understood_is_given_as_the_exact_command() -> None:
    reading = understand("optimize apple with rsi, 200 trials please, last 5 years", unknown={"OPTIMIZE"})

    assert reading.text == "AAPL rsi 200 years=5"
    assert reading.names == (("AAPL", "Apple"),)
    assert parse(reading.text) == reading.command


@pytest.mark.parametrize(
    "text",
    [
        "don't run AAPL RSI", "do not start AAPL RSI 200", "AAPL RSI, but not yet", "stop AAPL RSI", "cancel AAPL RSI",
        "never run AAPL RSI", "AAPL RSI if it rains", "should I run AAPL RSI?", "is AAPL RSI any good?", "no AAPL RSI",
        "what is the RSI of AAPL", "who runs AAPL RSI", "AAPL RSI 실행하지 마", "AAPL RSI 말고", "AAPL RSI 안 해",
        "show me AAPL RSI", "AAPL RSI 보여줘", "minimize sharpe AAPL RSI", "AAPL RSI without 2008",
        "AAPL RSI 2008 제외",
        "delete AAPL RSI", "AAPL RSI failed", "pause AAPL RSI", "AAPL RSI yesterday", "forget AAPL RSI 200",
        "AAPL RSI running", "AAPL RSI 실행 중에", "AAPL RSI next monday 9am", "AAPL RSI history", "AAPL RSI 돌려봤어",
        "AAPL RSI 해주던데", "AAPL RSI는요?", "AAPL RSI only on mondays",
        "AAPL RSI over 70", "thanks for AAPL RSI", "I like AAPL RSI", "AAPL RSI 말고 MACD", "AAPL RSI 200회 좋던데요",
        "어제 AAPL RSI 200 돌렸는데 좋던데", "my colleague likes AAPL RSI 200",
        "compliance asked us to hold off, AAPL RSI 200",
        "AAPL RSI 200 was wrong", "undo AAPL RSI", "AAPL OBV RSI", "alice ran AAPL RSI 200", "AAPL RSI is running?",
    ],
)  # fmt: skip
def test_a_denial_a_question_and_a_remark_start_nothing(text: str) -> None:
    try:
        command = understand(text).command
    except UserError:
        return
    assert not isinstance(command, Start | AddSchedule)


@pytest.mark.parametrize(
    ("aside", "is_left_out"),
    [
        ("the PM is asking again", True), ("my cousin swears a lot", True),
        ("running late for the desk", True),
        ("markets are wild today", True), ("our quant is not happy", False), ("my boss told us to hold", False),
        ("my boss wants it unhedged", False), ("he wants it in euros", False), ("we are intraday", False),
        ("kelly sizing", False),
        ("our pm is asking for the last 3 months", False), ("if the desk is happy", False), ("my pm ran it", False),
    ],
)  # fmt: skip
def test_an_aside_is_left_out_unless_it_could_mean_something(aside: str, is_left_out: bool) -> None:
    command = _command(f"{aside}, please run AAPL RSI 200")

    assert (command == parse("AAPL RSI 200")) is is_left_out
    assert command is None or is_left_out


def test_a_goal_may_stand_in_the_place_of_another_one() -> None:
    assert understand("AAPL RSI 200 sortino instead of sharpe").text == "AAPL rsi 200 goal=sortino"
    assert understand("AAPL RSI 200회 샤프 말고 소르티노로").text == "AAPL rsi 200 goal=sortino"


def test_a_saved_rule_may_stand_anywhere_and_is_no_fill_word() -> None:
    rules = {"dip": rule_of_text("buy when rsi(14) < 30; sell when rsi(14) > 55").model_copy(update={"name": "dip"})}

    assert understand("200 trials of dip on AAPL", rules=rules).text == "AAPL dip 200"
    with pytest.raises(NotUnderstood):
        understand("200 trials of dip on AAPL")


def test_a_word_is_offered_only_where_it_was_nearly_typed() -> None:
    assert is_misspelt("sharp", "sharpe")
    assert is_misspelt("statsu", "status")
    assert not is_misspelt("sharpe", "sampler")
    assert not is_misspelt("and", "bbands")
    assert not is_misspelt("me", "ml")
    assert is_misspelt("볼린져", "볼린저")
    assert not is_misspelt("최적값", "최적화")
    assert distance("ab", "ba") == 1
    for text in ("AAPL RSI 200 colour", "AAPL RSI sharper", "AAPL and RSI maybe"):
        with pytest.raises(UserError) as refused:
            understand(text)
        assert refused.value.command == ""


def test_a_word_in_no_list_is_named_with_things_to_type() -> None:
    with pytest.raises(NothingUnderstood) as refused:
        understand("quitt the building")

    assert refused.value.facts["word"] == "quitt building"


def test_only_the_mention_of_an_addressed_message_is_left_out() -> None:
    assert understand("hey <@U0BOT> run AAPL RSI", is_addressed=True).text == "AAPL rsi"
    with pytest.raises(UserError):
        understand("AAPL RSI <@U0BOB>")
    with pytest.raises(UserError):
        understand("hey <@U0BOT> run AAPL RSI <@U0BOB>", is_addressed=True)


def test_in_a_thread_its_study_is_meant() -> None:
    assert understand("why is it unproven?", study="opt-7f3a").command == Why("opt-7f3a")
    assert understand("이거 왜 미입증이야?", study="opt-7f3a").command == Why("opt-7f3a")
    with pytest.raises(TwoReadings) as asked:
        understand("run it again", study="opt-7f3a")
    assert asked.value.facts["one"] == "replay opt-7f3a"


def test_a_file_is_exported_to_whoever_asks_for_it_and_to_nobody_who_refuses_it() -> None:
    assert understand("do you have that as a spreadsheet", study="opt-7f3a").command == Export("opt-7f3a")
    with pytest.raises(InThread):
        understand("no spreadsheet here", study="opt-7f3a")


def test_a_name_means_two_listings_at_most_and_no_form() -> None:
    assert len(listings()) > 300
    assert max(map(len, symbol_names().values())) == 2
    for name in symbol_names():
        assert not isinstance(_command(name), OpenModal)


def _command(text: str) -> object:
    try:
        return understand(text).command
    except UserError:
        return None


def hostile() -> list[str]:
    rng = random.Random(7)
    letters = "AaRrSsIi019 .,:;=<>()[]{}\"'`~!@#$%^&*-+|\\/?\n\t\x00\x07​‮삼성ㅋАЯ你好٣é🙏"
    return [
        "a" * 2_001, "AAPL RSI " * 300, "AAPL RSI " + "and " * 80, "every " * 60, "5 years " * 45, "1-" * 190,
        "(" * 350, '"' * 399, "AAPL RSI 20 day SMA " * 19, "what " * 79, "show me the " * 32, "why " * 99,
        "결과 " * 130,
        "opt-" + "f" * 380, "AAPL " * 75, "the " * 99 + "x", "between 2008 and " * 22, "볼린저 " * 90, "-" * 399,
        *("".join(rng.choices(letters, k=rng.choice((20, 200, 399)))) for _ in range(150)),
    ]  # fmt: skip


def test_a_hostile_text_is_refused_at_once() -> None:
    for text in ("AAPL 200 RSI please", "show me the", "결과"):
        _command(text)  # the tables are read once
    with no_collection():
        for text in hostile():
            began = time.thread_time()
            command = _command(text)
            took = time.thread_time() - began
            assert not isinstance(command, Start | AddSchedule), text[:60]
            assert took < QUICK, text[:60]


@contextmanager
def no_collection() -> Iterator[None]:
    """Collect no garbage inside the block: what the other tests left would be counted, as nothing is in the bot."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
