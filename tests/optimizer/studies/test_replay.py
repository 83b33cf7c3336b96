"""What a replay compares: everything of today's studies, and of earlier ones what they had and still means the same."""

from optimizer.domain.study_results import Luck, StudySummary, Tries, Verdict
from optimizer.studies.replay import first_difference
from tests.reports import facts

#: Parts that summaries had not before the verdict rested on the whole grid.
NEW = {"tries", "significance", "expected", "stress"}


def early(summary: StudySummary) -> StudySummary:
    """The same summary as an early version stored it."""
    return StudySummary.model_validate({name: part for name, part in summary.model_dump().items() if name not in NEW})


def test_equal_summaries_do_not_differ_and_a_changed_number_is_named() -> None:
    stored = facts.summary()
    changed = stored.model_copy(update={"luck": stored.luck.model_copy(update={"pbo": 0.3})})
    found = first_difference(stored, changed)

    assert first_difference(stored, stored) is None
    assert found is not None
    assert found.field == "luck.pbo"


def test_a_study_from_before_the_whole_grid_is_compared_in_what_did_not_come_from_the_path() -> None:
    other = facts.summary().luck.model_copy(update={"pbo": 0.9})
    fresh = facts.summary(luck=other, verdict=Verdict.UNPROVEN, walk_forward=None, tries=Tries())
    worse = fresh.model_copy(update={"winner": facts.TEXTBOOK})

    assert first_difference(early(facts.summary()), fresh) is None
    found = first_difference(early(facts.summary()), worse)
    assert found is not None
    assert found.field.startswith("winner.")


def test_a_probability_of_overfitting_that_ranked_rounding_is_not_compared() -> None:
    fresh = facts.summary()
    ranked = fresh.luck.model_dump(exclude={"counts_ties"}) | {"pbo": 0.9}
    stored = fresh.model_copy(update={"luck": Luck.model_validate(ranked)})
    other = fresh.model_copy(update={"luck": Luck.model_validate(ranked | {"n_tried": 3})})

    assert first_difference(stored, fresh) is None
    assert first_difference(other, fresh) is not None


def test_intervals_of_an_early_study_are_not_compared() -> None:
    fresh = facts.SUMMARIES["folds_only"]
    stored = early(fresh.model_copy(update={"bootstrap_sharpes": (0.1,)}))

    assert first_difference(stored, fresh) is None
    assert first_difference(fresh, stored) is not None


def test_last_digits_of_a_summary_are_rounding_and_those_of_a_trial_are_not() -> None:
    stored, trial = facts.summary(), facts.trials()[0]
    ratio = stored.luck.pbo
    assert ratio
    assert trial.value
    rounded = stored.model_copy(update={"luck": stored.luck.model_copy(update={"pbo": ratio * (1 + 1e-14)})})
    other = stored.model_copy(update={"luck": stored.luck.model_copy(update={"pbo": ratio * (1 + 1e-6)})})
    moved = trial.model_copy(update={"value": trial.value * (1 + 1e-14)})

    assert first_difference(stored, rounded) is None
    assert first_difference(stored, other) is not None
    assert first_difference([trial], [moved]) is not None
