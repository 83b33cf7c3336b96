"""Phrases that code says in English stand in the Korean catalogue, and find their way from there."""

import re

import pytest

from bot.ops.health_checks import bad, good
from bot.role import Role
from optimizer.domain.study_results import StudyState
from optimizer.errors import NothingToImport, ProviderDown, TooFewBars, Unavailable, UnknownWord
from optimizer.market.quality.data_findings import SENTENCES
from optimizer.strategies.registry import OVERLAYS, STRATEGIES
from reports.render import TEMPLATES, _toml, renderer_of
from reports.translation import Phrases, plain
from tests.reports.said import phrases

CATALOGUE = _toml(TEMPLATES / "ko" / "phrases.toml")
SAID = {
    **{re.sub(r"{\w*}", "{}", plain(phrase)): file for phrase, file in phrases().items()},
    **{re.sub(r"{\w*}", "{}", plain(sentence)): "findings.py" for sentence in SENTENCES.values()},
    **dict.fromkeys((str(state) for state in StudyState), "spec.py"),
    **dict.fromkeys((p.meaning for strategy in STRATEGIES.values() for p in strategy.space.parameters), "strategies"),
    **dict.fromkeys((overlay.meaning for overlay in OVERLAYS.values()), "overlays"),
    **dict.fromkeys((role.name.lower() for role in Role), "verbs.py"),
}
#: The rest of a phrase that began in another call; the catalogue has both together.
CONTINUED = {"{}, without a result", "{}; not up to date: {}", "{}, {} studies, {} ms"}
KNOWN = {re.sub(r"{\w*}", "{}", phrase) for phrase in CATALOGUE}


@pytest.mark.parametrize("phrase", SAID)
def test_every_phrase_of_the_code_is_known(phrase: str) -> None:
    assert phrase in KNOWN or phrase in CONTINUED, SAID[phrase]


def test_the_catalogue_reads_the_code_it_was_made_for() -> None:
    assert len(SAID) > 100


@pytest.mark.parametrize("phrase", CATALOGUE)
def test_what_code_puts_in_is_kept(phrase: str) -> None:
    holes = re.findall(r"{(\w*)}", phrase)
    filled = phrase.format(*range(100, 100 + holes.count("")), **{name: f"<{name}>" for name in holes if name})

    said = Phrases(CATALOGUE)(filled)

    kept = re.findall(r"{(\w+)}", CATALOGUE[phrase])
    assert "{" not in said
    assert len(set(kept)) == len(holes)


def test_parts_of_a_phrase_are_translated_too() -> None:
    error = ProviderDown(
        provider="alphavantage", symbol="AAPL", reason="it cannot be reached (time-out)",
        remedy="Try again later, or name another source.",
    )  # fmt: skip

    assert renderer_of("ko").error(error) == (
        "`alphavantage` 출처에서 `AAPL` 종목을 받지 못했습니다: 연결할 수 없습니다(시간 초과). "
        "나중에 다시 시도하거나 다른 출처를 지정하십시오. 이미 저장한 봉은 그대로 있습니다."
    )


@pytest.mark.parametrize(
    "error",
    [
        Unavailable(what="The replay", reason="its worker process ended", remedy="Try again."),
        TooFewBars(symbol="AAPL", have=3, need=504, reason="a study needs at least two years"),
    ],
)
def test_no_english_is_left_in_a_korean_error(error: Unavailable) -> None:
    said = re.sub(r"`[^`]*`|AAPL", "", renderer_of("ko").error(error))

    assert not re.search("[A-Za-z]{2}", said)


def test_what_a_person_typed_is_no_phrase() -> None:
    assert "`running`" in renderer_of("ko").error(UnknownWord(word="running", nearest="", known="rsi"))
    assert "`now`" in renderer_of("ko").error(NothingToImport(path="now", endings=".csv"))


def test_a_short_phrase_is_found_in_no_sentence() -> None:
    assert Phrases(CATALOGUE)("10 of 10") == "10개 중 10개"
    assert Phrases(CATALOGUE)("a price of 0") == "a price of 0"
    assert Phrases(CATALOGUE)("the socket is closed") == "the socket is closed"


def test_an_unknown_phrase_stays_as_it_is() -> None:
    assert Phrases(CATALOGUE)("something new") == "something new"
    assert renderer_of("en").phrase("Try again.") == "Try again."


def test_health_is_told_in_korean() -> None:
    probes = [
        good("MongoDB", "embedded server, 3 studies, 1 ms"),
        bad("Disk", "0.1 GiB free in /var", "Make room; studies stop when it is full."),
    ]
    said = str(renderer_of("ko").render("health", probes=probes).blocks)

    assert "내장 서버, 탐색 3건" in said
    assert "/var에 0.1 GiB 남음" in said
    assert "공간을 비우십시오" in said
