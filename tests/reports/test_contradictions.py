"""No two sentences of one answer contradict each other, whatever the evidence.

Every point of a grid over both sides of every threshold is judged and worded. What a sentence claims is named in
`tests/reports/claims.py`; two of one answer must not claim opposed things.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest

from optimizer.domain.results.learned_results import Doubt
from optimizer.domain.study_results import Case, Degenerate, Obstacle, Verdict
from optimizer.validation.evidence import Evidence
from optimizer.validation.verdict import RETIRED, TREE, Judgement, judge
from reports.render import renderer_of
from reports.sentences import SENTENCES, advice_key, all_keys, reason_key
from tests.reports.claims import contradictions

pytestmark = pytest.mark.slow

N_POINTS = 50_000


def test_no_two_sentences_of_an_answer_contradict_each_other() -> None:
    faults = {}
    for found in points(N_POINTS):
        for pair in contradictions(tuple(all_keys(found, judge(found)))):
            faults.setdefault(pair, found)
    assert faults == {}


def test_the_walk_reaches_every_case_and_every_sentence() -> None:
    judgements = [(found, judge(found)) for found in points(20_000)]

    assert {judgement.case for _, judgement in judgements} == set(Case) - RETIRED
    keys = {key for found, judgement in judgements for key in all_keys(found, judgement)}
    assert {sentence.key for sentence in SENTENCES} <= keys


def test_a_contradiction_would_be_found() -> None:
    assert contradictions(("verdict_strong", "suggestion_drop")) == [("verdict_strong", "suggestion_drop")]
    assert contradictions(("because_luck_explains", "confidence_strong"))
    assert contradictions(("verdict_strong", "suggestion_adopt", "advice_adopt")) == []


def test_every_sentence_has_its_claims_and_its_words() -> None:
    keys = {reason_key(Judgement(rule.case, rule.verdict, rule.suggestion or rule.suggestion)) for rule in TREE}  # type: ignore[arg-type]
    named = {sentence.key for sentence in SENTENCES} | keys
    advices = {advice_key(judge(found)) for found in points(20_000)}
    for language in ("en", "ko"):
        words = renderer_of(language)._words("findings")
        assert [key for key in sorted(named) if not hasattr(words, key)] == []
        advice = renderer_of(language)._words("result")
        assert [key for key in sorted(advices) if not hasattr(advice, key)] == []


def test_overfit_is_said_only_of_what_was_fitted_and_lost() -> None:
    for found in points(20_000):
        if judge(found).verdict is Verdict.OVERFIT:
            assert found.n_tried > 1
            assert any(value is not None and value <= 0 for value in (found.unseen, found.walk_forward))


def test_a_doubt_about_what_was_learned_only_lowers_a_verdict() -> None:
    order = list(Verdict)
    for found in points(5_000):
        plain = judge(replace(found, doubts=()))
        for doubt in Doubt:
            judged = judge(replace(found, doubts=(doubt,)))
            assert order.index(judged.verdict) >= order.index(plain.verdict)
            assert judged.verdict not in (Verdict.STRONG, Verdict.PROMISING)


#: Both sides of every threshold, and no value where there may be none.
SIDES = {
    "obstacle": (*(None,) * 20, *Obstacle),
    "doubts": (*((),) * 20, *((doubt,) for doubt in Doubt)),
    "degenerate": (*(None,) * 20, *Degenerate),
    "n_tried": (1, 2, 200, 200, 200),
    "any_gained": (True, True, True, True, False),
    "in_sample": (None, -0.4, 0.0, 0.01, 0.6, 1.3, 2.4, 3.4),
    "out_of_sample": (None, -1.5, -0.01, 0.0, 0.01, 0.4, 1.2, 2.1),
    "walk_forward": (None, -0.6, 0.0, 0.01, 0.7, 1.4),
    "is_held_out": (True, True, True, False),
    "buy_and_hold": (None, -0.2, 0.39, 0.4, 0.41, 1.3),
    "default": (None, -0.2, 0.39, 0.4, 0.41, 1.3),
    "deflated": (None, 0.1, 0.49, 0.5, 0.79, 0.8, 1.0),
    "confidence": (None, 0.1, 0.79, 0.8, 0.96, 0.97, 0.98, 0.985, 0.99, 1.0),
    "searched": (None, 0.3, 0.99),
    "on_unseen": (None, 0.3, 0.99),
    "fading": (-1.0, 0.0, 0.99, 1.0, 1.79, 1.8, 3.0),
    "aging": (-1.0, 0.0, 0.0, 0.0, 2.59, 2.6),
    "lost_halves": (None, 0.0, 0.2, 0.21, 0.5, 0.51, 0.6, 0.61, 1.0),
    "pbo": (None, 0.0, 0.2, 0.21, 0.5, 0.51, 1.0),
    "low": (None, -1.2, -0.01, 0.0, 0.01, 0.6),
    "placebo_p": (None, None, None, 0.025, 0.05, 0.075, 1.0),
    "plateau_share": (None, 0.0, 0.2, 0.49, 0.5, 0.74, 0.75, 1.0),
    "n_research": (0, 3),
}  # fmt: skip


def points(n: int) -> Iterator[Evidence]:
    """Points drawn from the grid, and those around a good result that differ from it in two figures.

    Figures that cannot occur together are put right: the tests of significance come together or not at all, the
    interval contains its centre, and there is no figure of a holdout that does not exist.
    """
    good = Evidence(
        in_sample=1.3, out_of_sample=1.2, walk_forward=0.7, buy_and_hold=0.4, default=0.39, deflated=1.0,
        confidence=1.0, searched=0.99, on_unseen=0.99, lost_halves=0.0, pbo=0.0, low=0.01, high=2.4, plateau_share=0.5,
    )  # fmt: skip
    for one, other in combinations(SIDES, 2):
        for a, b in product(dict.fromkeys(SIDES[one]), dict.fromkeys(SIDES[other])):
            yield _possible({**vars(good), one: a, other: b})
    rng = np.random.default_rng(7)
    draws = {name: rng.integers(len(values), size=n) for name, values in SIDES.items()}
    for i in range(n):
        yield _possible({name: values[draws[name][i]] for name, values in SIDES.items()})


def _possible(figures: dict[str, object]) -> Evidence:
    if figures["searched"] is None or figures["confidence"] is None:
        figures["searched"] = figures["on_unseen"] = figures["lost_halves"] = None
        figures["fading"] = figures["aging"] = 0.0
    if figures["n_tried"] == 1:
        figures["pbo"] = None
    if not figures["is_held_out"]:
        figures["out_of_sample"] = None
        figures["fading"] = 0.0
    unseen = figures["out_of_sample"] if figures["is_held_out"] else figures["walk_forward"]
    low = figures["low"]
    if unseen is None or low is None:
        figures["low"] = figures["high"] = None
    else:
        figures["low"] = min(low, unseen)
        figures["high"] = max(2 * unseen - figures["low"], figures["low"])
    return Evidence(**figures)  # type: ignore[arg-type]
