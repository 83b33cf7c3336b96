"""A person's own strategy beside ours: in help, lists, form and catalogue as soon as it is set, and gone with it."""

from collections.abc import Iterator

import pytest

from bot.api.routes.catalogue import catalogue_of
from bot.commands.forms.start_form import Form, read_form, start_view
from bot.grammar.commands import Topic
from bot.grammar.help_topics import find_topic
from bot.grammar.parsing import parse
from bot.ops.health_checks import HealthReport, probe_strategies
from optimizer.domain.bars import Bars, FloatArray
from optimizer.errors import Phrase
from optimizer.strategies.plugin_api import bars_of, level_of, strategy
from optimizer.strategies.plugins.plugin_errors import Fault, refusal_of
from optimizer.strategies.registry import STRATEGIES
from reports.languages import Language
from reports.render import renderer_of
from tests.refused import worded


@strategy(
    "dip",
    bars_of("period", 10, 60, 20),
    level_of("far_below", 1, 10, 3, unit="%"),
    warm_up="period",
    title={"en": "Dip <buyer>", "ko": "저점 매수"},
    about={"en": "Buys below `far_below`."},
    meanings={"period": {"en": "bars of the average", "ko": "평균의 봉 수"}},
    aliases=("저점",),
)
def dip(bars: Bars, period: int, far_below: int) -> FloatArray:
    """Nothing at all."""
    return bars.close * 0


@pytest.fixture
def known() -> Iterator[None]:
    """The strategy, known to this process, beside one that was refused."""
    refusal = refusal_of("bad.py", Fault(Phrase("own_none"), 3))
    STRATEGIES.set_own((dip,), {"bad": refusal})
    yield
    STRATEGIES.set_own(())


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(
    ("language", "title", "rule", "meaning"),
    [
        ("en", "Dip &lt;buyer&gt;", "Buys below `far_below`.", "bars of the average"),
        ("ko", "저점 매수", "Buys below `far_below`.", "평균의 봉 수"),
    ],
)
def test_help_has_its_words(language: Language, title: str, rule: str, meaning: str) -> None:
    say = renderer_of(language)
    text = str(say.help("dip").blocks)

    for words in (title, rule, meaning, "far below", "저점"):
        assert words in text
    assert "`dip`" in str(say.strategies().blocks)
    assert "`dip`" in str(say.help().blocks)


@pytest.mark.usefixtures("known")
def test_form_has_it() -> None:
    view = start_view(Form(symbol="AAPL", strategy="dip", parameters={"far_below": "2..4"}), renderer_of("ko"))
    choices = next(block for block in view["blocks"] if block["block_id"] == "strategy")["element"]["options"]

    assert [one["text"]["text"] for one in choices][-2] == "저점 매수 (dip)"  # before that of a rule in words
    assert read_form(Form(symbol="AAPL", strategy="dip", parameters={"far_below": "2..4"})).specs[0].narrowed


@pytest.mark.usefixtures("known")
def test_catalogue_and_commands_have_it() -> None:
    card = catalogue_of(renderer_of("ko")).strategies[-1]

    assert (card.key, card.title, card.aliases) == ("dip", "저점 매수", ["저점"])
    assert find_topic("저점") == find_topic("dip")
    assert find_topic("dip").kind is Topic.STRATEGY
    assert parse("AAPL 저점 20 period=15") == parse("AAPL dip 20 period=15")


@pytest.mark.usefixtures("known")
def test_health_tells_of_both() -> None:
    loaded, refused = probe_strategies()

    assert (loaded.health, worded(loaded.result)) == (HealthReport.GOOD, "1 loaded: dip")
    assert (refused.health, worded(refused.result)) == (
        HealthReport.WARNING,
        "`bad.py`, line 3: it declares no strategy; put a `Strategy` at its top, or `@strategy(…)` above a function. "
        "It was not loaded.",
    )
    assert "strategies check bad.py" in worded(refused.remedy or Phrase("off"))


def test_without_it_nothing_is_told() -> None:
    assert probe_strategies() == []
    assert "`dip`" not in str(renderer_of("en").strategies().blocks)
