"""Pictures are PNGs of one size, drawn from whatever numbers there are, the same for the same numbers."""

import io
from datetime import date, timedelta
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import font_manager
from PIL import Image

from optimizer.domain.results.regime_results import Regime, RegimeRun
from optimizer.domain.space import Params
from optimizer.domain.study_results import Curve, Interval, Surface
from reports.charts import chart_list, figures, fonts, gallery
from reports.charts.chart_labels import labels_of
from reports.charts.regime_strip import LOOKS
from reports.languages import LANGUAGES, Language
from tests.reports import facts

pytestmark = pytest.mark.slow

BLUE, VERMILION, SHADE = (0, 114, 178), (213, 94, 0), (245, 232, 205)


SAY = labels_of("en")
SIX = ["equity", "history", "heatmap", "scatter", "folds", "bootstrap"]


@pytest.fixture(scope="module")
def drawn() -> dict[str, bytes]:
    """Every chart of one study."""
    return gallery.pictures(facts.finished("promising"), facts.trials(40))


def pixels(png: bytes) -> np.ndarray:
    """The picture as rows of red, green and blue."""
    with Image.open(io.BytesIO(png)) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture.convert("RGB")).astype(int)


def share_of(png: bytes, color: tuple[int, int, int]) -> float:
    """The share of pixels that are nearly of a colour."""
    return float((np.abs(pixels(png) - np.array(color)).max(axis=2) < 12).mean())


def growth(n: int, *, at: float = 0.001) -> Curve:
    days = tuple(date(2010, 1, 1) + timedelta(days=i) for i in range(n))
    values = tuple(float(np.exp(at * i)) for i in range(n))
    return Curve(dates=days, winner=values, buy_and_hold=values[::-1])


def test_all_six_charts_are_drawn(drawn: dict[str, bytes]) -> None:
    assert list(drawn) == SIX


@pytest.mark.parametrize("name", SIX)
def test_every_chart_is_a_sharp_opaque_picture(name: str, drawn: dict[str, bytes]) -> None:
    png = drawn[name]

    shape = pixels(png).shape
    assert shape[:2] == (round(figures.SIZE[1] * figures.DPI), round(figures.SIZE[0] * figures.DPI))
    with Image.open(io.BytesIO(png)) as picture:
        assert "A" not in picture.getbands() or picture.getchannel("A").getextrema() == (255, 255)
    assert len(png) < 300_000


def test_a_study_with_two_goals_has_a_chart_of_both() -> None:
    study, trials = facts.finished("two_goals"), facts.trials(120, n_goals=2)
    drawn = gallery.pictures(study, trials)

    assert list(drawn) == ["equity", "pareto", *SIX[1:]]
    assert share_of(drawn["pareto"], figures_rgb(figures.GREEN)) > 0.0003, "the knee"
    assert share_of(drawn["pareto"], VERMILION) > 0.0003, "the held-out values"
    assert study.summary is not None
    assert chart_list.for_thread(study.summary, drawn) == ("equity", "pareto")


def test_two_goals_are_drawn_with_one_set_too() -> None:
    study = facts.finished("two_goals")

    pixels(gallery.pictures(study, facts.trials(1, n_goals=2))["pareto"])


def figures_rgb(color: str) -> tuple[int, int, int]:
    """Red, green and blue of a colour such as `#009e73`."""
    red, green, blue = bytes.fromhex(color.removeprefix("#"))
    return red, green, blue


def test_the_held_out_bars_are_shaded() -> None:
    with_holdout = figures.equity(SAY, growth(400), holdout_start=date(2010, 10, 1), title="x")
    without = figures.equity(SAY, growth(400), holdout_start=None, title="x")

    assert share_of(with_holdout, SHADE) > 0.05
    assert share_of(without, SHADE) < 0.001


@pytest.mark.parametrize("language", LANGUAGES)
def test_kinds_of_markets_are_a_strip_of_four_looks_with_a_legend_in_the_readers_language(language: Language) -> None:
    say, days = labels_of(language), growth(400).dates
    kinds = [RegimeRun(start=days[90 * at], regime=regime) for at, regime in enumerate(Regime)]
    with fonts.fonts_of(language):
        drawn = figures.equity(say, growth(400), holdout_start=None, title="x", regimes=kinds)
        without = figures.equity(say, growth(400), holdout_start=None, title="x")
        unlabelled = [RegimeRun(start=days[0], regime=None)]
        pixels(figures.equity(say, growth(400), holdout_start=None, title="x", regimes=unlabelled))

    assert len({(face, hatch) for face, _, hatch in LOOKS.values()}) == len({h for *_, h in LOOKS.values()}) == 4
    for face, *_ in LOOKS.values():
        assert share_of(drawn, figures_rgb(face)) > share_of(without, figures_rgb(face)) + 0.0015


def test_the_same_numbers_give_the_same_bytes() -> None:
    first = figures.equity(SAY, growth(50), holdout_start=None, title="x")

    assert figures.equity(SAY, growth(50), holdout_start=None, title="x") == first


def test_other_numbers_give_another_picture() -> None:
    steep, flat = growth(50, at=0.02), growth(50, at=0.001)

    assert figures.equity(SAY, steep, holdout_start=None, title="x") != figures.equity(
        SAY, flat, holdout_start=None, title="x"
    )


def test_a_title_is_words_and_never_mathematics() -> None:
    hostile = r"$\frac{1}{0}$ $x_$ 삼성전자 <b> " + "long " * 40

    with fonts.fonts_of("en"):
        pixels(figures.equity(SAY, growth(30), holdout_start=None, title=hostile))


def test_luck_is_a_line_across_the_search() -> None:
    values = [0.1, 0.4, 0.9]
    plain = figures.history(SAY, [0, 1, 2], values, goal="sharpe", goal_name="Sharpe", luck=None, title="x")
    marked = figures.history(SAY, [0, 1, 2], values, goal="sharpe", goal_name="Sharpe", luck=0.5, title="x")

    assert share_of(marked, VERMILION) > share_of(plain, VERMILION) + 0.001


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.filterwarnings("error")  # matplotlib warns of a character that no font has
def test_every_character_on_a_chart_has_a_font(language: Language) -> None:
    study, trials = facts.finished("two_goals"), facts.trials(60, n_goals=2)

    assert len(gallery.pictures(study, trials, language)) == 7


def test_korean_charts_have_korean_words_and_change_no_english_ones(drawn: dict[str, bytes]) -> None:
    study, trials = facts.finished("promising"), facts.trials(40)
    before = dict(mpl.rcParams)
    korean = gallery.pictures(study, trials, "ko")

    assert dict(mpl.rcParams) == before
    assert gallery.pictures(study, trials) == drawn
    assert [name for name in SIX if korean[name] == drawn[name]] == []


def test_hangul_is_drawn_bold_in_a_title() -> None:
    with fonts.fonts_of("ko"):
        bold, plain = (
            font_manager.findfont(font_manager.FontProperties(weight=weight)) for weight in ("bold", "normal")
        )

    assert [Path(path).name for path in (bold, plain)] == ["NanumGothicBold.ttf", "NanumGothic.ttf"]


def test_a_search_without_a_feasible_trial_says_so() -> None:
    pixels(figures.history(SAY, [], [], goal="sharpe", goal_name="Sharpe", luck=None, title="x"))


def surface(values: tuple[tuple[float | None, ...], ...]) -> Surface:
    xs = tuple(range(len(values[0])))
    return Surface(x="fast", y="mode", x_values=xs, y_values=("a", "b")[: len(values)], values=values)


def draw(grid: Surface, value: float | None) -> bytes:
    winner: Params = {"fast": 1, "mode": "b"}
    return figures.heatmap(SAY, grid, winner=winner, value=value, goal="sharpe", goal_name="Sharpe", title="x")


def test_the_plateau_is_framed_and_holes_are_left_grey() -> None:
    framed = draw(surface(((0.1, 0.2, None), (0.9, 1.0, 0.3))), 1.0)
    unframed = draw(surface(((0.1, 0.2, None), (0.9, 1.0, 0.3))), None)

    assert share_of(framed, VERMILION) > 0.002
    assert share_of(unframed, VERMILION) < 0.001
    assert share_of(framed, (201, 198, 189)) > 0.05


def test_a_losing_winner_has_no_plateau() -> None:
    assert share_of(draw(surface(((-0.1, -0.2), (-0.9, -1.0))), -0.1), VERMILION) < 0.001


def test_a_winner_outside_the_grid_is_simply_not_marked() -> None:
    grid = surface(((0.1, 0.2), (0.9, 1.0)))

    pixels(figures.heatmap(SAY, grid, winner={"fast": 7}, value=1.0, goal="maxdd", goal_name="fall", title="x"))


def test_one_point_is_a_scatter_too() -> None:
    pixels(figures.scatter(SAY, [(0.5, -0.1)], winner=None, goal="winrate", goal_name="win rate", title="x"))


def test_a_fold_without_a_value_keeps_its_place() -> None:
    walk = facts.summary().walk_forward
    assert walk is not None
    steps = [step.model_copy(update={"out_of_sample": None}) for step in walk.folds]

    pixels(figures.folds(SAY, steps, goal="sharpe", goal_name="Sharpe", title="x"))


@pytest.mark.parametrize("interval", [None, Interval(low=None, high=None), Interval(low=-0.5, high=1.5)])
def test_a_distribution_may_lack_its_interval(interval: Interval | None) -> None:
    pixels(figures.bootstrap(SAY, [0.1, 0.2, 0.5, 0.9], interval=interval, buy_and_hold=None, title="x"))


def test_a_long_curve_is_thinned_and_keeps_its_ends() -> None:
    pixels(figures.equity(SAY, growth(figures.MAX_POINTS * 2, at=0.0001), holdout_start=None, title="x"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("strong", ("equity", "history")),
        ("promising", ("equity", "history")),
        ("unproven", ("equity", "history")),
        ("overfit", ("equity", "scatter")),
        ("folds_only", ("equity", "history")),
    ],
)
def test_the_thread_gets_the_two_charts_that_matter(name: str, expected: tuple[str, ...]) -> None:
    summary = facts.SUMMARIES[name]
    names = dict.fromkeys(("equity", "history", *(["scatter"] if summary.scatter else [])))

    assert chart_list.for_thread(summary, names) == expected


def test_an_overfit_study_without_a_scatter_shows_its_search() -> None:
    assert chart_list.for_thread(facts.SUMMARIES["overfit"], {"equity": b"", "history": b""}) == ("equity", "history")


def test_a_chart_without_numbers_is_left_out() -> None:
    assert set(gallery.pictures(facts.finished("bare"), facts.trials(5))) == {"equity", "history"}
