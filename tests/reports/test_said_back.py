"""What was requested is said wherever a study is shown, in the same words; no two requests look alike."""

from collections.abc import Callable, Mapping
from datetime import date

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.slack.home_tab import Decided
from optimizer.domain.study_request import (
    Account,
    BenchmarkPart,
    Cap,
    Costs,
    Narrowed,
    Reentry,
    SamplerKind,
    StudyRule,
    StudySpec,
    differences,
)
from optimizer.domain.study_results import StudyState
from optimizer.strategies.registry import OVERLAYS
from reports.facts import StudyFacts
from reports.languages import LANGUAGES, Language
from reports.render import Renderer, renderer_of
from reports.text.message import Message
from tests.bot.answers import group
from tests.bot.recurring import DUE, SCHEDULE, home, line
from tests.reports import facts, told

CAPS = tuple(
    Cap(goal=goal, is_upper=is_upper, bound=bound)
    for goal, is_upper, bound in (
        ("maxdd", True, 0.25), ("maxdd", True, 0.255), ("sharpe", False, 1.0), ("trades", False, 30.0),
        ("trades", True, 30.0), ("exposure", True, 0.5), ("volatility", True, 0.3), ("expectancy", False, 0.001),
    )
)  # fmt: skip
NARROWED = (
    Narrowed(name="period", low=14, high=14),
    Narrowed(name="period", low=10, high=20),
    Narrowed(name="period", low=10, high=20, step=2),
    Narrowed(name="mode", choices=("break", "revert")),
    Narrowed(name="stop", low=8, high=8),
)
RULES = ("buy when rsi(14) < 30; sell when rsi(14) > 55", "buy when close > sma(200); sell when close < sma(200)")
#: A few values of each field, the plain one first.
VALUES: Mapping[str, tuple[object, ...]] = {
    "symbol": ("AAPL", "MSFT"),
    "partners": ((), ("IBM",)),
    "strategy_name": ("rsi", "sma"),
    "rule": (None, *(StudyRule(text=text) for text in RULES)),
    "n_trials": (200, 300, 1_000),
    "goals": (("sharpe",), ("sharpe", "maxdd"), ("maxdd", "sharpe"), ("return",)),
    "caps": ((), CAPS[:1], *((cap, CAPS[2]) for cap in CAPS)),
    "narrowed": ((), *((narrowed,) for narrowed in NARROWED), NARROWED[:1] + NARROWED[4:]),
    "overlays": ((), ("stop",), ("stop", "take"), ("trend",)),
    "by_regime": ((), ("oversold",), ("oversold", "stop"), ("stop",)),
    "start": (None, date(2008, 1, 2)),
    "end": (None, date(2012, 1, 3)),
    "years": (10, 5),
    "holdout": (0.15, 0.0, 0.125, 0.13),
    "folds": (4, 0, 1),
    "costs": (
        Costs(),
        Costs(commission_bps=1.0),
        Costs(slippage_bps=0.5),
        Costs(tax_bps=20.0),
        Costs(borrow=0.03),
        Costs(per_share=0.01),
        Costs(least_fee=1.0),
    ),
    "account": (
        Account(),
        Account(capital=5_000.0),
        Account(capital=5_000.0, is_whole=True),
        Account(interest=0.04),
        Account(interest_symbol="^IRX"),
    ),
    "benchmark": (
        None,
        (),
        (BenchmarkPart(symbol="SPY", weight=1.0),),
        (BenchmarkPart(symbol="SPY", weight=0.6), BenchmarkPart(symbol="AGG", weight=0.4)),
    ),
    "allow_short": (False, True),
    "reenter": (Reentry.FRESH, Reentry.SIGNAL),
    "min_trades": (3, 0, 1),
    "sampler": tuple(SamplerKind),
    "seed": (7, 8),
    "source": (None, "yahoo", "file"),
    "timeframe": ("1d", "1h", "5m"),
    "force": (False, True),
}


def study(spec: StudySpec, name: str, status: StudyState = StudyState.RUNNING) -> StudyFacts:
    """A study of a request, with the same numbers for every request."""
    return facts.study(status, spec=spec, name=name, trials_completed=57)


def done(spec: StudySpec, name: str) -> StudyFacts:
    """The same, finished."""
    return facts.finished("strong", spec=spec, name=name)


def _home(say: Renderer, **changes: object) -> Message:
    empty = {"running": [], "decisions": [], "schedules": [], "champions": []}
    return say.render("home", h=home(**empty | changes), may_start=True, user="U012AB3CD")


def _scheduled(spec: StudySpec) -> object:
    row = line()
    row.schedule = type(SCHEDULE)(**vars(SCHEDULE) | {"spec": spec})
    return row


def _top(say: Renderer, found: StudyFacts) -> Message:
    wanted = {"symbol": "", "strategy": "", "is_all": True, "has_unproven": True, "command": "top all"}
    return say.render("top", studies=[found], **wanted)


def _compare(say: Renderer, found: StudyFacts) -> Message:
    other = facts.finished("overfit")
    return say.render("compare", one=found, other=other, is_same_ground=True, command="compare a b")


def _plans(say: Renderer, spec: StudySpec, name: str) -> Message:
    return say.render("plans", rows=[(spec, facts.plan())], spec=spec, name=name, command="", universes=[])


def _started(say: Renderer, spec: StudySpec, name: str) -> Message:
    return say.render("started", studies=[study(spec, name)], spec=spec, n_ahead=0, seconds=1.0, universes=[])


#: Each place that shows a study, from a request and the name that someone gave it.
PLACES: Mapping[str, Callable[[Renderer, StudySpec, str], Message]] = {
    "ack": lambda say, spec, name: say.ack(study(spec, name), facts.plan()),
    "plan": lambda say, spec, name: say.plan(spec, facts.plan(), name=name),
    "plans": lambda say, spec, name: _plans(say, spec, name),
    "root": lambda say, spec, name: say.root(study(spec, name)),
    "root, done": lambda say, spec, name: say.root(done(spec, name)),
    "status": lambda say, spec, name: say.status(study(spec, name)),
    "list": lambda say, spec, name: say.listing([done(spec, name)]),
    "list, running": lambda say, spec, name: say.listing([study(spec, name)]),
    "top": lambda say, spec, name: _top(say, done(spec, name)),
    "best": lambda say, spec, name: say.render("best", study=done(spec, name), command="best"),
    "compare": lambda say, spec, name: _compare(say, done(spec, name)),
    "group": lambda say, spec, name: say.render("group", group=group([study(spec, name)], spec=spec)),
    "started": lambda say, spec, name: _started(say, spec, name),
    "home, running": lambda say, spec, name: _home(say, running=[study(spec, name)]),
    "home, decisions": lambda say, spec, name: _home(say, decisions=[Decided(at=DUE, study=done(spec, name))]),
    "home, schedules": lambda say, spec, name: _home(say, schedules=[_scheduled(spec)]),
    "report": lambda say, spec, name: Message(say.report(done(spec, name), [], {}), []),
}
#: A schedule has no name of its own.
NAMELESS = {"home, schedules"}


def words(message: Message) -> str:
    """All the text of a message."""
    return "\n".join([message.text, *told.texts([message])])


@st.composite
def requests(draw: st.DrawFn) -> StudySpec:
    """Requests that differ from the plain one in a few fields."""
    fields = draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=4, unique=True))
    chosen = {field: draw(st.sampled_from(VALUES[field])) for field in fields}
    spec = StudySpec(**{"symbol": "AAPL", "strategy_name": "rsi", **chosen})
    on = [n.name for n in spec.narrowed if n.name in OVERLAYS and n.name not in spec.overlays]
    return spec.model_copy(update={"overlays": (*spec.overlays, *on)})


@pytest.mark.parametrize("place", PLACES)
@settings(max_examples=25)
@given(
    one=requests(), other=requests(), names=st.tuples(*[st.sampled_from(("", "spring", "autumn"))] * 2),
    language=st.sampled_from(LANGUAGES),
)  # fmt: skip
def test_two_different_requests_never_look_alike(
    place: str, one: StudySpec, other: StudySpec, names: tuple[str, str], language: Language
) -> None:
    if place in NAMELESS:
        names = ("", "")
    if place in ("group", "started", "plans"):  # of several symbols, each in a row of its own
        assume((one.symbol, one.partners) == (other.symbol, other.partners))
    assume((one, names[0]) != (other, names[1]))
    shown = [words(PLACES[place](renderer_of(language), *of)) for of in zip((one, other), names, strict=True)]
    assert shown[0] != shown[1]


@pytest.mark.parametrize("field", [name for name in VALUES if name not in ("symbol", "partners", "strategy_name")])
@pytest.mark.parametrize("language", LANGUAGES)
def test_each_field_that_differs_changes_the_title(field: str, language: Language) -> None:
    plain = StudySpec(symbol="AAPL", strategy_name="rsi")
    specs = [plain.model_copy(update={field: value}) for value in VALUES[field]]
    titles = [words(renderer_of(language).listing([study(spec, "")])) for spec in specs]
    assert len(set(titles)) == len(titles)


def test_every_field_of_a_request_is_tried_here() -> None:
    assert set(VALUES) == set(StudySpec.model_fields) - {
        "excludes_ruin",
        "counts_ahead",
        "counts_weekdays",
    }  # nobody asks for them


def test_the_plain_request_differs_in_nothing() -> None:
    plain = StudySpec(symbol="MSFT", partners=("IBM",), strategy_name="sma")
    assert differences(plain) == {}
    assert differences(plain, ("allow_short",)) == {"allow_short": False}


def test_an_acknowledgement_repeats_what_was_typed() -> None:
    spec = StudySpec(
        symbol="AAPL", strategy_name="rsi", goals=("sharpe", "maxdd"), caps=CAPS[:1] + CAPS[3:4], allow_short=True,
        narrowed=NARROWED[:1] + NARROWED[4:], overlays=("stop", "trend"), start=date(2008, 1, 2),
    )  # fmt: skip
    said = renderer_of("en").ack(study(spec, "spring"), facts.plan()).text
    assert said.startswith(
        "Started `opt-7f3a`: *AAPL RSI “spring”*, best Sharpe and max drawdown, max drawdown below 25%, "
        "number of trades above 30, period 14 (fixed), stop 8 (fixed), with trend, from 2008-01-02, long and short. "
    )


@pytest.mark.parametrize("state", StudyState)
def test_the_root_never_shows_a_number_in_sample(state: StudyState) -> None:
    root = renderer_of("en").root(facts.study(state, best_value=1.2345))
    assert "1.23" not in words(root)


def test_the_root_of_a_finished_study_shows_unseen_bars_beside_buy_and_hold() -> None:
    said = words(renderer_of("en").root(facts.finished("strong")))
    assert "out-of-sample Sharpe 1.41 against 0.33 for buy and hold" in said
    assert "1.64" not in said


def test_without_unseen_bars_the_root_has_only_the_word() -> None:
    said = words(renderer_of("en").root(facts.finished("folds_only")))
    assert "Sharpe 0" not in said
    assert "🔶 *Paper-trade it first* (promising) · took" in said
