"""The first message of a result: one decision, three facts at most, sixty words, and no number that is told twice."""

import random
import re
from collections import Counter
from collections.abc import Iterator

import pytest

from optimizer.domain.study_results import Measures, StudySummary, Suggestion
from optimizer.validation.verdict import FEW_TRADES, judged
from reports.decision import Course, course_of, decide
from reports.render import LANGUAGES, Language, renderer_of
from reports.text.message import Message
from tests.reports import facts, kinds, told
from tests.reports.test_honesty import shaken

MOST_WORDS = 60
EVERY = [(language, name) for language in LANGUAGES for name in facts.SUMMARIES]


def words_of(message: Message) -> list[str]:
    """The words that stand in a message, its buttons' labels included, those of its menu not."""
    shown = [*_lines(message)]
    for block in message.blocks:
        shown += [element["text"]["text"] for element in block.get("elements", []) if element["type"] == "button"]
    return [word for text in shown for word in text.split() if re.search(r"\w", word)]


def _lines(message: Message) -> Iterator[str]:
    """The lines of a message's sections and contexts."""
    for block in message.blocks:
        texts = [block["text"]] if block["type"] == "section" else block.get("elements", [])
        if block["type"] in ("section", "context"):
            yield from (line for text in texts for line in text["text"].splitlines())


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_first_message_has_sixty_words_at_most(language: Language) -> None:
    everything = kinds.everything(renderer_of(language))
    firsts = {name: said[0] for name, said in everything.items() if name.startswith(("result", "failure", "cancelled"))}

    assert {name: len(words_of(first)) for name, first in firsts.items() if len(words_of(first)) > MOST_WORDS} == {}
    assert len(firsts) > len(facts.SUMMARIES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_market_that_turned_of_late_takes_one_line_of_eight_words_and_another_none(language: Language) -> None:
    say, lone = renderer_of(language), facts.REGIME.model_copy(update={"n_bars": 22})
    plain = words_of(say.decision(facts.finished("promising")))

    turned = words_of(say.decision(facts.in_market("promising", facts.REGIME)))
    assert 0 < len(turned) - len(plain) <= 8
    assert words_of(say.decision(facts.in_market("promising", lone))) == plain
    first = facts.REGIME.model_copy(update={"before": None})
    assert words_of(say.decision(facts.in_market("promising", first))) == plain


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", facts.SUMMARIES)
def test_six_parameters_and_few_trades_have_room_too(name: str, language: Language) -> None:
    summary = facts.SUMMARIES[name]
    wide = {"fast": 12, "slow": 26, "signal": 9, "stop": 8, "take": 20, "trail": 12}
    measures = summary.winner.in_sample.model_copy(update={"n_trades": 10})
    winner = summary.winner.model_copy(update={"params": wide, "in_sample": measures})
    study = facts.finished(name, summary=summary.model_copy(update={"winner": winner}))

    assert len(words_of(renderer_of(language).decision(study))) <= MOST_WORDS


@pytest.mark.parametrize(("language", "name"), EVERY)
def test_an_answer_is_one_decision_and_one_further_message(language: Language, name: str) -> None:
    decision, *rest = renderer_of(language).result(facts.finished(name))
    headline, *lines = _lines(decision)

    assert len(rest) == 1
    assert re.match(r"\S+ \*[^*]+\* · ", headline)
    assert sum(line.startswith("• ") for line in lines) <= 3
    assert lines[-1].startswith(("*Next:*", "*다음:*"))


@pytest.mark.parametrize(("language", "name"), EVERY)
def test_no_number_is_told_twice_in_a_thread(language: Language, name: str) -> None:
    repeated = [set(_told_twice(language, name, seed)) for seed in range(4)]

    # Two figures may look alike by chance, but not whatever they are.
    assert set.intersection(*repeated) == set()


def _told_twice(language: Language, name: str, seed: int) -> Iterator[tuple[int, int]]:
    """Pairs of lines that share a number with decimals, where every fraction was shaken."""
    summary = shaken(facts.SUMMARIES[name], random.Random(seed))
    study = facts.finished(name, summary=summary)
    lines = [line for message in renderer_of(language).result(study) for line in _lines(message)]
    found: dict[str, int] = {}
    for i, line in enumerate(lines):
        texts = [shown.text for shown in told.numbers_in(line) if "." in shown.text]
        yield from ((i, i) for n in Counter(texts).values() if n > 1)
        for text in set(texts):
            if text in found:
                yield found[text], i
            found[text] = i


def test_the_check_sees_a_number_that_is_told_twice() -> None:
    message = Message("", [{"type": "section", "text": {"type": "mrkdwn", "text": "Sharpe 0.84\nagain 0.84"}}])

    assert len([text for line in _lines(message) for text in told.numbers_in(line)]) == 2


@pytest.mark.parametrize(
    ("own", "hold", "key"),
    [
        ((0.84, 0.22), (0.33, 0.17), "ahead"),
        ((0.11, 0.01), (0.33, 0.17), "behind"),
        ((0.84, 0.09), (0.33, 0.17), "calmer"),
        ((0.21, 0.22), (0.33, 0.17), "wilder"),
        ((0.33, 0.1700), (0.33, 0.1702), "level"),
        ((-0.2, -0.03), (-0.9, -0.10), "lost_less"),
        ((-0.2, -0.30), (-0.1, -0.10), "behind"),
        ((None, 0.0), (0.33, 0.17), "idle"),
        ((0.84, 0.22), None, "alone"),
    ],
)
def test_the_outcome_is_named_by_return_and_risk(
    own: tuple[float | None, float], hold: tuple[float, float] | None, key: str
) -> None:
    decision = decide(_outside(own, hold), facts.SPEC)

    assert decision.outcome is not None
    assert decision.outcome.key == key


def _outside(own: tuple[float | None, float], hold: tuple[float, float] | None) -> StudySummary:
    summary = facts.summary()
    sides = {"winner": own, "buy_and_hold": hold}
    changed = {
        name: getattr(summary, name).model_copy(
            update={"out_of_sample": found and Measures(sharpe_ratio=found[0], total_return=found[1])}
        )
        for name, found in sides.items()
    }
    return judged(summary.model_copy(update=changed))


@pytest.mark.parametrize(("n_trades", "is_said"), [(FEW_TRADES, False), (FEW_TRADES - 1, True), (0, False)])
def test_few_trades_are_weak_evidence(n_trades: int, is_said: bool) -> None:
    winner = facts.summary().winner
    few = winner.model_copy(update={"in_sample": winner.in_sample.model_copy(update={"n_trades": n_trades})})

    assert (decide(facts.summary(winner=few), facts.SPEC).caveat is not None) is is_said


def test_what_to_do_follows_the_suggestion_and_the_root_says_the_same() -> None:
    courses = {name: course_of(judged(summary)) for name, summary in facts.SUMMARIES.items()}

    assert courses["strong"] is Course.USE
    assert courses["promising"] is Course.TRY_ON_PAPER
    assert courses["unproven"] is courses["overfit"] is Course.DROP
    assert courses["cap_unmet"] is courses["ruined"] is Course.NOTHING
    assert len({course_of(facts.summary(case="luck_open", suggestion=each)) for each in Suggestion}) == len(Suggestion)
    for language in LANGUAGES:
        say = renderer_of(language)
        for name in facts.SUMMARIES:
            study = facts.finished(name)
            bold = re.search(r"\*[^*]+\*", say.decision(study).blocks[0]["text"]["text"])
            assert bold
            assert bold[0] in say.root(study).blocks[1]["text"]["text"]
