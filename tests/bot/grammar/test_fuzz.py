"""A hundred thousand hostile texts: nothing but a command or a UserError, and no study that was not asked for."""

import html
import random
import re
import unicodedata
from collections.abc import Callable, Iterator
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.grammar.commands import AddSchedule, Command, Start
from bot.grammar.formatting import command_text, start_text
from bot.grammar.options import FLAGS, OPTIONS
from bot.grammar.parsing import parse
from bot.grammar.understanding.listings import listings
from bot.grammar.understanding.phrases import STRATEGY_PHRASES
from bot.grammar.understanding.understand import understand
from bot.grammar.values import percent_text, plain_number, read_percent
from bot.grammar.verbs import VERB_WORDS
from optimizer.domain.metrics import CAPS, GOALS
from optimizer.domain.space import Choice, Parameter
from optimizer.domain.study_request import Cap, Costs, Narrowed, Reentry, SamplerKind, StudySpec
from optimizer.errors import UserError
from optimizer.strategies.registry import CLOSING, OVERLAYS, STRATEGIES, space_of

pytestmark = pytest.mark.slow

N_TEXTS = 50_000
N_BATCHES = 10

STRATEGY_WORDS = sorted({word for s in STRATEGIES.values() for word in (s.key, *s.aliases)})
SYMBOLS = ["AAPL", "msft", "005930.KS", "^GSPC", "BRK-B", "EURUSD=X", "$IBM", "@tech", "RUN", "AAPL,MSFT", "rsi", "TOP"]
PARAMETERS = sorted({name for s in STRATEGIES.values() for name in s.parameter_names})
VALUES = [
    "14",
    "10..20",
    "5..10:1",
    "1.5",
    "-5",
    "0",
    "20%",
    "1e9",
    "yes",
    "break",
    "a|b",
    "2015-01-01",
    "",
    "..",
    "9" * 40,
]
SIGNS = "=<>,.:;|~-–—−+%*`'\"“”‘’«»&()[]{}/\\#@!?^$_"
HOSTILE = "\u00a0\u200b\u3000\ufeff\u202e\x00\n\t＝，２Ａ　İßﬁ²٣½\ud800\U0001f4c8가ㅋ한글"
SCHEDULES = ["weekly", "mon", "매주", "월", "daily", "monthly", "31", "07:00", "7am", "25:00", "tz=Asia/Seoul", "tz=x"]
SLACK = [
    "<@U012AB>",
    "<!channel>",
    "&lt;",
    "&gt;",
    "&amp;",
    "<http://SHOP.TO|SHOP.TO>",
    "<#C1|general>",
    "<mailto:a@b|a@b>",
]
OTHERS = [
    "opt-7f3a",
    "sch-2b",
    "7f",
    "200",
    "1,000",
    "10001",
    "dry",
    "--force",
    "why=x",
    'note="a b"',
    "name=",
    "en",
    "@a",
]


def vocabulary() -> list[str]:
    keyed = [f"{key}={value}" for key in (*OPTIONS, *PARAMETERS, *OVERLAYS) for value in VALUES[:6]]
    caps = [f"{key}{sign}{value}" for key in CAPS for sign in ("<", ">", "<=") for value in ("20", "0.2", "")]
    lone = [*VERB_WORDS, *FLAGS, *OVERLAYS, *GOALS, *PARAMETERS]
    return [*keyed, *caps, *lone, *STRATEGY_WORDS, *SYMBOLS, *VALUES, *SCHEDULES, *SLACK, *OTHERS]


VOCABULARY = vocabulary()
EXAMPLES = [option.example for option in OPTIONS.values()]


def asked_for(rng: random.Random) -> str:
    """A command that starts or schedules something, or nearly."""
    words = [
        rng.choice(SYMBOLS),
        rng.choice(STRATEGY_WORDS),
        *rng.sample([*EXAMPLES, *OVERLAYS, *FLAGS, "200"], rng.randint(0, 4)),
    ]
    if rng.random() < 0.2:
        words = ["schedule", *words, *rng.sample(SCHEDULES, 3)]
    return " ".join(words)


def jumbled(rng: random.Random) -> str:
    """Known words in any order."""
    return " ".join(rng.choices(VOCABULARY, k=rng.randint(1, 7)))


def noise(rng: random.Random) -> str:
    """Letters and signs of no meaning."""
    alphabet = SIGNS + HOSTILE + "AaRrSsIi0129 " * 6
    return "".join(rng.choices(alphabet, k=int(rng.expovariate(1 / 25))))


def mutated(rng: random.Random) -> str:
    """A command with letters lost, doubled, exchanged or put in."""
    text = rng.choice((asked_for, jumbled))(rng)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(text) + 1)
        piece = rng.choice((rng.choice(SIGNS + HOSTILE), rng.choice(VOCABULARY), text[at : at + 3], " ", ""))
        text = text[:at] + piece + text[at + rng.randint(0, 2) :]
    return text


MAKERS: list[Callable[[random.Random], str]] = [asked_for, jumbled, noise, mutated, mutated]


def texts(batch: int) -> Iterator[str]:
    rng = random.Random(20_260 + batch)
    for _ in range(N_TEXTS // N_BATCHES):
        yield rng.choice(MAKERS)(rng)


def plainly_asks(text: str, start: Start) -> bool:
    """Whether the text begins with just these symbols and this strategy: an independent, much simpler reading."""
    text = re.sub(r"<(?:https?://|mailto:|tel:)(?:[^<>|]*\|)?([^<>]*)>", r"\1", text)
    text = re.sub(r"^(\s*<@[UW]\w*>\s*[:,]?)+", "", text)
    text = unicodedata.normalize("NFKC", html.unescape(text)).translate(str.maketrans("–—−“”«»", '---""""'))
    text = "".join(c for c in text if c.isspace() or unicodedata.category(c)[0] != "C").translate(
        {96: None, 42: None, 34: None}
    )
    words = re.sub(r"\s*([,=]|\.\.+|~)\s*", r"\1", text).split()
    while words and words[0].lower() in ("/optimize", "@optimizer"):
        words.pop(0)
    if words and words[0].lower() in ("start", "optimize", "시작", "최적화"):
        words.pop(0)  # only one: `start run rsi` is how a symbol that is also a verb is said
    typed = (symbol.removeprefix("$").upper() for symbol in words[0].split(","))
    symbols = [re.sub(r"^(\w+)/(\w{3,5})$", r"\1-\2", symbol) for symbol in typed]
    strategy = STRATEGIES[start.specs[0].strategy_name]
    return symbols == [s.upper() for s in start.symbols] and words[1].lower() in (strategy.key, *strategy.aliases)


def outcome(text: str, study: str | None = None) -> Command | UserError:
    try:
        return parse(text, study=study)
    except UserError as error:
        return error


#: Words between those of a command: fills, joiners and what a person may add.
TALK = [
    "please", "with", "for", "using", "the", "optimize", "backtest", "run", "and", "on", "trials", "last", "years", "5",
    "5y", "since", "2008", "2008-2012", "every", "monday", "9am", "long only", "drawdown under 20%", "sharpe ratio",
    "stop loss 8%", "hourly", "daily", "rsi(14)", "RSI14", "50/200", "SMA", "golden cross", "apple", "tesla", "애플",
    "삼성전자", "이동평균", "해줘", "200회", "최근 5년", "샤프", "매주 월요일", "오전 9시", "손절 8%", "1k", "2e2",
    "or", "no",
    "two hundred", "not", "what is", "best", "parameters", "compare", "mean reversion", "NASDAQ:AAPL", "BTC/USDT",
    "XYZ", "ON",
]  # fmt: skip


def talked(rng: random.Random) -> str:
    """Words of a command and of people, in any order."""
    words = [
        rng.choice(rng.choice((TALK, TALK, SYMBOLS, STRATEGY_WORDS, VOCABULARY))) for _ in range(rng.randint(1, 7))
    ]
    return " ".join(words)


def says(text: str, start: Start) -> None:
    """Check that each symbol, the strategy and each number of a loosely read start is in the text: by plain search."""
    said = unicodedata.normalize("NFKC", text).lower()
    bare = re.sub(r"[^0-9a-z가-힣]", "", said)
    for symbol in start.symbols:
        row = listings().get(symbol)
        names = [symbol, *((*row.english, *row.korean) if row else ())]
        plain = [re.sub(r"[^0-9a-z가-힣]", "", name.lower()) for name in (*names, symbol.partition(".")[0])]
        assert any(name in bare for name in plain), (text, symbol)
    strategy = STRATEGIES[start.specs[0].strategy_name]
    phrases = [phrase for phrase, keys in STRATEGY_PHRASES.items() if keys == (strategy.key,)]
    names = [re.sub(r"[^0-9a-z가-힣]", "", name) for name in (strategy.key, *strategy.aliases, *phrases)]
    assert any(name in bare for name in names), (text, strategy.key)
    for number in numbers_of(start):
        assert number in numbers_in(said), (text, number)


def numbers_of(start: Start) -> set[str]:
    """Every number of the command that is no default."""
    words = start_text(start, prefix="").removeprefix("start ").split()[2:]
    usual = {str(StudySpec.model_fields["n_trials"].default)}
    found = {number for word in words for number in re.findall(r"\d+(?:\.\d+)?", re.sub(r"-\d\d", "", word))}
    return found - usual - {"1"}  # `1h` for `hourly`


def numbers_in(said: str) -> set[str]:
    """Every number of a text, also those in words and with a scale."""
    plain = re.sub(r"(?<=\d),(?=\d{3})", "", said)
    found = set(re.findall(r"\d+(?:\.\d+)?", re.sub(r"-\d\d(?!\d)", "", plain)))
    found |= set(re.findall(r"\d+", plain))
    scaled = {str(int(float(n) * 1000)) for n in re.findall(r"(\d+(?:\.\d+)?)k", plain)}
    powers = {str(int(float(n))) for n in re.findall(r"\d+e\d", plain)}
    worded = {"200"} if "two hundred" in plain else set()
    months = {str(int(n) // 12) for n in re.findall(r"\d+", plain) if len(n) < 5}
    percent = {plain_number(float(n) * 100) for n in re.findall(r"0?\.\d+", plain)}
    zero = {"0"} if "no" in plain or "without" in plain or "없이" in plain else set()
    return found | scaled | powers | worded | months | percent | zero | ({"10"} if "decade" in plain else set())


@pytest.mark.parametrize("batch", range(4))
def test_no_loosely_read_text_starts_what_it_does_not_say(batch: int) -> None:
    rng, n_started = random.Random(4_711 + batch), 0
    for _ in range(2_000):
        text = rng.choice((talked, talked, talked, jumbled, mutated))(rng)
        try:
            reading = understand(text)
        except UserError as error:
            check_refusal(error, None)
            continue
        if reading.text and isinstance(reading.command, Start):
            says(text, reading.command)
            assert parse(reading.text) == reading.command
            n_started += 1
        elif reading.text and isinstance(reading.command, AddSchedule) and reading.command.start:
            says(text, reading.command.start)

    assert n_started > 50, "the fuzz must reach what it is about"


def check_refusal(error: UserError, study: str | None) -> None:
    """Every fact is short, the sentence is whole, and the correction is a command."""
    assert all(len(str(fact)) <= (1_000 if name == "command" else 401) for name, fact in error.facts.items())
    assert str(error)
    if error.command:
        assert isinstance(outcome(error.command, study), Command)


def check_start(text: str, start: Start) -> None:
    """It was asked for in so many words, it can be printed and read back, and there is something to search."""
    assert plainly_asks(text, start)
    assert parse(start_text(start)) == start
    assert space_of(start.specs[0]).parameters


@pytest.mark.parametrize("batch", range(N_BATCHES))
def test_no_text_breaks_the_grammar_or_starts_what_was_not_asked_for(batch: int) -> None:
    n_started = n_corrected = 0
    study = "opt-7f3a" if batch % 2 else None
    for text in texts(batch):
        found = outcome(text, study)
        if isinstance(found, UserError):
            check_refusal(found, study)
            n_corrected += bool(found.command)
        elif isinstance(found, Start):
            check_start(text, found)
            n_started += 1
        elif isinstance(found, AddSchedule):
            # Asterisks are Slack's marks of bold text.
            assert re.search(r"schedule|일정|예약", unicodedata.normalize("NFKC", text).lower().replace("*", ""))

    assert n_started > 500, "the fuzz must reach what it is about"
    assert n_corrected > 500


@given(st.text(max_size=300))
def test_any_text_is_a_command_or_a_user_error(text: str) -> None:
    assert isinstance(outcome(text), Command | UserError)


def fractions(high: float) -> st.SearchStrategy[float]:
    """Numbers that a person could type."""
    return st.floats(0.0, high).map(lambda value: round(value, 12))


@st.composite
def caps(draw: st.DrawFn) -> Cap:
    goal = draw(st.sampled_from(sorted(CAPS)))
    bound = draw(fractions(1.0) if goal != "trades" else st.integers(0, 1000).map(float))
    return Cap(goal=goal, is_upper=draw(st.booleans()), bound=abs(bound))


def cap_key(cap: Cap) -> tuple[str, bool]:
    return cap.goal, cap.is_upper


@st.composite
def narrowings(draw: st.DrawFn, parameter: Parameter) -> Narrowed:
    if isinstance(parameter, Choice):
        return Narrowed(
            name=parameter.name, choices=tuple(draw(st.permutations(parameter.choices)))[: draw(st.integers(1, 2))]
        )
    low, high = sorted(float(draw(st.sampled_from(parameter.values))) for _ in range(2))
    step = draw(st.none() | st.just(float(parameter.step))) if low < high else None
    return Narrowed(name=parameter.name, low=low, high=high, step=step)


def goes_together(goals: list[str]) -> bool:
    return len(goals) == 1 or not any(GOALS[goal].weighs for goal in goals)


goal_lists = st.lists(st.sampled_from(sorted(GOALS)), min_size=1, max_size=2, unique=True).filter(goes_together)


@st.composite
def specs(draw: st.DrawFn) -> StudySpec:
    """Any spec that the grammar can say; the overlays stay clear of a parameter of the same name."""
    strategy = draw(st.sampled_from(sorted(STRATEGIES.values(), key=lambda s: s.key)))
    overlays = [o for o in OVERLAYS if o not in strategy.space.names and draw(st.booleans())]
    parameters = [*strategy.space.parameters, *(OVERLAYS[o] for o in overlays)]
    order = strategy.space.order
    free = [p for p in parameters if order is None or p.name not in (order.lesser, order.greater)]
    start, end = (draw(st.none() | st.dates(date(year, 1, 1), date(year, 12, 31))) for year in (2015, 2020))
    return StudySpec(
        symbol=draw(st.sampled_from(["AAPL", "RUN", "^GSPC", "005930.KS", "EURUSD=X", "TOP", "@tech"])),
        strategy_name=strategy.key,
        n_trials=draw(st.integers(1, 10_000)),
        goals=tuple(draw(goal_lists)),
        caps=tuple(sorted(draw(st.lists(caps(), max_size=3, unique_by=cap_key)), key=cap_key)),
        narrowed=tuple(draw(narrowings(p)) for p in free if draw(st.booleans())),
        overlays=tuple(overlays),
        start=start,
        end=end,
        years=draw(st.integers(2, 100)) if start is None else 10,
        holdout=draw(fractions(0.5)),
        folds=draw(st.integers(0, 12)),
        costs=Costs(commission_bps=draw(fractions(1000)), slippage_bps=draw(fractions(1000))),
        allow_short=draw(st.booleans()),
        reenter=draw(st.sampled_from(Reentry)) if {*CLOSING} & {*overlays} else Reentry.FRESH,
        min_trades=draw(st.integers(0, 10_000)),
        sampler=draw(st.sampled_from(SamplerKind)),
        seed=draw(st.integers(0, 2**31 - 1)),
        source=draw(st.none() | st.sampled_from(["sample", "yahoo"])),
        timeframe=draw(st.sampled_from(["1d", "1h"])),
        force=draw(st.booleans()),
    )  # fmt: skip


@given(specs())
@settings(max_examples=150)
def test_every_study_is_printed_as_the_command_that_starts_it(spec: StudySpec) -> None:
    command = parse(command_text(spec))

    assert isinstance(command, Start)
    assert command.specs == (spec,)


@given(specs(), st.booleans(), st.booleans())
def test_every_start_is_printed_as_the_command_that_asks_for_it(spec: StudySpec, is_dry: bool, is_quiet: bool) -> None:
    plain = parse(start_text(Start(specs=(spec,), is_dry=is_dry, is_quiet=is_quiet)))
    assert plain == Start(specs=(spec,), is_dry=is_dry, is_quiet=is_quiet)


@given(st.text(st.characters(exclude_characters="\"'`“”„‟«»〝〞＂「」『』"), max_size=60))
def test_a_note_survives_printing(note: str) -> None:
    noted = outcome(f'AAPL RSI note="{note}"')

    if isinstance(noted, Start):
        assert parse(start_text(noted)) == noted


@given(specs(), st.data())
@settings(max_examples=150)
def test_an_unknown_word_anywhere_stops_the_start(spec: StudySpec, data: st.DataObject) -> None:
    words = command_text(spec, prefix="").split()
    at = data.draw(st.integers(2, len(words)))
    junk = data.draw(
        st.sampled_from(["please", "x", "foo=1", "@you", "<!here>", "MSFT", "200x", "=", "lots", "1/2", "٣"])
    )

    with pytest.raises(UserError):
        parse(" ".join([*words[:at], junk, *words[at:]]))


@given(st.floats(-1e6, 1e6).filter(lambda value: value == 0 or abs(value) > 1e-15))
def test_numbers_are_printed_so_that_they_read_back_exactly(value: float) -> None:
    assert float(plain_number(value)) == value
    if abs(value) <= 1:
        assert read_percent("x", percent_text(value), low=-100, high=100) == value
