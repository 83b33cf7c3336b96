"""Finished studies made by hand, one a verdict, with figures as a real study gives them."""

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import bson

from optimizer.domain.results.forecast_results import ForecastOf, NoForecast
from optimizer.domain.results.regime_results import (
    PlannedRegimes,
    Regime,
    RegimeReport,
    RegimeRow,
    RegimeRun,
    RegimeSide,
    SplitEvidence,
    StudyRegime,
)
from optimizer.domain.space import Params, Range, Space
from optimizer.domain.study_request import Cap, Narrowed, StudySpec
from optimizer.domain.study_results import (
    Curve,
    Degenerate,
    Expected,
    Fold,
    Interval,
    Luck,
    Measures,
    Obstacle,
    OfSymbol,
    Pareto,
    ParetoSet,
    Plateau,
    Scored,
    Shared,
    Significance,
    Stress,
    Stretch,
    StudyState,
    StudySummary,
    Suggestion,
    Surface,
    Timings,
    TrialRecord,
    Tries,
    Unmet,
    Verdict,
    WalkForward,
    Window,
)
from optimizer.errors import Phrase, UnusableBars
from optimizer.storage.trial_documents import trial_document
from reports.facts import Failure, Plan, StudyFacts
from tests.reports.forecasts import forecast

WINDOW = Window(
    start=date(2003, 10, 24),
    end=date(2013, 2, 28),
    holdout_start=date(2011, 10, 4),
    n_bars=2353,
    n_holdout=353,
    n_warm_up=961,
    periods_per_year=252.0,
)
SPEC = StudySpec(symbol="AAPL", strategy_name="rsi", n_trials=200)
BY_REGIME_SPEC = StudySpec(
    symbol="AAPL",
    strategy_name="rsi",
    by_regime=("oversold", "stop"),
    overlays=("stop", "regime"),
    narrowed=(Narrowed(name="regime", choices=("any", "calm")),),
)
PLANNED = PlannedRegimes(
    symbol="AAPL", n_bars={"bullish": 1158, "bearish": 478, "volatile": 31, "sideways": 0}, n_stressed=509
)
SPACE = Space(
    (
        Range(name="period", low=10, high=30, step=1, default=14, unit="bars"),
        Range(name="oversold", low=20, high=35, step=1, default=30),
        Range(name="overbought", low=65, high=80, step=1, default=70),
    )
)


def measures(sharpe: float | None, total_return: float, fall: float, n_trades: int = 41) -> Measures:
    """Measures that belong together, from the four that messages show most."""
    return Measures(
        total_return=total_return,
        cagr=math.copysign(abs(total_return) / 9.3, total_return),
        annual_volatility=0.2261,
        sharpe_ratio=sharpe,
        sortino_ratio=None if sharpe is None else sharpe * 1.4137,
        calmar_ratio=None if sharpe is None else sharpe * 0.7311,
        max_drawdown=fall,
        max_drawdown_bars=211,
        win_rate=0.6829,
        profit_factor=1.8734,
        expectancy=0.02117,
        sqn=2.1193,
        exposure=0.4137,
        turnover=8.7361,
        annual_costs=0.01310415,
        n_trades=n_trades,
        average_trade_bars=23.417,
        longest_trade_bars=88,
        best_trade=0.1833,
        worst_trade=-0.2219,
        alpha=0.0613,
        beta=0.3877,
        correlation=0.6217,
        skew=-0.3141,
        kurtosis=9.2653,
        value_at_risk=-0.0219,
        expected_shortfall=-0.0341,
    )


def scored(
    params: Params,
    inside: tuple[float | None, float, float],
    outside: tuple[float | None, float, float] | None,
    number: int | None = None,
) -> Scored:
    """A set with its measures: (Sharpe ratio, total return, drawdown) in and out of sample."""
    return Scored(
        params=params,
        value=inside[0],
        number=number,
        in_sample=measures(*inside),
        out_of_sample=None if outside is None else measures(*outside, n_trades=7),
    )


def rsi(period: int, oversold: int, overbought: int) -> Params:
    """A parameter set of the RSI strategy."""
    return {"period": period, "oversold": oversold, "overbought": overbought}


TEXTBOOK = scored(rsi(14, 30, 70), (0.4127, 0.9811, -0.4313), (0.2179, 0.0317, -0.1873), 0)
HOLD = scored({}, (0.9317, 14.1731, -0.6087), (0.3311, 0.1719, -0.4381))


BY_REGIME = RegimeReport(
    rows=(
        RegimeRow(
            regime="bullish",
            n_bars=1215,
            n_held_out=212,
            share=0.516362,
            winner=RegimeSide(log_return=0.8131, annual_return=0.1837, sharpe_ratio=1.2117, low=0.4613, high=1.9619),
            buy_and_hold=RegimeSide(
                log_return=2.1719, annual_return=0.5691, sharpe_ratio=1.9213, low=1.1717, high=2.6713
            ),
            n_trades=19,
            win_rate=0.7368,
        ),
        RegimeRow(
            regime="bearish",
            n_bars=372,
            n_held_out=71,
            share=0.158096,
            winner=RegimeSide(log_return=-0.0313, annual_return=-0.0209, sharpe_ratio=-0.1119, low=-1.46, high=1.2413),
            buy_and_hold=RegimeSide(
                log_return=-0.6113, annual_return=-0.3387, sharpe_ratio=-1.1317, low=-2.49, high=0.2219
            ),
            n_trades=8,
            win_rate=0.5,
        ),
        RegimeRow(
            regime="volatile",
            n_bars=97,
            n_held_out=0,
            share=0.041224,
            winner=RegimeSide(log_return=0.1117, annual_return=0.3371, sharpe_ratio=0.6119),
            buy_and_hold=RegimeSide(log_return=-0.0319, annual_return=-0.0797, sharpe_ratio=-0.1213),
            n_trades=3,
            win_rate=0.6667,
        ),
        RegimeRow(regime="sideways"),
        RegimeRow(
            regime=None,
            n_bars=669,
            n_held_out=70,
            share=0.284318,
            winner=RegimeSide(log_return=0.0713, annual_return=0.0272, sharpe_ratio=0.1917, low=-0.8219, high=1.2113),
            buy_and_hold=RegimeSide(
                log_return=0.1313, annual_return=0.0507, sharpe_ratio=0.2117, low=-0.8019, high=1.2313
            ),
            n_trades=11,
        ),
    )
)


def summary(**changes: object) -> StudySummary:
    """The promising study, or another by what differs from it."""
    winner = scored(rsi(11, 33, 78), (1.0943, 3.8123, -0.2917), (0.8377, 0.2213, -0.1129), 143)
    whole = StudySummary(
        window=WINDOW,
        winner=winner,
        default=TEXTBOOK,
        buy_and_hold=HOLD,
        top=(winner, *_runners_up()),
        verdict=Verdict.PROMISING,
        suggestion=Suggestion.WATCH,
        luck=Luck(
            counts_ties=True,
            n_tried=200,
            n_tried_ever=1243,
            expected_max_sharpe=0.7781,
            deflated_sharpe_ratio=0.9413,
            market_sharpe=0.2213,
            skill=0.9619,
            pbo=0.2317,
            n_blocks=16,
        ),
        tries=Tries(n_sets=1043, n_searches=3, n_looks=2, n_people=2, since=date(2026, 11, 3)),
        significance=significance(),
        expected=Expected(sharpe=0.7213, low=0.2019, high=1.2419),
        stress=Stress(sharpe=1.0519, doubled_costs=0.9731, late=0.8819, without_best=0.6137, break_even_bps=87.4),
        plateau=Plateau(n_neighbours=6, share=5 / 6, neighbours=(), centre=None),
        walk_forward=_walk_forward(0.4739),
        sharpe_interval=Interval(low=-0.2137, high=1.8319),
        drawdown_interval=Interval(low=-0.2417, high=-0.0713),
        bootstrap_sharpes=tuple(-0.9 + 0.0173 * i + 0.4 * math.sin(i / 31) for i in range(200)),
        degenerate=None,
        importance={"period": 0.6119, "overbought": 0.2731, "oversold": 0.115},
        best_stretch=Stretch(start=date(2009, 3, 9), end=date(2009, 10, 19), total_return=0.6213),
        worst_stretch=Stretch(start=date(2008, 8, 15), end=date(2008, 11, 20), total_return=-0.2917),
        curve=_curve(),
        surface=_surface(),
        scatter=_scatter(),
        n_infeasible=17,
        n_failed=0,
        is_exhaustive=False,
        space_size=5376,
        by_regime=BY_REGIME,
        notes=(),
    )
    return whole.model_copy(update=changes)


#: Kinds of markets that turned shortly before the window's end.
REGIME = StudyRegime(
    regime=Regime.VOLATILE,
    confidence=0.9137,
    since=date(2013, 2, 6),
    n_bars=16,
    before=Regime.BULLISH,
    runs=(
        RegimeRun(start=WINDOW.start, regime=None),
        RegimeRun(start=date(2004, 10, 25), regime=Regime.SIDEWAYS),
        RegimeRun(start=date(2008, 9, 18), regime=Regime.BEARISH),
        RegimeRun(start=date(2009, 6, 2), regime=Regime.BULLISH),
        RegimeRun(start=date(2013, 2, 6), regime=Regime.VOLATILE),
    ),
)


def significance(**changes: object) -> Significance:
    """Tests of the promising study, or of another by what differs."""
    figures: dict[str, object] = {
        "n_sets": 4317,
        "is_whole_grid": True,
        "searched_p": 0.0381,
        "unseen_p": 0.0437,
        "n_searches": 3,
        "p": 0.0171,
        "searched_alpha": 1.1613,
        "unseen_alpha": 0.8119,
        "optimism": 0.3917,
        "fading": 0.1531,
        "aging": 0.4119,
        "lost_halves": 0.1117,
        **changes,
    }
    names = {"p": "confidence", "searched_p": "searched_confidence", "unseen_p": "unseen_confidence"}
    complements = {name: None if figures[p] is None else 1.0 - figures[p] for p, name in names.items()}  # type: ignore[operator]
    return Significance.model_validate(figures | complements)


def _runners_up() -> tuple[Scored, ...]:
    return (
        scored(rsi(11, 33, 77), (1.0939, 3.7931, -0.2917), (0.8371, 0.2209, -0.1129), 121),
        scored(rsi(12, 33, 78), (1.0117, 3.2819, -0.3019), (0.6113, 0.1517, -0.1313), 96),
        scored(rsi(11, 34, 76), (0.9973, 3.2107, -0.3113), (-0.0037, -0.0019, -0.1719), 178),
        scored(rsi(13, 31, 78), (0.9619, 2.9713, -0.3217), (None, 0.0, 0.0), 55),
    )


def _walk_forward(sharpe: float) -> WalkForward:
    starts = [date(2003 + i, 10, 24) for i in range(4)]
    folds = tuple(
        Fold(
            train_start=starts[0],
            train_end=start + timedelta(days=1461),
            test_start=start + timedelta(days=1465),
            test_end=start + timedelta(days=1830),
            params=rsi(10 + i, 30 + i, 70 + 2 * i),
            in_sample=1.3137 - 0.1113 * i,
            out_of_sample=sharpe + 0.5119 - 0.3317 * i,
        )
        for i, start in enumerate(starts)
    )
    dates = tuple(folds[0].test_start + timedelta(days=i) for i in range(60))
    returns = tuple(0.001 * math.sin(i) for i in range(60))
    return WalkForward(folds=folds, stitched=measures(sharpe, 0.3119, -0.2513, 19), returns=returns, dates=dates)


def _curve() -> Curve:
    n = WINDOW.n_bars
    dates = tuple(WINDOW.start + timedelta(days=round(i * 365.25 / 252)) for i in range(n))
    winner = tuple(math.exp(0.00067 * i + 0.11 * math.sin(i / 90)) for i in range(n))
    buy_and_hold = tuple(math.exp(0.0011 * i + 0.35 * math.sin(i / 260)) for i in range(n))
    return Curve(dates=dates, winner=winner, buy_and_hold=buy_and_hold)


def _surface() -> Surface:
    xs, ys = tuple(range(10, 31)), tuple(range(65, 81))
    rows = tuple(
        tuple(None if x > 28 and y > 78 else 1.1 - ((x - 12) / 11) ** 2 - ((y - 77) / 16) ** 2 for x in xs) for y in ys
    )
    return Surface(x="period", y="overbought", x_values=xs, y_values=ys, values=rows)


def _scatter() -> tuple[tuple[float, float], ...]:
    inside = tuple(0.5 + 0.59 * math.sin(i * 1.7) for i in range(199))
    outside = tuple(0.3 * value + 0.5 * math.cos(i * 2.3) for i, value in enumerate(inside))
    return (*zip(inside, outside, strict=True), (1.0943, 0.8377))


def strong() -> StudySummary:
    """Every check agrees."""
    winner = scored(rsi(11, 33, 78), (1.6411, 6.1317, -0.1913), (1.4119, 0.3917, -0.0717), 143)
    return summary(
        winner=winner,
        optimum=1.6411,
        top=(winner, *_runners_up()),
        verdict=Verdict.STRONG,
        suggestion=Suggestion.ADOPT,
        luck=Luck(
            n_tried=200,
            n_tried_ever=200,
            expected_max_sharpe=0.6113,
            deflated_sharpe_ratio=0.99973,
            market_sharpe=0.1739,
            skill=0.9987,
            pbo=0.0417,
            n_blocks=16,
        ),
        tries=Tries(),
        significance=significance(searched_p=0.0013, unseen_p=0.0041, n_searches=1, p=0.00007, lost_halves=0.0031),
        expected=Expected(sharpe=1.2613, low=0.7411, high=1.7819),
        sharpe_interval=Interval(low=0.5119, high=2.3313),
        walk_forward=_walk_forward(1.1317),
    )


def unproven() -> StudySummary:
    """What the best of 200 on noise looks like."""
    winner = scored(rsi(28, 22, 66), (0.6113, 1.0317, -0.3917), (0.1119, 0.0113, -0.2317), 77)
    return summary(
        winner=winner,
        top=(winner, *_runners_up()[3:]),
        verdict=Verdict.UNPROVEN,
        suggestion=Suggestion.DROP,
        luck=Luck(
            n_tried=200,
            n_tried_ever=200,
            expected_max_sharpe=0.8519,
            deflated_sharpe_ratio=0.4713,
            market_sharpe=0.1419,
            skill=0.3117,
            pbo=0.5119,
            n_blocks=16,
        ),
        tries=Tries(),
        significance=significance(searched_p=0.6883, unseen_p=0.5119, n_searches=1, p=0.7213, lost_halves=0.5817),
        expected=Expected(sharpe=0.1917, low=-0.3313, high=0.7119),
        stress=Stress(sharpe=0.5311, doubled_costs=0.4217, late=0.3119, without_best=-0.0713, break_even_bps=44.2),
        plateau=Plateau(n_neighbours=5, share=0.2, neighbours=(), centre=_runners_up()[1]),
        sharpe_interval=Interval(low=-0.9719, high=1.1813),
        walk_forward=_walk_forward(-0.2119),
        notes=("edge_of_range", "more_bars_would_tell"),
    )


def overfit() -> StudySummary:
    """Shines on the searched bars and loses after them."""
    winner = scored(rsi(29, 21, 79), (1.3127, 4.1713, -0.2119), (-0.4137, -0.1319, -0.2713), 199)
    return summary(
        winner=winner,
        top=(winner, *_runners_up()),
        verdict=Verdict.OVERFIT,
        suggestion=Suggestion.DROP,
        luck=Luck(
            n_tried=200,
            n_tried_ever=200,
            expected_max_sharpe=1.2131,
            deflated_sharpe_ratio=0.6117,
            market_sharpe=0.2819,
            skill=0.5719,
            pbo=0.7119,
            n_blocks=16,
        ),
        tries=Tries(),
        significance=significance(
            searched_p=0.4281, unseen_p=0.7713, n_searches=1, p=0.6917, fading=1.3117, lost_halves=0.6613
        ),
        plateau=Plateau(n_neighbours=4, share=0.0, neighbours=(), centre=None),
        sharpe_interval=Interval(low=-1.6113, high=0.8719),
        walk_forward=_walk_forward(-0.6319),
    )


def failed_unseen() -> StudySummary:
    """Earned on the searched bars and lost a little after them, the default parameters did not."""
    winner = scored(rsi(16, 27, 74), (0.9713, 2.8317, -0.3119), (-0.1137, -0.0319, -0.1913), 61)
    return summary(
        winner=winner,
        top=(winner, *_runners_up()),
        verdict=Verdict.FAILED_UNSEEN,
        suggestion=Suggestion.RESEARCH,
        tries=Tries(n_sets=1043, n_searches=4, n_looks=3, n_research=3, n_people=2, since=date(2026, 11, 3)),
        sharpe_interval=Interval(low=-1.3113, high=1.0719),
        significance=significance(p=0.1113, fading=1.1713),
    )


def cap_unmet() -> StudySummary:
    """No set kept its drawdown below the cap."""
    nearest = scored(rsi(22, 25, 72), (0.8113, 1.9317, -0.2731), (0.3137, 0.0519, -0.1213), 143)
    cap = Cap(goal="maxdd", is_upper=True, bound=0.25)
    return bare().model_copy(
        update={
            "degenerate": None,
            "unmet": Unmet(obstacle=Obstacle.CAP, cap=cap, nearest=nearest),
            "n_infeasible": 200,
        }
    )


def ruined() -> StudySummary:
    """Every set lost the whole account."""
    return bare().model_copy(
        update={"degenerate": None, "unmet": Unmet(obstacle=Obstacle.RUIN), "n_infeasible": 200, "n_ruined": 200}
    )


def bare() -> StudySummary:
    """Nothing held out, no folds, no figure that needs them: all that may be missing is missing."""
    winner = scored(rsi(14, 30, 70), (None, 0.0, 0.0), None, 0)
    winner = winner.model_copy(update={"in_sample": Measures()})
    return summary(
        window=WINDOW.model_copy(update={"holdout_start": None, "n_holdout": 0}),
        winner=winner,
        default=winner,
        buy_and_hold=HOLD.model_copy(update={"out_of_sample": None}),
        top=(winner,),
        verdict=Verdict.UNPROVEN,
        suggestion=Suggestion.DROP,
        luck=Luck(
            n_tried=1, n_tried_ever=1, expected_max_sharpe=None, deflated_sharpe_ratio=None, pbo=None, n_blocks=0
        ),
        tries=Tries(),
        significance=None,
        expected=None,
        stress=None,
        plateau=Plateau(n_neighbours=0, share=None, neighbours=(), centre=None),
        walk_forward=None,
        sharpe_interval=None,
        drawdown_interval=None,
        bootstrap_sharpes=(),
        degenerate=Degenerate.NEVER_TRADES,
        importance={},
        best_stretch=None,
        worst_stretch=None,
        surface=None,
        scatter=(),
        notes=("nothing_feasible",),
    )


def shared() -> StudySummary:
    """One set for three symbols: the figures are the portfolio's, the values medians."""
    own = {
        "AAPL": scored(rsi(11, 33, 78), (1.1871, 2.9317, -0.3129), (-0.3771, -0.0519, -0.1873)),
        "IBM": scored(rsi(11, 33, 78), (0.6089, 0.8719, -0.2871), (0.3143, 0.0471, -0.0917)),
        "MSFT": scored(rsi(11, 33, 78), (0.1167, 0.1131, -0.4219), (0.7119, 0.1173, -0.0831)),
    }
    held = {
        "AAPL": scored({}, (0.9413, 9.1173, -0.6087), (0.4067, 0.1031, -0.2719)),
        "IBM": scored({}, (0.4171, 0.7219, -0.5127), (0.7741, 0.1519, -0.1137)),
        "MSFT": scored({}, (0.2871, 0.4171, -0.6819), (0.5007, 0.0919, -0.1931)),
    }
    plain = summary()
    winner = plain.winner.model_copy(update={"value": 0.6089})
    others = [one.model_copy(update={"value": 0.6089 - rank / 70}) for rank, one in enumerate(plain.top[1:], 1)]
    return summary(
        verdict=Verdict.PROMISING,
        suggestion=Suggestion.WATCH,
        winner=winner,
        top=(winner, *others),
        default=plain.default.model_copy(update={"value": 0.1834}),
        buy_and_hold=plain.buy_and_hold.model_copy(update={"value": 0.5833}),
        shared=Shared(
            by_symbol=tuple(OfSymbol(symbol=name, winner=own[name], buy_and_hold=held[name]) for name in own),
            winner=scored(rsi(11, 33, 78), (0.6089, 0.8719, -0.3129), (0.3143, 0.0471, -0.0917)),
            buy_and_hold=scored({}, (0.4171, 0.7219, -0.6087), (0.5007, 0.1031, -0.1931)),
            n_gaining=2,
        ),
    )


def two_goals() -> StudySummary:
    """A study for the Sharpe ratio and the drawdown: five of eleven sets, the knee among them."""
    plain = summary()
    drawdowns = ((-0.2917, -0.1129), (-0.2513, -0.1217), (-0.1871, -0.0913), (-0.1713, -0.1319), (-0.1519, None))
    sharpes = ((1.0943, 0.8377), (1.0311, 0.4129), (0.9317, 0.7113), (0.7129, -0.1113), (0.5917, None))
    sets = tuple(
        ParetoSet(
            number=number,
            params=rsi(11 + place, 33 - place, 78 - 2 * place),
            in_sample={"sharpe": sharpes[place][0], "maxdd": drawdowns[place][0]},
            out_of_sample={"sharpe": sharpes[place][1], "maxdd": drawdowns[place][1]},
        )
        for place, number in enumerate((143, 121, 88, 57, 31))
    )
    return plain.model_copy(update={"pareto": Pareto(sets=sets, n_sets=11, n_feasible=183, knee=88)})


def split_by_regime() -> StudySummary:
    """A strong result whose split by regime is worth no more than one by shifted labels."""
    params: Params = {**rsi(11, 33, 78), "stop": 6, "oversold_stress": 23, "stop_stress": 11}
    winner = scored(params, (1.7119, 6.3317, -0.1813), (1.4317, 0.3971, -0.0713), 143)
    plain: Params = {**rsi(11, 33, 78), "stop": 7}
    evidence = SplitEvidence(
        names=("oversold", "stop"),
        plain_params=plain,
        plain_value=1.6113,
        split_value=1.7237,
        gain=0.1124,
        placebo_gain=0.0913,
        placebo_gains=(0.0317, 0.0913, 0.1519),
        placebo_p=0.375,
        plain_sharpe=1.3919,
        split_sharpe=1.4317,
        n_unseen=1353,
        difference=0.0119,
        probability=0.6113,
    )
    changes = {"winner": winner, "top": (winner, *_runners_up()), "split": evidence}
    return strong().model_copy(update={**changes, "verdict": Verdict.UNPROVEN, "suggestion": Suggestion.RESEARCH})


SUMMARIES = {
    "strong": strong(),
    "promising": summary(optimum=1.1391),
    "unproven": unproven(),
    "overfit": overfit(),
    "failed_unseen": failed_unseen(),
    "cap_unmet": cap_unmet(),
    "ruined": ruined(),
    "bare": bare(),
    "disguise": summary(
        degenerate=Degenerate.HOLD_IN_DISGUISE, verdict=Verdict.UNPROVEN, suggestion=Suggestion.DROP, is_exhaustive=True
    ),
    "shared": shared(),
    "forecast": summary(forecasts=(forecast(), forecast(ForecastOf.HOLD)), n_unseen=512),
    "no_forecast": summary(no_forecast=NoForecast.TOO_FEW_UNSEEN, n_unseen=84),
    "split": split_by_regime(),
    "two_goals": two_goals(),
    "folds_only": summary(
        window=WINDOW.model_copy(update={"holdout_start": None, "n_holdout": 0}),
        winner=summary().winner.model_copy(update={"out_of_sample": None}),
        buy_and_hold=HOLD.model_copy(update={"out_of_sample": None}),
        sharpe_interval=None,
        drawdown_interval=None,
        scatter=(),
    ),
}


def study(status: StudyState = StudyState.COMPLETE, **changes: object) -> StudyFacts:
    """A study of AAPL by RSI in a given state."""
    facts: dict[str, object] = {
        "study_name": "opt-7f3a",
        "spec": SPEC,
        "space_size": 5376,
        "status": status,
        "created_by": "U012AB3CD",
        "created_at": datetime(2026, 11, 22, 9, 30, tzinfo=UTC),
        "command": "/optimize AAPL RSI 200",
        "replay_command": "/optimize replay opt-7f3a",
        "resume_command": "/optimize resume opt-7f3a",
        "n_sets": 200,
        "trials_completed": 200,
        "best_value": 1.0943,
        "best_params": rsi(11, 33, 78),
        "elapsed": 2.137,
        "data_hash": "ab12cd34ef56" * 5 + "0123",
        "code_version": "0.1.0",
        "timings": Timings(start=0.113, sampler=0.417, backtest=0.231, storage=0.119, validation=0.713, total=2.137),
        "source": "sample",
        "n_bars": 2353,
        "first_bar": WINDOW.start,
        "last_bar": WINDOW.end,
    }
    return StudyFacts(**{**facts, **changes})  # type: ignore[arg-type]


def finished(name: str, /, **changes: object) -> StudyFacts:
    """A finished study with one of the summaries above."""
    whole = SUMMARIES[name]
    found: dict[str, object] = {
        "summary": whole,
        "best_value": whole.winner.value,
        "best_params": whole.winner.params,
    }
    if whole.shared is not None:
        symbols = [part.symbol for part in whole.shared.by_symbol]
        found |= {"spec": SPEC.shared_with(symbols), "command": "/optimize AAPL,IBM,MSFT RSI 200 mode=shared"}
    if whole.split is not None:
        found |= {"spec": SPEC.model_copy(update={"by_regime": whole.split.names})}
        found |= {"command": "/optimize AAPL RSI 200 by_regime=oversold,stop", "plain_command": "AAPL RSI 200 stop"}
    if whole.pareto is not None:
        found |= {"spec": SPEC.model_copy(update={"goals": tuple(whole.pareto.sets[0].in_sample)})}
        found |= {"command": "/optimize AAPL RSI 200 goal=sharpe,maxdd"}
    return study(StudyState.COMPLETE, **{**found, **changes})


def failed() -> StudyFacts:
    """A study that stopped at its 57th trial."""
    error = UnusableBars(symbol="AAPL", reason=Phrase("price_is", price=Phrase("close"), value=0), when="2008-03-03")
    failure = Failure(error=error, trial_number=57)
    return study(StudyState.FAILED, trials_completed=57, failure=failure)


def plan(**changes: object) -> Plan:
    """The plan of the same study."""
    facts: dict[str, object] = {
        "space": SPACE,
        "window": WINDOW,
        "n_sets": 200,
        "n_folds": 4,
        "is_exhaustive": False,
        "seconds": 2.7,
        "source": "sample",
    }
    return Plan(**{**facts, **changes})  # type: ignore[arg-type]


def trials(n: int = 200, *, n_goals: int = 1) -> list[TrialRecord]:
    """Trial records of a search that improves slowly, with a failed and an infeasible one."""
    found = [_trial(i) for i in range(n)]
    return found if n_goals == 1 else [_with_two_goals(trial) for trial in found]


def _with_two_goals(trial: TrialRecord) -> TrialRecord:
    """The same trial with a drawdown as its second goal; the better the one, mostly, the worse the other."""
    if trial.value is None:
        return trial
    depth = 0.12 + 0.2 * max(trial.value, 0.0) ** 2 + 0.1 * abs(math.sin(trial.number * 2.9))
    return trial.model_copy(update={"values": (trial.value, -depth), "max_drawdown": -depth})


def packed(trials: Sequence[TrialRecord]) -> bytes:
    """Trial records as MongoDB sends them."""
    stored_at = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
    return b"".join(bson.encode(trial_document("opt-7f3a", trial, stored_at)) for trial in trials)


def _trial(number: int) -> TrialRecord:
    params = rsi(10 + number % 21, 20 + number % 16, 65 + number % 15)
    if number == 7:
        return TrialRecord(number=number, params=params, value=None, state="fail", reason="equity is not finite")
    value = 0.2 + 0.8 * (1 - math.exp(-number / 60)) + 0.3 * math.sin(number * 1.3)
    violation = 1.0 if number == 9 else 0.0
    return TrialRecord(
        number=number,
        params=params,
        value=value,
        violation=violation,
        reason="2 closed trades, 3 are needed" if violation else "",
        sharpe_ratio=value,
        total_return=value * 2.1,
        max_drawdown=-0.31,
        n_trades=30 + number % 9,
        started_at=datetime(2026, 11, 22, 9, 30, tzinfo=UTC),
        duration=0.00011,
    )


def in_market(name: str, regime: StudyRegime) -> StudyFacts:
    """A finished study whose window had these kinds of markets."""
    return finished(name, summary=SUMMARIES[name].model_copy(update={"regime": regime}))
