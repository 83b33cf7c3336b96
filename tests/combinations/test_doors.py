"""Each option typed, sent by the form and sent to the API starts the same study."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from bot.api.request_parsing import start_of
from bot.api.requests import OptimizationRequest
from bot.commands.forms.start_form import Form, read_form, start_view
from bot.grammar.commands import Start
from bot.grammar.options import FLAGS, OPTIONS
from bot.grammar.parsing import parse
from optimizer.domain.metrics import CAPS, GOALS
from optimizer.domain.space import Choice
from optimizer.domain.study_request import SamplerKind
from optimizer.strategies.registry import OVERLAYS, STRATEGIES
from reports.render import renderer_of

#: What a command may say that a program has no use for: it asks for the plan elsewhere, and posts nothing in private.
ONLY_TYPED = {"dry", "private", "yes"}


@dataclass(frozen=True, kw_only=True)
class Wish:
    """One wish in the words of each door; a form without fields of its own for it takes the typed words."""

    typed: str
    form: dict[str, Any] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)

    @property
    def fields(self) -> dict[str, Any]:
        """The form's fields."""
        return self.form or {"options": self.typed}


#: By the keys of OPTIONS: a new option without a line here fails.
OPTION_WISHES = {
    "trials": Wish(typed="trials=60", form={"trials": "60"}, body={"n_trials": 60}),
    "goal": Wish(typed="goal=sortino,maxdd", form={"goals": ("sortino", "maxdd")}, body={"goal": "sortino,maxdd"}),
    "from": Wish(typed="from=2005-01-03", form={"start": "2005-01-03"}, body={"window": {"start": "2005-01-03"}}),
    "to": Wish(typed="to=2012-06-30", form={"end": "2012-06-30"}, body={"window": {"end": "2012-06-30"}}),
    "years": Wish(typed="years=5", body={"window": {"years": 5}}),
    "holdout": Wish(typed="holdout=20", body={"window": {"holdout": 0.2}}),
    "folds": Wish(typed="folds=2", body={"window": {"folds": 2}}),
    "cost": Wish(typed="cost=0.12%", body={"costs": {"commission_bps": 12}}),
    "slippage": Wish(typed="slippage=2.5bps", body={"costs": {"slippage_bps": 2.5}}),
    "tax": Wish(typed="tax=20", body={"costs": {"tax_bps": 20}}),
    "fees": Wish(typed="fees=krx", body={"costs": {"commission_bps": 1.5, "slippage_bps": 5, "tax_bps": 20}}),
    "borrow": Wish(typed="borrow=3", body={"costs": {"borrow": 0.03}}),
    "rf": Wish(typed="rf=^IRX", body={"account": {"interest_symbol": "^IRX"}}),
    "capital": Wish(typed="capital=5000", body={"account": {"capital": 5000}}),
    "per_share": Wish(
        typed="capital=5000 per_share=0.005", body={"account": {"capital": 5000}, "costs": {"per_share": 0.005}}
    ),
    "min_fee": Wish(typed="capital=5000 min_fee=1.5", body={"account": {"capital": 5000}, "costs": {"least_fee": 1.5}}),
    "benchmark": Wish(typed="benchmark=SPY:60,AGG:40", body={"benchmark": "SPY:60,AGG:40"}),
    "short": Wish(typed="short=yes", body={"allow_short": True}),
    "reenter": Wish(
        typed="stop reenter=signal",
        form={"overlays": ("stop",), "options": "reenter=signal"},
        body={"overlays": ["stop"], "reenter": "signal"},
    ),
    "min_trades": Wish(typed="min_trades=9", body={"min_trades": 9}),
    "sampler": Wish(typed="sampler=nsga2", body={"sampler": "nsga2"}),
    "seed": Wish(typed="seed=41", body={"seed": 41}),
    "source": Wish(typed="source=sample", body={"source": "sample"}),
    "timeframe": Wish(typed="timeframe=1h", body={"timeframe": "1h"}),
    "by_regime": Wish(typed="by_regime=oversold", body={"by_regime": ["oversold"]}),
    "mode": Wish(typed="mode=shared", body={"mode": "shared"}),
    "name": Wish(typed='name="spring check"', body={"name": "spring check"}),
    "note": Wish(typed='note="after the split"', form={"note": "after the split"}, body={"notes": "after the split"}),
}
FLAG_WISHES = {
    "dry": Wish(typed="dry", form={"flags": ("dry",)}),
    "private": Wish(typed="private", form={"flags": ("private",)}),
    "quiet": Wish(typed="quiet", form={"flags": ("quiet",)}, body={"quiet": True}),
    "force": Wish(typed="force", form={"flags": ("force",)}, body={"force": True}),
    "whole": Wish(
        typed="capital=5000 whole",
        form={"options": "capital=5000", "flags": ("whole",)},
        body={"account": {"capital": 5000, "whole_shares": True}},
    ),
    "short": Wish(typed="short", form={"flags": ("short",)}, body={"allow_short": True}),
    "yes": Wish(typed="yes", form={"flags": ("yes",)}),
}


def assert_same_start(wish: Wish, *, strategy: str = "rsi", has_body: bool = True) -> None:
    """Assert that a wish starts the same study through each door, and is not what nobody asked for."""
    symbols = ["AAPL", "MSFT"]
    typed = parse(f"AAPL,MSFT {strategy} {wish.typed}")
    plain = parse(f"AAPL,MSFT {strategy}")

    assert isinstance(typed, Start)
    assert typed != plain
    assert read_form(Form(symbol="AAPL,MSFT", strategy=strategy, **wish.fields)) == typed
    if has_body:
        request = {"symbols": symbols, "strategy": strategy, **wish.body}
        assert start_of(OptimizationRequest.model_validate(request)) == typed


@pytest.mark.parametrize("key", OPTIONS)
def test_an_option_is_the_same_through_each_door(key: str) -> None:
    assert_same_start(OPTION_WISHES[key])


@pytest.mark.parametrize("key", FLAGS)
def test_a_flag_is_the_same_through_each_door(key: str) -> None:
    assert_same_start(FLAG_WISHES[key], has_body=key not in ONLY_TYPED)


@pytest.mark.parametrize("goal", [goal for goal in GOALS if goal != "sharpe"])
def test_a_goal_is_the_same_through_each_door(goal: str) -> None:
    assert_same_start(Wish(typed=f"goal={goal}", form={"goals": (goal,)}, body={"goal": goal}))


@pytest.mark.parametrize("sampler", [kind.value for kind in SamplerKind if kind is not SamplerKind.TPE])
def test_a_sampler_is_the_same_through_each_door(sampler: str) -> None:
    assert_same_start(Wish(typed=f"sampler={sampler}", body={"sampler": sampler}))


@pytest.mark.parametrize("sign", "<>")
@pytest.mark.parametrize("measure", CAPS)
def test_a_cap_is_the_same_through_each_door(measure: str, sign: str) -> None:
    cap = f"{measure}{sign}20"

    assert_same_start(Wish(typed=cap, form={"caps": cap}, body={"caps": [cap]}))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_is_the_same_through_each_door(overlay: str) -> None:
    assert_same_start(Wish(typed=overlay, form={"overlays": (overlay,)}, body={"overlays": [overlay]}))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_fixed_overlay_is_the_same_through_each_door(overlay: str) -> None:
    parameter = OVERLAYS[overlay]
    value = parameter.choices[-1] if isinstance(parameter, Choice) else parameter.low
    narrowed = {"choices": [value]} if isinstance(parameter, Choice) else {"value": value}

    assert_same_start(Wish(typed=f"{overlay}={value}", body={"search_space": {overlay: narrowed}}))


RANGES = [
    (strategy.key, parameter.name)
    for strategy in STRATEGIES.values()
    for parameter in strategy.space.parameters
    if not hasattr(parameter, "choices")
]


@pytest.mark.parametrize(("strategy", "name"), RANGES)
def test_a_narrowed_parameter_is_the_same_through_each_door(strategy: str, name: str) -> None:
    values = [float(value) for value in STRATEGIES[strategy].space.by_name[name].values]
    low, high = values[0], values[-2]
    text = f"{low:g}..{high:g}"
    wish = Wish(
        typed=f"{name}={text}",
        form={"parameters": {name: text}},
        body={"search_space": {name: {"low": low, "high": high}}},
    )

    assert_same_start(wish, strategy=strategy)


def test_a_choice_is_the_same_through_each_door() -> None:
    wish = Wish(
        typed="mode=break",
        form={"parameters": {"mode": "break"}},
        body={"search_space": {"mode": {"choices": ["break"]}}},
    )

    assert_same_start(wish, strategy="bollinger")


@pytest.mark.parametrize("key", [*OPTION_WISHES, *FLAG_WISHES])
def test_a_form_filled_with_a_start_asks_for_it_again(key: str) -> None:
    wish = OPTION_WISHES.get(key) or FLAG_WISHES[key]
    start = parse(f"AAPL,MSFT rsi {wish.typed}")
    assert isinstance(start, Start)

    view = start_view(Form.of(start), renderer_of("en"))

    assert view["blocks"]
    assert read_form(Form.of(start)) == start
