"""The lean storage does what Optuna's own memory does."""

import copy

import optuna
import pytest
from optuna.distributions import BaseDistribution, IntDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.samplers import NSGAIISampler, RandomSampler, TPESampler
from optuna.trial import TrialState, create_trial

from optimizer.search.single_study_storage import SingleStudyStorage, fast_study


@pytest.fixture(autouse=True)
def _quiet_optuna() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def play(study: optuna.Study, n: int = 40) -> list[tuple[object, ...]]:
    """Some trials of every end; what the study then knows of them."""
    study.enqueue_trial({"x": 0.5, "mode": "b", "k": 3})
    for number in range(n):
        trial = study.ask()
        x, k = trial.suggest_float("x", 0, 1), trial.suggest_int("k", 1, 9)
        mode = trial.suggest_categorical("mode", ("a", "b"))
        trial.set_user_attr("twice", 2 * k)
        trial.set_constraint("k", k - 7.0)
        if number % 7 == 3:
            study.tell(trial, state=TrialState.FAIL)
        elif number % 7 == 5:
            if len(study.directions) == 1:
                trial.report(x, 1)
            study.tell(trial, state=TrialState.PRUNED)
        else:
            study.tell(trial, [x + k - (mode == "b")] * len(study.directions))
    return [
        (t.number, t.state, t.values, t.params, t.distributions, t.user_attrs, t.constraints, t.intermediate_values)
        for t in study.trials
    ]


def test_a_study_knows_the_same_of_its_trials_as_in_optunas_memory() -> None:
    ours = fast_study(["minimize"])
    ours.sampler = TPESampler(seed=1)
    theirs = optuna.create_study(sampler=TPESampler(seed=1))

    assert play(ours) == play(theirs)
    assert ours.best_params == theirs.best_params
    assert ours.best_value == theirs.best_value
    assert len(ours.trials_dataframe()) == 40


def test_several_goals_find_the_same_front() -> None:
    ours = fast_study(["minimize", "maximize"])
    ours.sampler = NSGAIISampler(seed=1, population_size=8)
    theirs = optuna.create_study(directions=["minimize", "maximize"], sampler=NSGAIISampler(seed=1, population_size=8))

    assert play(ours) == play(theirs)
    assert [t.params for t in ours.best_trials] == [t.params for t in theirs.best_trials]


def test_a_trial_read_before_its_end_keeps_its_state() -> None:
    study = fast_study(["minimize"])
    trial = study.ask()
    before = study.get_trials(deepcopy=False)[0]
    study.tell(trial, 1.0)

    assert before.state is TrialState.RUNNING
    assert study.trials[0].state is TrialState.COMPLETE


def test_copies_of_a_trial_can_be_changed_without_changing_the_study() -> None:
    study = fast_study(["minimize"])
    study.sampler = RandomSampler(seed=1)
    play(study, 3)
    before = copy.deepcopy(study.trials[0].params)
    study.trials[0].params["x"] = 99
    study.trials[0].user_attrs["twice"] = None

    assert study.trials[0].params == before
    assert study.trials[0].user_attrs["twice"] is not None


def test_an_added_trial_belongs_to_the_study_alone() -> None:
    study = fast_study(["maximize"])
    distributions: dict[str, BaseDistribution] = {"k": IntDistribution(1, 9)}
    added = create_trial(params={"k": 3}, distributions=distributions, value=1.5)
    study.add_trial(added)
    added.params["k"] = 4

    assert (study.best_trial.number, study.best_params) == (0, {"k": 3})


def test_a_finished_trial_cannot_be_changed() -> None:
    study = fast_study(["minimize"])
    trial = study.ask()
    study.tell(trial, 1.0)

    with pytest.raises(UpdateFinishedTrialError):
        trial.set_user_attr("late", 1)


def test_a_storage_holds_one_study() -> None:
    storage = SingleStudyStorage()
    optuna.create_study(storage=storage, study_name="mine")

    assert optuna.load_study(storage=storage, study_name="mine").trials == []
    with pytest.raises(ValueError, match="one study"):
        optuna.create_study(storage=storage)
    with pytest.raises(KeyError):
        optuna.load_study(storage=storage, study_name="other")
    optuna.delete_study(storage=storage, study_name="mine")
    assert storage.get_all_studies() == []
