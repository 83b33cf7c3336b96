"""Which sentences tell what a strategy learned: keys of macros in `findings.jinja`, with their facts."""

from collections.abc import Iterator, Mapping
from typing import Any

from optimizer.domain.learned_results import LearnedReport, SignalQuality

#: Features whose weight is told.
N_WEIGHTS = 3


def learned_sentences(report: LearnedReport) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the key and the facts of each sentence, in reading order."""
    facts = {"report": report, "quality": report.quality}
    if report.quality is not None:
        yield f"learned_{report.quality.word}", facts
        yield from _beside_the_twin(report.quality, facts)
    elif report.horizon is not None:
        yield "learned_too_few_calls", facts
    if report.slope == 0.0:
        yield "learned_tells_base_rate", facts
    if report.weights and report.slope:
        yield "learned_weights", {**facts, "weights": report.weights[:N_WEIGHTS]}
    if report.is_one_sided:
        yield "learned_one_sided", facts
    if report.dropped:
        yield "learned_without_volume", facts
    yield "learned_walk", facts


def _beside_the_twin(quality: SignalQuality, facts: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Say that a simpler model does as well, where the trees do something."""
    if quality.skill and (quality.logistic_brier or 0.0) <= (quality.brier or 0.0):
        yield "learned_no_better_than_logistic", facts
