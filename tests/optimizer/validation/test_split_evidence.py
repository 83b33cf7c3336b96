"""What a split by regime is worth: the placebo, the comparison, and what a verdict makes of them."""

from functools import cache

import numpy as np
import pytest

from optimizer.domain.bars import Bars
from optimizer.domain.results.regime_results import SplitEvidence, SplitWorth
from optimizer.domain.study_request import StudySpec
from optimizer.domain.study_results import StudySummary, Verdict
from optimizer.learned.regime_rows import STRESSED, is_one_of, labels_of
from optimizer.strategies.regimes.splitting import without_split
from optimizer.validation.evidence import evidence_of
from optimizer.validation.regimes.split_evidence import N_PLACEBOS
from optimizer.validation.verdict import MOST_PLACEBO, judge
from tests.calibration.worlds import Shocks, market
from tests.optimizer.learned.regime_worlds import bars_of
from tests.optimizer.validation.test_by_regime import summary_of

SPLIT = StudySpec(symbol="WALK", strategy_name="rsi", n_trials=60, folds=2, by_regime=("oversold",))


@cache
def walk() -> Bars:
    return market(Shocks.of(3, years=6))


@cache
def on_a_walk() -> StudySummary:
    return summary_of(SPLIT, walk())


def split_of(summary: StudySummary) -> SplitEvidence:
    assert summary.split is not None
    return summary.split


def test_a_split_is_set_beside_the_plain_search_and_shifted_labels() -> None:
    found = split_of(on_a_walk())
    assert len(found.placebo_gains) == N_PLACEBOS
    assert found.placebo_gains == tuple(sorted(found.placebo_gains))
    gains = np.array(found.placebo_gains)
    assert found.gain == pytest.approx((found.split_value or 0.0) - (found.plain_value or 0.0))
    assert found.placebo_p == pytest.approx((1 + (gains >= found.gain).sum()) / (1 + N_PLACEBOS))
    assert found.is_freedom == (found.placebo_p > MOST_PLACEBO)
    assert found.plain_params.keys() == {"period", "oversold", "overbought"}
    assert found.n_unseen > on_a_walk().window.n_holdout


def test_the_plain_set_is_that_of_the_plain_search_on_its_own() -> None:
    plain = summary_of(without_split(SPLIT), walk())
    assert plain.split is None
    assert evidence_of(plain).placebo_p is None
    assert split_of(on_a_walk()).plain_value == pytest.approx(plain.winner.value, abs=0.15)


def test_the_same_request_gives_the_same_evidence() -> None:
    assert summary_of(SPLIT, walk()).split == on_a_walk().split


def test_an_order_that_only_the_split_turned_on_is_part_of_the_plain_search() -> None:
    spec = SPLIT.model_copy(update={"by_regime": ("stop",)})
    assert without_split(spec).overlays == ("stop",)
    found = split_of(summary_of(spec, walk()))
    assert found.plain_params.keys() == {"period", "oversold", "overbought", "stop"}


def test_several_symbols_have_labels_of_their_own() -> None:
    other = market(Shocks.of(5, years=6))
    spec = SPLIT.model_copy(update={"partners": ("OTHER",), "n_trials": 30, "folds": 0})
    assert split_of(summary_of(spec, walk(), other)).placebo_p is not None


def test_two_goals_are_compared_by_the_first() -> None:
    spec = SPLIT.model_copy(update={"goals": ("sharpe", "maxdd"), "n_trials": 30})
    assert split_of(summary_of(spec, walk())).gain is not None


def test_a_split_that_trades_as_the_plain_set_cannot_be_told_from_it() -> None:
    calm = np.random.default_rng(2).normal(0.0004, 0.006, 1500)
    bars = bars_of(calm)
    assert is_one_of(labels_of(bars), STRESSED).sum() < 700
    found = split_of(summary_of(SPLIT.model_copy(update={"n_trials": 2}), bars))
    assert found.worth is SplitWorth.CANNOT_TELL


def test_a_failed_placebo_is_at_most_unproven_and_never_lifts_a_verdict() -> None:
    best = evidence_of(on_a_walk().model_copy(update={"split": None}))
    for p in (0.025, MOST_PLACEBO, 0.075, 1.0):
        summary = on_a_walk().model_copy(update={"split": split_of(on_a_walk()).model_copy(update={"placebo_p": p})})
        order = list(Verdict)
        judged, plain = judge(evidence_of(summary)), judge(best)
        assert order.index(judged.verdict) >= order.index(plain.verdict)
        if p <= MOST_PLACEBO:
            assert judged == plain
