"""Which sentences tell what policies found by reward learned: keys of macros in `findings.jinja`, with their facts."""

from collections.abc import Iterator, Mapping
from typing import Any

from optimizer.domain.learned_results import Doubt, LearnedReport

#: Weights that are told.
N_WEIGHTS = 2
#: Sentence of each doubt.
_OF_DOUBT = {
    Doubt.SEEDS_DISAGREE: "policies_seeds_disagree",
    Doubt.TWIN_AS_GOOD: "policies_twin_as_good",
    Doubt.NULLS_AS_GOOD: "policies_noise_as_good",
    Doubt.COSTS_TURN_IT: "policies_costs_turn_it",
}


def policy_sentences(report: LearnedReport) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the key and the facts of each sentence, in reading order."""
    seeds, nulls = [seed for seed in report.seeds if seed is not None], report.nulls
    if not seeds or nulls is None:
        yield "policies_never_in", {"report": report}
        return
    n_as_good = round(nulls.p * (nulls.n + 1)) - 1
    facts = {"report": report, "least": min(seeds), "most": max(seeds), "n_as_good": n_as_good}
    yield "policies_beside", facts
    for doubt in report.doubts:
        yield _OF_DOUBT[doubt], facts
    if report.weights:
        yield "policies_weights", {**facts, "weights": report.weights[:N_WEIGHTS]}
    else:
        yield "policies_without_weights", facts
    if report.doubled_costs is not None and Doubt.COSTS_TURN_IT not in report.doubts:
        yield "policies_doubled_costs", facts
    yield "policies_tries", facts
