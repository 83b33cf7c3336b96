"""Units mean the same at every door: typed in Slack or a terminal, sent by the form, or by a program."""

from collections.abc import Callable
from typing import Any

import pytest

from bot.api.request_parsing import start_of
from bot.api.requests import OptimizationRequest
from bot.commands.forms.start_form import Form, read_form
from bot.grammar.commands import Start
from bot.grammar.errors import UnitMissing
from bot.grammar.fields import BadFields
from bot.grammar.parsing import parse
from optimizer.domain.study_request import Cap, Costs, StudySpec
from optimizer.errors import UserError
from tests.refused import worded

CAP = Cap(goal="maxdd", is_upper=True, bound=0.25)
#: Ways to say one cap, and ways to say one cost.
SAME_CAP = ("maxdd<25", "maxdd<25%", "maxdd<0.25", "maxdd<-25", "maxdd<-25%", "maxdd>-25", "maxdd<-0.25")
SAME_COST = ("10", "10bps", "10bp", "10BPS", "0.1%", "0.10%")


def typed(text: str, *, prefix: str = "/optimize") -> StudySpec:
    """The study that a command asks for."""
    command = parse(f"AAPL RSI 200 {text}", prefix=prefix)
    assert isinstance(command, Start)
    return command.specs[0]


def in_terminal(text: str) -> StudySpec:
    """The same in a terminal."""
    return typed(text, prefix="optimize-bot run")


def by_options(text: str) -> StudySpec:
    """The study of a form with the text among its options."""
    return read_form(Form(symbol="AAPL", trials="200", options=text)).specs[0]


def by_caps(text: str) -> StudySpec:
    """The study of a form with the text in the field of caps."""
    return read_form(Form(symbol="AAPL", trials="200", caps=text)).specs[0]


def by_program(**fields: Any) -> StudySpec:
    """The study that a program asks for."""
    return start_of(OptimizationRequest.model_validate({"symbol": "AAPL", "strategy": "rsi", **fields})).specs[0]


@pytest.mark.parametrize("door", [typed, in_terminal, by_caps, lambda cap: by_program(caps=[cap])])
@pytest.mark.parametrize("cap", SAME_CAP)
def test_a_drawdown_is_the_same_limit_however_it_is_written(door: Callable[[str], StudySpec], cap: str) -> None:
    assert door(cap).caps == (CAP,)


@pytest.mark.parametrize("door", [typed, in_terminal, by_options])
@pytest.mark.parametrize("cost", SAME_COST)
def test_a_cost_is_the_same_number_of_basis_points_in_any_unit(door: Callable[[str], StudySpec], cost: str) -> None:
    assert door(f"cost={cost} slippage={cost}").costs == Costs(commission_bps=10, slippage_bps=10)


@pytest.mark.parametrize("door", [typed, in_terminal, by_options])
@pytest.mark.parametrize("key", ["cost", "commission", "slippage"])
def test_a_small_bare_cost_is_answered_with_both_readings(door: Callable[[str], StudySpec], key: str) -> None:
    with pytest.raises((UserError, BadFields)) as caught:
        door(f"{key}=0.1")

    error = caught.value
    if isinstance(error, BadFields):
        (error,) = error.errors.values()
    assert isinstance(error, UnitMissing)
    name = "cost" if key == "commission" else key
    assert f"`{name}=0.1` may mean 0.1% (10 basis points) or 0.1 basis points" in worded(error)
    assert f"Write `{name}=0.1%` or `{name}=0.1bps`." in worded(error)


def test_a_field_that_names_its_unit_needs_none_in_its_value() -> None:
    assert (
        by_program(costs={"commission_bps": 0.1, "slippage_bps": 10}).costs == typed("cost=0.1bps slippage=0.1%").costs
    )


@pytest.mark.parametrize("stop", ["8", "8%", "0.08"])
@pytest.mark.parametrize("key", ["stop", "take", "trail"])
def test_a_distance_in_percent_is_the_same_however_it_is_written(key: str, stop: str) -> None:
    wanted = typed(f"{key}=8").narrowed

    assert typed(f"{key}={stop}").narrowed == by_options(f"{key}={stop}").narrowed == wanted


@pytest.mark.parametrize("holdout", ["20", "20%", "0.2"])
def test_a_share_is_the_same_however_it_is_written(holdout: str) -> None:
    wanted = by_program(window={"holdout": 0.2}).holdout

    assert typed(f"holdout={holdout}").holdout == by_options(f"holdout={holdout}").holdout == wanted == 0.2
