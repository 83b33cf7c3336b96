"""A Korean particle fits the word before it as it is read aloud."""

import pytest

from reports.text.particles import particle


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("종가", "종가는"), ("거래량", "거래량은"), ("10", "10은"), ("14", "14는"), ("21", "21은"), ("200%", "200%는"),
        ("RSI", "RSI는"), ("AAPL", "AAPL은"), ("SPY", "SPY는"), ("005930.KS", "005930.KS는"), ("RSI(14)", "RSI(14)는"),
        ("opt-7f3a", "opt-7f3a는"), ("period", "period는"), ("signal", "signal은"), ("dip", "dip은"),
        ("yahoo", "yahoo는"), ("volume", "volume은"), ("list", "list은(는)"), ("maxdd&lt;20", "maxdd&lt;20은"),
        ("`x`", "`x`는"), ("", "은(는)"), ("Ωmega…", "Ωmega…는"),
    ],
)  # fmt: skip
def test_a_particle_follows_the_last_sound(word: str, told: str) -> None:
    assert word + particle(word, "은/는") == told


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("3", "3으로"), ("2", "2로"), ("1", "1로"), ("7", "7로"), ("서울", "서울로"), ("봉", "봉으로"),
        ("AAPL", "AAPL로"), ("short", "short(으)로"),
    ],
)  # fmt: skip
def test_after_an_l_the_way_somewhere_has_its_short_form(word: str, told: str) -> None:
    assert word + particle(word, "으로/로") == told


def test_pairs_of_any_length_are_chosen_from() -> None:
    assert particle("규칙", "이라는/라는") == "이라는"
    assert particle("지표", "이라는/라는") == "라는"
    assert particle("RSI", "과/와") == "와"
