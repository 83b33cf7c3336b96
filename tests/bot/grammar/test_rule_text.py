"""A rule within a command: where it begins and ends, in both languages, and what is not one."""

import pytest

from bot.grammar.commands import AddSchedule, SaveRule, Start
from bot.grammar.formatting import schedule_text, start_text
from bot.grammar.parsing import parse
from bot.grammar.rules.quoting import quote_rule
from optimizer.errors import UnknownStrategy, UserError
from optimizer.strategies.rules.errors import RuleError, WhichCrossing

DIP = "buy when rsi(14) < 30; sell when rsi(14) > 55"
KOREAN = "RSI가 30 아래면 매수, RSI가 55 위면 매도"


@pytest.mark.parametrize(
    ("typed", "quoted"),
    [
        ("AAPL buy when rsi < 30; sell when rsi > 55", 'AAPL "buy when rsi < 30; sell when rsi > 55"'),
        ("AAPL,MSFT Buy If rsi<30; stop 5%; max hold 20", 'AAPL,MSFT "Buy If rsi<30" stop=5 max_hold=20'),
        ("AAPL buy when rsi < 30; sell when rsi > 55 with 300 goal=sortino maxdd<20",
         'AAPL "buy when rsi < 30; sell when rsi > 55" 300 goal=sortino maxdd<20'),
        (f"AAPL {KOREAN}", f'AAPL "{KOREAN}"'),
        (f"AAPL {KOREAN} 설정 300", f'AAPL "{KOREAN}" 300'),
        (f"규칙 눌림목 {KOREAN}", f'규칙 눌림목 "{KOREAN}"'),
        (f"일정 AAPL {KOREAN} 설정 200 매주 월 07:00", f'일정 AAPL "{KOREAN}" 200 매주 월 07:00'),
        ("AAPL RSI가 30 아래면 매수; 손절 5%; 최대보유 20", 'AAPL "RSI가 30 아래면 매수" stop=5 max_hold=20'),
    ],
)  # fmt: skip
def test_a_rule_becomes_one_word(typed: str, quoted: str) -> None:
    assert quote_rule(typed) == quoted
    assert quote_rule(quoted) == quoted


@pytest.mark.parametrize(
    "typed",
    ["AAPL RSI 200", "AAPL rsi 200 short", "list", "show opt-7f3a", 'AAPL rsi note="buy when it falls"', "buy AAPL",
     "AAPL RSI 200 short=yes note=sell", "@tech sma 50 long", "help buy and hold", "", "시작 AAPL rsi 200 공매도"],
)  # fmt: skip
def test_other_commands_are_left_alone(typed: str) -> None:
    assert quote_rule(typed) == typed


@pytest.mark.parametrize(
    "typed",
    [f"AAPL {KOREAN}", "AAPL buy when rsi < 30; sell when rsi > 55", "AAPL buy when rsi &lt; 30; sell when rsi &gt; 55",
     "@optimizer AAPL buy when rsi < 30; sell when rsi > 55",
     "AAPL timeframe=4h years=3 buy when rsi < 30; sell when rsi > 55", f"AAPL timeframe=4h {KOREAN}",
     "AAPL buy when RSI is below 30 sell when RSI is above 55"],
)  # fmt: skip
def test_a_rule_is_read_and_its_command_reads_back(typed: str) -> None:
    start = parse(typed)
    assert isinstance(start, Start)
    assert start.specs[0].rule is not None
    assert start.specs[0].rule.text == DIP
    assert start.is_unconfirmed_rule
    assert parse(start_text(start)) == start


def test_short_sides_are_traded_unless_that_is_refused() -> None:
    text = f"{DIP}; short when rsi(14) > 80; cover when rsi(14) < 50"
    both, alone = parse(f'AAPL "{text}"'), parse(f'AAPL "{text}" short=no')
    for start, is_short in ((both, True), (alone, False)):
        assert isinstance(start, Start)
        assert start.specs[0].allow_short is is_short
        assert parse(start_text(start)) == start


def test_schedules_and_saved_rules_hold_the_sentence() -> None:
    schedule = parse(f"schedule AAPL {DIP} with 200 weekly mon 07:00")
    assert isinstance(schedule, AddSchedule)
    assert parse(schedule_text(schedule)) == schedule
    saved = parse(f"rule dip {DIP}")
    assert isinstance(saved, SaveRule)
    assert (saved.name, saved.rule.text) == ("dip", DIP)
    start = parse("AAPL dip 50 yes", rules={"dip": saved.rule.model_copy(update={"name": "dip", "version": 3})})
    assert isinstance(start, Start)
    assert start_text(start) == "/optimize AAPL dip@3 50 yes"


@pytest.mark.parametrize("name", ["rsi", "bb", "list", "규칙", "stop", "goal", "yes", "rule", "a", "1x", "x y", "d!p"])
def test_a_name_that_means_something_is_refused(name: str) -> None:
    with pytest.raises(UserError):
        parse(f"rule {name} {DIP}")


@pytest.mark.parametrize(
    ("typed", "command"),
    [
        ("AAPL buy when rsx < 30; sell when rsi > 55", '/optimize AAPL "buy when rsi < 30; sell when rsi > 55"'),
        ("AAPL buy when rsi < 130; sell when rsi > 55", '/optimize AAPL "buy when rsi < 100; sell when rsi > 55"'),
        ("AAPL RSI가 30 아래면 매수, 55 위면 매도", '/optimize AAPL "RSI가 30 아래면 매수, RSI(14)가 55 위면 매도"'),
    ],
)
def test_an_error_carries_the_corrected_command(typed: str, command: str) -> None:
    with pytest.raises(RuleError) as refusal:
        parse(typed)
    assert refusal.value.command == command
    assert isinstance(parse(command), Start)


def test_both_readings_are_whole_rules_and_none_is_chosen() -> None:
    with pytest.raises(WhichCrossing) as refusal:
        parse("AAPL buy when rsi falls below 30; sell when rsi > 55")
    assert refusal.value.command == ""
    assert refusal.value.facts["other"] == "buy when rsi(14) crosses below 30; sell when rsi > 55"


def test_a_name_near_a_saved_rule_is_offered() -> None:
    saved = parse(f"rule dipper {DIP}")
    assert isinstance(saved, SaveRule)
    with pytest.raises(UnknownStrategy) as refusal:
        parse("AAPL diper 50", rules={"dipper": saved.rule})
    assert refusal.value.facts["nearest"] == "dipper"


@pytest.mark.parametrize(
    "typed",
    ["AAPL buy when rsi < 30", "AAPL buy when rsi < 30; sell when rsi > 60 with short",
     "AAPL short when rsi > 70; cover when rsi < 50 with short=no",
     "AAPL buy when close > open; sell when close < open"],
)  # fmt: skip
def test_a_rule_that_could_not_run_is_refused(typed: str) -> None:
    with pytest.raises(UserError):
        parse(typed)
