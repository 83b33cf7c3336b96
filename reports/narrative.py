"""The sentences of a finished study's report with their facts, in reading order.

What is true of the evidence is chosen by the table in `reports/sentences.py`; sentences that only describe the
search, the money and the costs are chosen here. Each is the key of a macro in `templates/<language>/findings.jinja`
with the facts it words.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from optimizer.domain.metrics import GOALS
from optimizer.domain.results.learned_results import Doubt
from optimizer.domain.study_request import StudySpec
from optimizer.domain.study_results import (
    MOST_BREAK_EVEN_BPS,
    Case,
    Measures,
    Scored,
    Stress,
    StudySummary,
    Suggestion,
    Verdict,
)
from optimizer.validation.evidence import evidence_of, seen
from optimizer.validation.verdict import FEW_TRADES, Judgement, Note, judge
from reports.sentences import NOTHING_WON, advice_key, chosen, reason_key
from reports.text.caps import cap_value
from reports.text.learned_words import learned_sentences

#: The share of the spread above which one parameter alone is said to decide.
CLEAR_IMPORTANCE = 0.5

#: The chapter that tells a note, or None where a rule here tells the same from the figures.
NOTE_CHAPTERS: dict[Note, str | None] = {
    Note.NOTHING_FEASIBLE: None,
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
    """The whole story, in reading order; chapters without a sentence are left out.

    Where nothing won, there is nothing to say about money, parameters and costs.
    """
    parts = {"real": real(summary), "learned": learned(summary), "won": won(summary)}
    if not nothing_won(summary):
        parts |= {"money": money(summary), "parameters": parameters(summary)}
    parts["tried"] = tried(summary, spec)
    if not nothing_won(summary):
        parts["costs"] = costs(summary, spec)
    parts["ahead"] = _chosen("ahead", summary)
    found = (Chapter(key, (*statements, *noted(summary, key))) for key, statements in parts.items())
    return tuple(chapter for chapter in found if chapter.findings)


#: What only the report tells, in figures or in its charts: a thread has room for the rest.
_REPORT_ONLY = frozenset(
    {"parts_both", "parts_searched", "optimum_found", "optimum_missed", "best_stretch", "worst_stretch"}
)


def story(summary: StudySummary, spec: StudySpec) -> tuple[Chapter, ...]:
    """The story as a thread tells it, which is shorter than the report's."""
    told = [
        Chapter(chapter.key, tuple(each for each in chapter.findings if not _is_for_report(each)))
        for chapter in chapters(summary, spec)
    ]
    return tuple(chapter for chapter in told if chapter.findings)


def _is_for_report(statement: Statement) -> bool:
    return statement.key in _REPORT_ONLY or statement.key.startswith("pbo_")


def judgement_of(summary: StudySummary) -> Judgement:
    """Judgement of a summary: the stored one, or today's of a study that was stored without its case."""
    if summary.case is None:
        return judge(evidence_of(summary))
    return Judgement(summary.case, summary.verdict, summary.suggestion)


def nothing_won(summary: StudySummary) -> bool:
    """True if no set qualified."""
    return judgement_of(summary).case in NOTHING_WON


def reason(summary: StudySummary) -> Statement:
    """Reason for the verdict, for the first line: a model that learned nothing is the reason of all that follows."""
    if _learned_nothing(summary):
        return Statement(f"because_{Case.BASE_RATE_AS_GOOD}", _facts(summary))
    return Statement(reason_key(judgement_of(summary)) + _side_of_cap(summary), _facts(summary))


def _learned_nothing(summary: StudySummary) -> bool:
    """True if a model that learned nothing is the reason why nothing is proven."""
    doubts = summary.learned.doubts if summary.learned else ()
    return Doubt.NO_BETTER_THAN_BASE in doubts and judgement_of(summary).verdict is Verdict.UNPROVEN


def _side_of_cap(summary: StudySummary) -> str:
    """Suffix of the sentence on an unmet cap: the side on which the nearest set misses it."""
    unmet = summary.unmet
    if not unmet or not unmet.cap or not unmet.nearest or cap_value(unmet.cap, unmet.nearest.in_sample) is None:
        return ""
    return "_above" if unmet.cap.is_upper else "_below"


def confidence(summary: StudySummary) -> Statement | None:
    """Confidence that it is more than luck and the market's rise; None where there is none."""
    return next(_chosen("luck", summary), None)


def ground(summary: StudySummary) -> Statement | None:
    """Shape of the values around the winner's parameters; None where it is not worth a word."""
    return next(_chosen("ground", summary), None)


def default_better(summary: StudySummary) -> Statement | None:
    """That the default parameters did better on the held-out bars; None otherwise."""
    return next(_chosen("default", summary), None)


def advice(summary: StudySummary) -> str:
    """Key of the sentence that explains the suggestion: wider ranges are no help to a model that learned nothing."""
    if _learned_nothing(summary) and nothing_won(summary):
        return "advice_nothing_learned"
    return advice_key(judgement_of(summary))


#: Notes about what would make a further search worth it.
_WOULD_TELL = frozenset({Note.MORE_BARS_WOULD_TELL, Note.FEWER_PARAMETERS_WOULD_TELL})


def noted(summary: StudySummary, chapter: str) -> Iterator[Statement]:
    """What the data or the search forced and belongs into a chapter."""
    leaves = judgement_of(summary).suggestion is Suggestion.DROP
    for note in summary.notes:
        # Whoever reads "leave it" first is not told afterwards what would help.
        if NOTE_CHAPTERS[Note(note)] == chapter and not (leaves and note in _WOULD_TELL):
            needed = note == Note.MORE_BARS_WOULD_TELL and summary.luck.n_bars_needed is not None
            yield Statement("note_n_bars_would_tell" if needed else f"note_{note}", _facts(summary))


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
    yield Statement(_tried_key(summary), facts)
    best, optimum = seen(summary.winner.value), seen(summary.optimum)
    if best is not None and optimum is not None and not nothing_won(summary):
        key = "optimum_found" if best >= optimum else "optimum_missed"
        yield Statement(key, {**facts, "goal": spec.goals[0], "best": best, "optimum": optimum})
    yield from _weighed(summary, spec)
    yield from _tried_before(summary, facts)
    if summary.n_ruined:
        yield Statement("ruined", {"n": summary.n_ruined})
    if others := summary.n_infeasible - (summary.n_ruined if summary.n_infeasible >= summary.n_ruined else 0):
        yield Statement(
            "infeasible_caps" if spec.caps else "infeasible_trades", {"n": others, "least": spec.min_trades}
        )
    if summary.n_failed:
        key = "failed_without_loss" if "profitfactor" in spec.goals else "failed"
        yield Statement(key, {"n": summary.n_failed})


#: Part of a Sharpe ratio that two ways to compute it may differ by.
_ROUNDING = 1e-9


def _weighed(summary: StudySummary, spec: StudySpec) -> Iterator[Statement]:
    """What a model's confidence in the winner's entries added to its plain Sharpe ratio, where it ranked the sets."""
    value, sharpe = summary.winner.value, summary.winner.in_sample.sharpe_ratio
    if GOALS[spec.goals[0]].weighs and value is not None and sharpe and not nothing_won(summary):
        added = (value - sharpe) / abs(sharpe)
        key = "weighed" if abs(added) > _ROUNDING else "weighed_by_nothing"
        yield Statement(key, {"value": value, "sharpe": sharpe, "added": added})


def _tried_before(summary: StudySummary, facts: Mapping[str, Any]) -> Iterator[Statement]:
    """What other studies tried on these bars; early studies counted those of their own strategy and window."""
    luck, tries = summary.luck, summary.tries
    if tries is None and luck.n_tried_ever > luck.n_tried:
        yield Statement("tried_before_shared" if summary.shared else "tried_before", facts)
    elif tries is not None and tries.since is not None:
        key = "searched_before" if tries.n_rules < 2 else "searched_before_by_rules"
        yield Statement(key, {**facts, "tries": tries})
        if tries.n_looks:
            yield Statement("looked_before", {"tries": tries})
    if tries is not None and tries.n_together > 1:
        yield Statement("searched_together", {"tries": tries})


def _tried_key(summary: StudySummary) -> str:
    if summary.luck.n_tried == 1:
        return "tried_one"
    return "tried_all" if summary.is_exhaustive else "tried_some"


def learned(summary: StudySummary) -> Iterator[Statement]:
    """What a strategy that learns found, and how good that is."""
    if summary.learned is not None:
        yield from (Statement(key, facts) for key, facts in learned_sentences(summary.learned))


def won(summary: StudySummary) -> Iterator[Statement]:
    """How the winner traded on unseen bars, and on which symbols of a shared set it gained."""
    measures = summary.winner.out_of_sample
    if measures is not None and measures.sharpe_ratio is not None and not nothing_won(summary) and not summary.shared:
        yield Statement("unseen_trades", {"measures": measures})
    yield from _shared(summary)


def few_trades(summary: StudySummary) -> bool:
    """True if the winner closed too few trades in the searched window to be much evidence."""
    measures = summary.winner.in_sample
    return measures.n_trades < FEW_TRADES and bool(measures.n_trades or measures.n_open)


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
    yield from _chosen("real", summary)
    if summary.drawdown_interval is not None and summary.drawdown_interval.low is not None and not nothing_won(summary):
        yield Statement("drawdown_range", _facts(summary))
    is_hopeful = judgement_of(summary).suggestion is not Suggestion.DROP
    if is_hopeful and summary.expected is not None and summary.expected.sharpe is not None:
        yield Statement("expected", _facts(summary))


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
    shape, centre = ground(summary), summary.plateau.centre
    if shape is not None and shape.key in ("spike", "lone_spike") and _gains(centre):
        yield Statement("centre", {"centre": centre})


def _stress_key(stress: Stress) -> str:
    if stress.break_even_bps is None:
        return "stress_without_gain"
    return "stress_beyond" if stress.break_even_bps >= MOST_BREAK_EVEN_BPS else "stress"


def costs(summary: StudySummary, spec: StudySpec) -> Iterator[Statement]:
    """What trading it costs, and what worse conditions leave of it."""
    if summary.stress is not None:
        yield Statement(_stress_key(summary.stress), {"stress": summary.stress})
    measures = summary.winner.in_sample
    if not spec.costs.are_none and measures.turnover is not None:
        # What that costs is in the first message, unless something more important is.
        key = "turnover_costs" if few_trades(summary) or default_better(summary) else "turnover"
        yield Statement(key, {"measures": measures})


def is_default(summary: StudySummary) -> bool:
    """True if the search found nothing better than the default parameters."""
    return summary.winner.params == summary.default.params


def _chosen(chapter: str, summary: StudySummary) -> Iterator[Statement]:
    facts = _facts(summary)
    for sentence in chosen(chapter, evidence_of(summary), judgement_of(summary)):
        yield Statement(sentence.key, facts)


def _facts(summary: StudySummary) -> dict[str, Any]:
    """Facts that any sentence about the evidence may word."""
    return {
        "summary": summary,
        "winner": summary.winner,
        "inside": summary.winner.in_sample,
        "outside": outside(summary),
        "interval": summary.sharpe_interval,
        "drawdowns": summary.drawdown_interval,
        "window": summary.window,
        "luck": summary.luck,
        "tries": summary.tries,
        "tests": summary.significance,
        "confidence": evidence_of(summary).confidence,
        "expected": summary.expected,
        "walk": summary.walk_forward,
        "plateau": summary.plateau,
        "unmet": summary.unmet,
    }


def _gains(scored: Scored | None) -> bool:
    return scored is not None and (scored.in_sample.total_return or 0.0) > 0
