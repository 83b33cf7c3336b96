"""The modal: valid for Slack with every strategy, prefilled, and read field by field."""

import re
from typing import Any

import pytest
from slack_sdk.models.views import View

from bot.commands.forms.start_form import MORE_ACTION, STRATEGY_ACTION, Form, read_form, start_view
from bot.grammar.commands import Start
from bot.grammar.errors import EndsBeforeItStarts, NotARange, NotASymbol, TextTooLong, UnknownOption
from bot.grammar.fields import BadFields
from bot.grammar.parsing import parse
from optimizer.errors import EmptySpace, OutOfRange, UnknownGoal
from optimizer.strategies.registry import STRATEGIES
from reports.render import LANGUAGES, renderer_of
from tests.slack.blocks import check_view

FULL = (
    "AAPL,@tech bollinger 500 goal=sharpe,maxdd maxdd<20 trades>30 width=1.5..2.5 mode=break stop=8 take "
    "from=2015-01-31 to=2020-12-31 cost=0 seed=3 mode=shared dry quiet force short note='after the split'"
)


def started(text: str) -> Start:
    command = parse(text)
    assert isinstance(command, Start)
    return command


def inputs(view: dict[str, Any]) -> list[dict[str, Any]]:
    """The fields of a view, without its plan and its button."""
    return [block for block in view["blocks"] if block["type"] == "input"]


def submitted(view: dict[str, Any], **typed: str) -> dict[str, Any]:
    """The state Slack sends back when a person changes only the fields named in `typed`."""
    values: dict[str, Any] = {}
    for block in inputs(view):
        element = block["element"]
        held: dict[str, Any] = {"type": element["type"]}
        for initial, sent in (
            ("initial_value", "value"),
            ("initial_option", "selected_option"),
            ("initial_options", "selected_options"),
            ("initial_date", "selected_date"),
        ):
            if initial in element:
                held[sent] = element[initial]
        if block["block_id"] in typed:
            held["value"] = typed[block["block_id"]]
        values[block["block_id"]] = {element["action_id"]: held}
    return {"values": values}


def refused(**typed: str) -> dict[str, Exception]:
    view = start_view(Form(symbol="AAPL", is_full=True), renderer_of("en"))
    with pytest.raises(BadFields) as caught:
        read_form(Form.from_state(submitted(view, **typed)))
    return dict(caught.value.errors)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_slack_accepts_the_modal_of_every_strategy(strategy: str, language: str) -> None:
    for is_full in (False, True):
        view = start_view(Form(strategy=strategy, is_full=is_full), renderer_of(language), metadata="C1")

        View(**view).validate_json()
        assert check_view(view) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_five_fields_come_first_and_the_others_behind_a_button(language: str) -> None:
    first = ["symbol", "strategy", "trials", "goal", "years"]
    short = start_view(Form(symbol="AAPL"), renderer_of(language))
    full = start_view(Form(symbol="AAPL", is_full=True), renderer_of(language))

    assert [block["block_id"] for block in inputs(short)] == first
    assert short["blocks"][-1]["elements"][0]["action_id"] == MORE_ACTION
    assert [block["block_id"] for block in inputs(full)][:5] == first
    assert len(inputs(full)) > len(first)
    assert not any(block["type"] == "actions" for block in full["blocks"])


@pytest.mark.parametrize("text", ["note=x", "seed=3", "from=2015-01-31", "stop", "maxdd<20", "period=12", "quiet"])
def test_a_form_hides_nothing_that_is_set(text: str) -> None:
    assert Form.of(started(f"AAPL rsi {text}")).shows_all


@pytest.mark.parametrize("trials", ["0", "10001", "-5", "x", "²"])
def test_a_number_that_slack_would_refuse_is_not_prefilled(trials: str) -> None:
    assert check_view(start_view(Form(symbol="AAPL", trials=trials), renderer_of("en"))) == []


@pytest.mark.parametrize("years", ["5", "7", "10"])
def test_the_period_is_a_menu_with_the_length_that_was_asked_for(years: str) -> None:
    form = Form.of(started(f"AAPL rsi years={years}"))
    view = start_view(form, renderer_of("en"))
    period = next(block["element"] for block in inputs(view) if block["block_id"] == "years")

    assert not form.shows_all
    assert period["initial_option"]["text"]["text"] == f"the last {years} years"
    assert read_form(Form.from_state(submitted(view))) == started(f"AAPL rsi years={years}")


@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=lambda s: s.key)
def test_every_parameter_has_its_field(strategy: Any) -> None:
    blocks = [
        block["block_id"] for block in inputs(start_view(Form(strategy=strategy.key, is_full=True), renderer_of("en")))
    ]

    assert [b for b in blocks if b.startswith("parameter:")] == [
        f"parameter:{strategy.key}:{name}" for name in strategy.parameter_names
    ]


@pytest.mark.parametrize(
    "text", ["AAPL rsi 200", FULL, "start RUN rsi2 50 trend=200 years=5 holdout=20", "^GSPC momentum 9 leave=-5"]
)
def test_what_was_prefilled_comes_back_as_the_same_start(text: str) -> None:
    start = started(text)
    view = start_view(Form.of(start), renderer_of("ko"))

    assert check_view(view) == []
    assert read_form(Form.from_state(submitted(view))) == start


def test_fields_are_typed_as_in_a_command() -> None:
    view = start_view(Form(is_full=True), renderer_of("en"))
    typed = {"symbol": "aapl, msft", "parameter:rsi:period": "10 – 20", "caps": "maxdd < 20", "note": "“so” dry, &c"}
    with pytest.raises(BadFields) as caught:
        read_form(Form.from_state(submitted(view, **typed)))
    assert list(caught.value.errors) == ["parameter:rsi:period"]

    start = read_form(Form.from_state(submitted(view, **{**typed, "parameter:rsi:period": "10 .. 20"})))
    assert start == started("AAPL,MSFT rsi period=10..20 maxdd<20 note=\"'so' dry, &c\"")


def test_another_strategy_brings_its_own_fields_and_forgets_the_others() -> None:
    view = start_view(Form(symbol="AAPL", parameters={"period": "14"}), renderer_of("en"))
    state = submitted(view)
    state["values"]["strategy"][STRATEGY_ACTION]["selected_option"] = {"value": "bollinger"}

    form = Form.from_state(state)

    assert (form.symbol, form.strategy, form.parameters) == ("AAPL", "bollinger", {})


def test_each_wrong_field_is_named_and_all_at_once() -> None:
    errors = refused(
        **{
            "symbol": "a/b",
            "trials": "0",
            "parameter:rsi:period": "5",
            "parameter:rsi:oversold": "low dry",
            "caps": "tardes>30",
            "options": "please",
            "note": "x" * 301,
        }
    )

    assert {block_id: type(error) for block_id, error in errors.items()} == {
        "symbol": NotASymbol,
        "trials": OutOfRange,
        "parameter:rsi:period": OutOfRange,
        "parameter:rsi:oversold": NotARange,
        "caps": UnknownGoal,
        "options": UnknownOption,
        "note": TextTooLong,
    }


def test_a_clash_between_fields_is_shown_at_one_of_them() -> None:
    form = Form(symbol="AAPL", start="2020-01-01", end="2015-01-01")
    with pytest.raises(BadFields) as caught:
        read_form(form)
    assert {key: type(error) for key, error in caught.value.errors.items()} == {"to": EndsBeforeItStarts}

    with pytest.raises(BadFields) as caught:
        read_form(Form(symbol="AAPL", strategy="sma", parameters={"fast": "50", "slow": "20"}))
    assert {key: type(error) for key, error in caught.value.errors.items()} == {"strategy": EmptySpace}


@pytest.mark.parametrize(
    "state", [{}, {"values": {}}, {"values": {"symbol": {}}}, {"values": {"goal": {"value": None}}}]
)
def test_a_state_with_nothing_in_it_is_refused_at_the_symbol(state: dict[str, Any]) -> None:
    with pytest.raises(BadFields) as caught:
        read_form(Form.from_state(state))

    assert "symbol" in caught.value.errors


def test_a_korean_form_says_goals_strategies_and_parameters_in_korean() -> None:
    view = start_view(Form(is_full=True), renderer_of("ko"))
    labels = [block["label"]["text"] for block in inputs(view)]
    said = str(view)

    assert all(re.search("[가-힣]", label) for label in labels if not label.islower())
    assert "샤프 비율 (sharpe)" in said
    assert "RSI 반전 (rsi)" in said
    assert "RSI의 봉 수" in said
