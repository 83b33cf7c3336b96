"""Which sentences tell what a strategy learned: keys of macros in `findings.jinja`, with their facts."""

from collections.abc import Iterator, Mapping
from typing import Any

from optimizer.domain.results.learned_results import Doubt, Label, LearnedReport, SignalQuality

#: Features whose weight is told.
N_WEIGHTS = 3
#: Weights of policies that are told.
N_LIKINGS = 2
#: Sentence of each doubt.
_OF_DOUBT = {
    Doubt.SEEDS_DISAGREE: "policies_seeds_disagree",
    Doubt.TWIN_AS_GOOD: "policies_twin_as_good",
    Doubt.NULLS_AS_GOOD: "policies_noise_as_good",
    Doubt.COSTS_TURN_IT: "policies_costs_turn_it",
}


def learned_sentences(report: LearnedReport) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the key and the facts of each sentence, in reading order."""
    if report.kind == "rl":
        yield from _of_policies(report)
        return
    facts = {"report": report, "quality": report.quality}
    if report.quality is not None:
        yield f"learned_{report.quality.word}", facts
        if report.label is Label.BARRIER:
            yield "learned_asks_barrier", facts
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


def _of_policies(report: LearnedReport) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the key and the facts of each sentence, in reading order."""
    seeds, nulls = [seed for seed in report.seeds if seed is not None], report.nulls
    if not seeds:
        yield "policies_never_in", {"report": report}
        return
    facts: dict[str, Any] = {"report": report, "least": min(seeds), "most": max(seeds)}
    yield "policies_beside", facts
    if nulls is None:
        yield "policies_noise_not_asked", facts
    else:
        facts["n_as_good"] = round(nulls.p * (nulls.n + 1)) - 1
        yield "policies_beside_noise", facts
    for doubt in sorted(report.doubts, key=lambda doubt: doubt is not Doubt.NULLS_AS_GOOD):
        yield _OF_DOUBT[doubt], facts
    if report.weights:
        yield "policies_weights", {**facts, "weights": report.weights[:N_LIKINGS]}
    else:
        yield "policies_without_weights", facts
    if report.doubled_costs is not None and Doubt.COSTS_TURN_IT not in report.doubts:
        yield "policies_doubled_costs", facts
    yield "policies_tries", facts
