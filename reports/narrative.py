"""Which findings a finished study's report states, and in which order.

Pure rules over the stored summary: each returns the key of a sentence and the facts it needs. The
sentences are in `templates/<language>/findings.jinja`, one macro a key. Nothing claims more than the
verdict: under a weak one, what speaks against the result comes first, and what speaks for it is
followed by a word that it does not change the verdict.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from optimizer.domain.study_request import StudySpec
from optimizer.domain.study_results import Luck, Measures, Scored, StudySummary, Suggestion, Verdict
from optimizer.validation.verdict import (
    FEW_TRADES,
    OVERFIT_PBO,
    PROMISING_DSR,
    PROMISING_PBO,
    RESEARCH_DSR,
    SPIKE_SHARE,
    STRONG_DSR,
    STRONG_PBO,
    Note,
)

#: The share of neighbours that hold up from which the winner is said to stand on a plateau.
FLAT_SHARE = 0.75
#: The share of the spread above which one parameter alone is said to decide.
CLEAR_IMPORTANCE = 0.5

#: Findings that speak for a result.
FAVOURABLE = frozenset({"interval_above_zero", "beats_luck", "dsr_strong", "skill_strong", "pbo_low", "walk_held"})
_WEAK = frozenset({Verdict.UNPROVEN, Verdict.OVERFIT})

#: The chapter that tells a note, or None where a rule here tells the same from the figures.
NOTE_CHAPTERS: dict[Note, str | None] = {
    Note.NOTHING_FEASIBLE: "real",
    Note.FEW_TRADES: None,
    Note.NO_TRADES_OUT_OF_SAMPLE: None,
    Note.NO_HOLDOUT: None,
    Note.SHORT_HOLDOUT: "real",
    Note.ZERO_COSTS: None,
    Note.EXHAUSTIVE: None,
    Note.SHORT_WINDOW: "tried",
    Note.SHORT_WARM_UP: "tried",
    Note.FEWER_FOLDS: "real",
    Note.NO_FOLDS: None,
    Note.EMPTY_FOLD: "real",
    Note.NO_PBO: None,
    Note.SPIKE: None,
    Note.WINNER_IS_TEXTBOOK: None,
    Note.BENCHMARK_BETTER: None,
    Note.EDGE_OF_RANGE: "parameters",
    Note.MARKET_EXPLAINS_IT: None,
    Note.MORE_BARS_WOULD_TELL: "ahead",
    Note.FEWER_PARAMETERS_WOULD_TELL: "ahead",
}


@dataclass(frozen=True)
class Statement:
    """One sentence to say: the name of its macro and the facts it words."""

    key: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def x(self) -> SimpleNamespace:
        """The facts as a template reads them."""
        return SimpleNamespace(**self.facts)


@dataclass(frozen=True)
class Part:
    """What a shared set did on one of its symbols."""

    symbol: str
    measures: Measures


@dataclass(frozen=True)
class Chapter:
    """Findings under one heading."""

    key: str
    findings: tuple[Statement, ...]


def chapters(summary: StudySummary, spec: StudySpec) -> tuple[Chapter, ...]:
    """The whole story, in reading order; chapters without a finding are left out."""
    parts = {
        "real": real(summary),
        "won": won(summary),
        "money": money(summary),
        "parameters": parameters(summary),
        "tried": tried(summary, spec),
        "costs": costs(summary, spec),
        "ahead": ahead(summary),
    }
    told = (Chapter(key, (*findings, *noted(summary, key))) for key, findings in parts.items())
    return tuple(chapter for chapter in told if chapter.findings)


def reason(summary: StudySummary) -> Statement:
    """The one reason that the first line gives for the verdict: the first that applies, gravest first."""
    if summary.degenerate is not None:
        return Statement(f"because_{summary.degenerate.value}")
    return Statement(f"because_{_CHOOSERS[summary.verdict](summary)}", _reason_facts(summary))


def noted(summary: StudySummary, chapter: str) -> Iterator[Statement]:
    """What the data or the search forced and belongs into a chapter."""
    for note in summary.notes:
        if NOTE_CHAPTERS[Note(note)] == chapter:
            needed = note == Note.MORE_BARS_WOULD_TELL and summary.luck.n_bars_needed is not None
            key = "note_n_bars_would_tell" if needed else f"note_{note}"
            yield Statement(key, {"window": summary.window, "luck": summary.luck, "winner": summary.winner})


def outside(summary: StudySummary) -> Measures | None:
    """The measures out of sample that the verdict rests on: of the holdout, else of the stitched folds."""
    if summary.winner.out_of_sample is not None:
        return summary.winner.out_of_sample
    return summary.walk_forward.stitched if summary.walk_forward else None


def tried(summary: StudySummary, spec: StudySpec) -> Iterator[Statement]:
    """What was searched."""
    facts = {
        "n_tried": summary.luck.n_tried,
        "n_tried_ever": summary.luck.n_tried_ever,
        "space_size": summary.space_size,
    }
    yield Statement("tried_all" if summary.is_exhaustive else "tried_some", facts)
    best, optimum = summary.winner.value, summary.optimum
    if best is not None and optimum is not None:
        key = "optimum_found" if best >= optimum else "optimum_missed"
        yield Statement(key, {**facts, "goal": spec.goals[0], "best": best, "optimum": optimum})
    if summary.luck.n_tried_ever > summary.luck.n_tried:
        yield Statement("tried_before_shared" if summary.shared else "tried_before", facts)
    if summary.n_infeasible:
        yield Statement("infeasible", {"n": summary.n_infeasible})
    if summary.n_failed:
        yield Statement("failed", {"n": summary.n_failed})


def won(summary: StudySummary) -> Iterator[Statement]:
    """What won, and by how much against the default parameters and buy and hold."""
    yield Statement("won_is_default" if is_default(summary) else "won_searched", _versus(summary, "in_sample"))
    facts = _versus(summary, "out_of_sample")
    if facts["winner"] is not None:
        yield Statement(f"unseen_{_standing(facts['winner'], facts['buy_and_hold'])}", facts)
    yield from _shared(summary)
    few = summary.winner.in_sample.n_trades
    if 0 < few < FEW_TRADES:
        yield Statement("few_trades", {"n": few})


def _shared(summary: StudySummary) -> Iterator[Statement]:
    """On how many of its symbols a shared set gained, and on which the most and the least."""
    if summary.shared is None:
        return
    parts, is_outside = summary.shared.by_symbol, summary.winner.out_of_sample is not None
    played = [Part(part.symbol, part.winner.out_of_sample or part.winner.in_sample) for part in parts]
    ranked = sorted(played, key=lambda part: part.measures.total_return or 0.0)
    facts = {"n": len(parts), "n_gaining": summary.shared.n_gaining, "best": ranked[-1], "worst": ranked[0]}
    yield Statement("shared_spread_unseen" if is_outside else "shared_spread_searched", facts)


def real(summary: StudySummary) -> Iterator[Statement]:
    """Whether it is real, and why."""
    if summary.degenerate is not None:
        yield Statement(summary.degenerate.value, {"winner": summary.winner})
    found = [*_unseen(summary), *_luck(summary), *_walked(summary)]
    if summary.verdict in _WEAK:
        good = [finding for finding in found if finding.key in FAVOURABLE]
        found = [*(finding for finding in found if finding not in good), *good]
        found += [Statement("not_outweighed")] if good else []
    yield from found
    if summary.drawdown_interval is not None and summary.drawdown_interval.low is not None:
        yield Statement("drawdown_range", {"interval": summary.drawdown_interval})


def money(summary: StudySummary) -> Iterator[Statement]:
    """When it made and lost its money."""
    if summary.best_stretch is not None and (summary.best_stretch.total_return or 0) > 0:
        yield Statement("best_stretch", {"stretch": summary.best_stretch})
    if summary.worst_stretch is not None and (summary.worst_stretch.total_return or 0) < 0:
        yield Statement("worst_stretch", {"stretch": summary.worst_stretch})


def parameters(summary: StudySummary) -> Iterator[Statement]:
    """What the parameters mean and how sensitive the result is to them."""
    ranked = sorted(summary.importance.items(), key=lambda item: (-item[1], item[0]))
    if len(ranked) > 1:
        first, second = ranked[:2]
        key = "importance_one" if first[1] > CLEAR_IMPORTANCE else "importance_two"
        yield Statement(key, {"first": first, "second": second})
    yield from _plateau(summary)


def costs(summary: StudySummary, spec: StudySpec) -> Iterator[Statement]:
    """What trading it costs."""
    if spec.costs.per_side == 0:
        yield Statement("no_costs")
        return
    measures = summary.winner.in_sample
    if measures.annual_costs is not None:
        yield Statement("costs", {"costs": spec.costs, "measures": measures})


def ahead(summary: StudySummary) -> Iterator[Statement]:
    """What to do next, and where the data cannot tell, what would."""
    yield Statement(f"next_{summary.suggestion.value}", {"winner": summary.winner})


def holds_better(summary: StudySummary) -> bool:
    """Whether buy and hold had at least the winner's Sharpe ratio on unseen bars."""
    return (
        _standing(_sharpe(summary.winner, "out_of_sample"), _sharpe(summary.buy_and_hold, "out_of_sample"))
        == "below_hold"
    )


def advice(summary: StudySummary) -> str:
    """The key of the sentence that explains the suggestion: its own, or why a result is dropped."""
    if summary.suggestion is not Suggestion.DROP:
        return summary.suggestion.value
    if summary.verdict is Verdict.OVERFIT:
        return "overfit"
    return "hold" if holds_better(summary) else "nothing"


def is_default(summary: StudySummary) -> bool:
    """Whether the search found nothing better than the default parameters."""
    return summary.winner.params == summary.default.params


def is_spike(summary: StudySummary) -> bool:
    """Whether the winner's neighbours do much worse than it."""
    return summary.plateau.share is not None and summary.plateau.share < SPIKE_SHARE


def _unseen(summary: StudySummary) -> Iterator[Statement]:
    held, interval = summary.winner.out_of_sample, summary.sharpe_interval
    if held is None:
        yield Statement("no_holdout")
        return
    facts = {"outside": held, "inside": summary.winner.in_sample, "interval": interval, "window": summary.window}
    if held.sharpe_ratio is None:
        yield Statement("unseen_idle", facts)
    elif held.sharpe_ratio <= 0:
        yield Statement("unseen_lost", facts)
    if interval is not None and interval.low is not None and interval.high is not None:
        yield Statement(f"interval_{_side(interval.low, interval.high)}", facts)


def _luck(summary: StudySummary) -> Iterator[Statement]:
    luck, inside = summary.luck, summary.winner.in_sample.sharpe_ratio
    if luck.expected_max_sharpe is not None and inside is not None:
        key = "beats_luck" if inside > luck.expected_max_sharpe else "within_luck"
        yield Statement(key, {"luck": luck, "inside": inside})
    if luck.deflated_sharpe_ratio is not None:
        yield Statement(f"dsr_{_band(luck.deflated_sharpe_ratio)}", {"luck": luck})
    if luck.skill is not None and luck.market_sharpe is not None:
        yield Statement(f"skill_{_band(luck.skill)}", {"luck": luck})
    if luck.pbo is None:
        yield Statement("pbo_unknown")
    else:
        yield Statement(f"pbo_{_pbo_band(luck.pbo)}", {"luck": luck})


def _walked(summary: StudySummary) -> Iterator[Statement]:
    walk = summary.walk_forward
    if walk is None:
        yield Statement("no_walk_forward")
    elif walk.stitched.sharpe_ratio is not None:
        key = "walk_held" if walk.stitched.sharpe_ratio > 0 else "walk_lost"
        yield Statement(key, {"walk": walk, "n_folds": len(walk.folds)})


def _plateau(summary: StudySummary) -> Iterator[Statement]:
    plateau = summary.plateau
    if plateau.share is None:
        return
    yield Statement(_ground(plateau.share), {"plateau": plateau})
    if is_spike(summary) and plateau.centre is not None:
        yield Statement("centre", {"centre": plateau.centre, "winner": summary.winner})


def _ground(share: float) -> str:
    """The shape of the surface around the winner, from the share of neighbours that keep most of its value."""
    if share >= SPIKE_SHARE:
        return "plateau" if share >= FLAT_SHARE else "slope"
    return "spike" if share > 0 else "lone_spike"


def _versus(summary: StudySummary, part: str) -> dict[str, Any]:
    sharpes = {name: _sharpe(getattr(summary, name), part) for name in ("winner", "default", "buy_and_hold")}
    return {**sharpes, "measures": getattr(summary.winner, part), "hold_measures": getattr(summary.buy_and_hold, part)}


def _sharpe(scored: Scored, part: str) -> float | None:
    measures = getattr(scored, part)
    return None if measures is None else measures.sharpe_ratio


def _standing(winner: float | None, buy_and_hold: float | None) -> str:
    if winner is None or buy_and_hold is None:
        return "unknown"
    return "above_hold" if winner > buy_and_hold else "below_hold"


def _side(low: float, high: float) -> str:
    if low > 0:
        return "above_zero"
    return "below_zero" if high < 0 else "spans_zero"


def _band(value: float) -> str:
    bands = ((STRONG_DSR, "strong"), (PROMISING_DSR, "middling"), (RESEARCH_DSR, "open"))
    return next((name for least, name in bands if value >= least), "weak")


def _pbo_band(value: float) -> str:
    if value <= STRONG_PBO:
        return "low"
    if value <= PROMISING_PBO:
        return "middling"
    return "high" if value > OVERFIT_PBO else "even"


def _reason_facts(summary: StudySummary) -> dict[str, Any]:
    return {"luck": summary.luck, "winner": summary.winner, "interval": summary.sharpe_interval}


def _why_strong(summary: StudySummary) -> str:
    return "all_three"


def _why_promising(summary: StudySummary) -> str:
    luck = summary.luck
    if holds_better(summary):
        return "below_hold"
    if luck.skill is not None and luck.skill < STRONG_DSR:
        return "luck_not_excluded"
    return "ranking_shaky" if luck.pbo is not None and luck.pbo > STRONG_PBO else "not_strict"


def _why_unproven(summary: StudySummary) -> str:
    unseen, inside, luck = outside(summary), summary.winner.in_sample, summary.luck
    if inside.sharpe_ratio is None or inside.sharpe_ratio <= 0:
        return "nothing_worked"
    if unseen is None:
        return "unseen_missing"
    if unseen.sharpe_ratio is None:
        return "unseen_idle"
    if luck.skill is None or luck.skill < PROMISING_DSR:
        return _what_explains(luck)
    if luck.pbo is None or luck.pbo > PROMISING_PBO:
        return "ranking_noisy"
    return "not_enough"


def _what_explains(luck: Luck) -> str:
    """Of a result whose skill is in doubt: what else could have made it."""
    if (luck.deflated_sharpe_ratio or 0.0) >= PROMISING_DSR:
        return "market_explains"
    return "luck_open" if luck.skill is not None and luck.skill >= RESEARCH_DSR else "luck_explains"


def _why_overfit(summary: StudySummary) -> str:
    unseen = outside(summary)
    if unseen is not None and unseen.sharpe_ratio is not None and unseen.sharpe_ratio <= 0:
        return "lost_unseen"
    return "ranking_fails"


_CHOOSERS = {
    Verdict.STRONG: _why_strong,
    Verdict.PROMISING: _why_promising,
    Verdict.UNPROVEN: _why_unproven,
    Verdict.OVERFIT: _why_overfit,
}
