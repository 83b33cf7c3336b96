"""A request means the command that one would type, and every wrong field is named."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.api.request_parsing import start_of
from bot.api.requests import OptimizationRequest
from bot.grammar.commands import Start
from bot.grammar.fields import BadFields
from bot.grammar.formatting import start_text
from bot.grammar.parsing import parse

SAME: list[tuple[dict[str, Any], str]] = [
    ({"symbol": "aapl", "strategy": "RSI"}, "AAPL RSI 200"),
    ({"symbol": "@tech", "strategy": "turtle", "n_trials": 10_000}, "@tech donchian 10000"),
    ({"symbols": ["AAPL", "005930.KS"], "strategy": "sma", "seed": 0}, "AAPL,005930.KS sma 200 seed=0"),
    ({"symbols": ["AAPL", "IBM"], "strategy": "sma", "mode": "shared"}, "AAPL,IBM sma 200 mode=shared"),
    (
        {"symbol": "IBM", "strategy": "rsi", "search_space": {
            "rsi_period": {"low": 10, "high": 20, "step": 2}, "oversold": {"value": 30}, "overbought": {"low": 75},
        }},
        "IBM rsi 200 period=10..20:2 oversold=30 overbought=75..80",
    ),
    (
        {"symbol": "IBM", "strategy": "bb", "search_space": {
            "mode": {"choices": ["break"]}, "width": {"high": 2.5}, "stop": {"low": 2, "high": 5},
        }},
        "IBM bollinger 200 mode=break width=1..2.5 stop=2..5",
    ),
    (
        {"symbol": "IBM", "strategy": "momentum", "search_space": {"leave": {"low": -10, "high": 0}}},
        "IBM momentum 200 leave=-10..0",
    ),
    (
        {"symbol": "IBM", "strategy": "rsi", "goal": "sharpe,maxdd", "caps": ["maxdd<20", "trades>30"],
         "overlays": ["stop", "trend"]},
        "IBM rsi 200 goal=sharpe,maxdd maxdd<20 trades>30 stop trend",
    ),
    (
        {"symbol": "IBM", "strategy": "rsi", "window": {"start": "2005-01-03", "end": "2010-12-31", "holdout": 0.2}},
        "IBM rsi 200 from=2005-01-03 to=2010-12-31 holdout=20",
    ),
    (
        {"symbol": "IBM", "strategy": "rsi", "window": {"years": 5, "folds": 0, "holdout": 0.005}},
        "IBM rsi 200 years=5 folds=0 holdout=0.5%",
    ),
    (
        {"symbol": "IBM", "strategy": "rsi", "costs": {"commission_bps": 0, "slippage_bps": 0.25}, "force": True,
         "allow_short": True, "min_trades": 1, "sampler": "random", "source": "sample", "timeframe": "1d"},
        "IBM rsi 200 cost=0 slippage=0.25bps force short min_trades=1 sampler=random source=sample timeframe=1d",
    ),
    (
        {"symbol": "IBM", "strategy": "rsi", "overlays": ["trail"], "reenter": "signal"},
        "IBM rsi 200 trail reenter=signal",
    ),
    (
        {"symbol": "IBM", "strategy": "rsi", "name": "spring check", "notes": "why not", "quiet": True},
        'IBM rsi 200 name="spring check" note="why not" quiet',
    ),
]  # fmt: skip


@pytest.mark.parametrize(("request_", "text"), SAME, ids=[text for _, text in SAME])
def test_a_request_is_the_command_one_would_type(request_: dict[str, Any], text: str) -> None:
    assert start_of(OptimizationRequest.model_validate(request_)) == parse(text)


WRONG: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"strategy": "rsy"}, {"/strategy": "UnknownStrategy"}),
    ({"symbol": None}, {"/symbol": "MissingField"}),
    ({"symbols": ["IBM"]}, {"/symbol": "OneOf"}),
    ({"symbol": "AAPL,IBM"}, {"/symbol": "NotASymbol"}),
    ({"symbol": None, "symbols": ["IBM", "ibm"]}, {"/symbols/1": "Repeated"}),
    ({"n_trials": 0, "seed": -1}, {"/n_trials": "OutOfRange", "/seed": "OutOfRange"}),
    ({"n_trials": 10**60}, {"/n_trials": "NotANumber"}),
    ({"goal": "sharpe dry"}, {"/goal": "UnknownGoal"}),
    ({"goal": ""}, {"/goal": "MissingValue"}),
    ({"caps": ["dry", "maxdd<20", "maxdd<30"]}, {"/caps/0": "NotACap", "/caps/2": "Repeated"}),
    ({"overlays": ["quiet"]}, {"/overlays/0": "UnknownOverlay"}),
    ({"search_space": {"a/b~": {}}}, {"/search_space/a~1b~0": "UnknownParameter"}),
    ({"search_space": {"seed": {"value": 1}}}, {"/search_space/seed": "UnknownParameter"}),
    ({"search_space": {"period": {"value": 1, "low": 10}}}, {"/search_space/period": "OneOf"}),
    ({"search_space": {"period": {"low": 1}}}, {"/search_space/period": "OutOfRange"}),
    ({"search_space": {"period": {"choices": ["a"]}}}, {"/search_space/period": "NotARange"}),
    ({"search_space": {"period": {"low": 20, "high": 10}}}, {"/search_space/period": "EmptySpace"}),
    ({"window": {"start": "2005"}}, {"/window/start": "NotADate"}),
    ({"window": {"start": "2005-02-30"}}, {"/window/start": "NotADate"}),
    ({"window": {"start": "2005-01-03", "years": 5}}, {"/window/years": "TwoBeginnings"}),
    ({"window": {"start": "2010-01-03", "end": "2005-01-03"}}, {"/window/end": "EndsBeforeItStarts"}),
    ({"window": {"holdout": 15}}, {"/window/holdout": "OutOfRange"}),
    ({"costs": {"commission_bps": -1}}, {"/costs/commission_bps": "OutOfRange"}),
    ({"sampler": "magic"}, {"/sampler": "UnknownSampler"}),
    ({"reenter": "signal"}, {"/reenter": "NothingToReenter"}),
    ({"reenter": "never", "overlays": ["stop"]}, {"/reenter": "WrongChoice"}),
    ({"mode": "shared"}, {"/mode": "NobodyToShareWith"}),
    ({"notes": "x" * 301}, {"/notes": "TextTooLong"}),
]


@pytest.mark.parametrize(("changes", "errors"), WRONG, ids=[str(errors) for _, errors in WRONG])
def test_each_wrong_field_is_named(changes: dict[str, Any], errors: dict[str, str]) -> None:
    wanted = {"symbol": "IBM", "strategy": "rsi"} | changes

    with pytest.raises(BadFields) as caught:
        start_of(OptimizationRequest.model_validate(wanted))

    assert {pointer: type(error).__name__ for pointer, error in caught.value.errors.items()} == errors


_TEXT = st.one_of(st.text(max_size=30), st.sampled_from(["IBM", "rsi", "dry", "maxdd<20", "a=b", '"', "10..20", "é\n"]))
_NUMBER = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False))
_REQUESTS = st.fixed_dictionaries(
    {"strategy": st.one_of(st.just("bollinger"), _TEXT)},
    optional={
        "symbol": _TEXT,
        "symbols": st.lists(_TEXT, min_size=1, max_size=3),
        "n_trials": st.integers(),
        "goal": _TEXT,
        "caps": st.lists(_TEXT, max_size=3),
        "overlays": st.lists(_TEXT, max_size=3),
        "search_space": st.dictionaries(
            st.one_of(_TEXT, st.sampled_from(["mode", "period", "width"])),
            st.fixed_dictionaries(
                {},
                optional={"low": _NUMBER, "high": _NUMBER, "step": _NUMBER, "value": st.one_of(_NUMBER, _TEXT)},
            ),
            max_size=3,
        ),
        "window": st.fixed_dictionaries({}, optional={"start": _TEXT, "years": st.integers(), "holdout": _NUMBER}),
        "costs": st.fixed_dictionaries({}, optional={"commission_bps": _NUMBER}),
        "source": _TEXT,
        "name": _TEXT,
        "notes": _TEXT,
    },
)


@pytest.mark.slow
@settings(derandomize=True, max_examples=300)
@given(_REQUESTS)
def test_whatever_is_sent_becomes_a_command_or_named_fields(wanted: dict[str, Any]) -> None:
    start = _read(wanted)

    assert start is None or (parse(start_text(start, prefix="")), start.is_dry) == (start, False)


def _read(wanted: dict[str, Any]) -> Start | None:
    request = OptimizationRequest.model_validate(wanted)
    try:
        return start_of(request)
    except BadFields as bad:
        return None if bad.errors else pytest.fail("nothing is named")
