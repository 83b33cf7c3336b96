"""Optuna storage for one study in one process, without the copies that a shared one needs.

Optuna's `InMemoryStorage` protects many studies and threads: it copies a trial at every parameter and
deeply copies a finished one. A worker is the only owner of its study, and the values of a trial (numbers,
words, distributions) are immutable, so that copies here share them.
"""

from collections.abc import Container, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.study import Study, StudyDirection, create_study
from optuna.study._frozen import FrozenStudy
from optuna.trial import FrozenTrial, Trial, TrialState

from optimizer.search.samplers import SeededSampler

Direction = Literal["minimize", "maximize"] | StudyDirection
_STUDY_ID = 0


class LeanTrial(FrozenTrial):
    """Trial whose copies, also deep ones, share the values and own the dictionaries."""

    def __copy__(self) -> "LeanTrial":
        copied = object.__new__(LeanTrial)
        copied.__dict__.update(self.__dict__)
        return copied

    def __deepcopy__(self, memo: dict[int, Any]) -> "LeanTrial":
        copied = self.__copy__()
        for name in ("_params", "_distributions", "_user_attrs", "_system_attrs", "intermediate_values"):
            setattr(copied, name, dict(getattr(self, name)))
        return copied

    @classmethod
    def started(cls, number: int) -> "LeanTrial":
        """Build a running trial that begins now."""
        return cls(
            number=number,
            trial_id=number,
            state=TrialState.RUNNING,
            value=None,
            datetime_start=datetime.now(),  # naive local time, as everywhere in Optuna
            datetime_complete=None,
            params={},
            distributions={},
            user_attrs={},
            system_attrs={},
            intermediate_values={},
        )

    @classmethod
    def finished(
        cls,
        number: int,
        values: Sequence[float] | None,
        *,
        params: Mapping[str, Any],
        distributions: Mapping[str, BaseDistribution],
        violation: float,
    ) -> "LeanTrial":
        """Build a finished trial of a set in the space, unchecked; without values it failed."""
        trial = cls.started(number)
        trial.state = TrialState.FAIL if values is None else TrialState.COMPLETE
        trial._values = None if values is None else list(values)
        trial._params, trial._distributions = dict(params), dict(distributions)
        trial.datetime_complete = trial._datetime_start
        trial.set_constraint("feasible", violation)
        return trial

    @classmethod
    def of(cls, trial: FrozenTrial, number: int) -> "LeanTrial":
        """Copy a trial under a number of this study."""
        lean = cls.started(number)
        lean.__dict__.update(trial.__dict__)
        lean.number, lean._trial_id = number, number
        return lean.__deepcopy__({})


class SingleStudyStorage(BaseStorage):
    """Storage of exactly one study, where a trial's id is its number. Raises KeyError for any other id."""

    def __init__(self) -> None:
        self._name = ""
        self._directions: list[StudyDirection] = []
        self._user_attrs: dict[str, Any] = {}
        self._system_attrs: dict[str, Any] = {}
        self._trials: list[FrozenTrial] = []
        self._n_waiting = 0

    def create_new_study(self, directions: Sequence[StudyDirection], study_name: str | None = None) -> int:
        if self._directions:
            raise ValueError("this storage holds one study, and has it")
        self._directions, self._name = list(directions), study_name or "study"
        return _STUDY_ID

    def delete_study(self, study_id: int) -> None:
        self.__init__()  # type: ignore[misc]

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        self._user_attrs = {**self._user_attrs, key: value}

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        self._system_attrs = {**self._system_attrs, key: value}

    def get_study_id_from_name(self, study_name: str) -> int:
        if study_name != self._name:
            raise KeyError(study_name)
        return _STUDY_ID

    def get_study_name_from_id(self, study_id: int) -> str:
        return self._name

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        return self._directions

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        return self._user_attrs

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        return self._system_attrs

    def get_all_studies(self) -> list[FrozenStudy]:
        study = FrozenStudy(
            study_name=self._name,
            direction=None,
            directions=self._directions,
            user_attrs=dict(self._user_attrs),
            system_attrs=dict(self._system_attrs),
            study_id=_STUDY_ID,
        )
        return [study] if self._directions else []

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        number = len(self._trials)
        trial = LeanTrial.of(template_trial, number) if template_trial else LeanTrial.started(number)
        self._n_waiting += trial.state is TrialState.WAITING
        self._trials.append(trial)
        return number

    def append(self, trial: LeanTrial) -> None:
        """Append a finished trial unchecked; its number is the next one."""
        assert trial.number == len(self._trials), "trials come in order"
        self._trials.append(trial)

    def withdraw(self, trial_id: int) -> None:
        """Remove the last trial, which must still be running, as if it had never been asked for."""
        assert trial_id == len(self._trials) - 1, "only the last trial is withdrawn"
        self._running(trial_id)
        self._trials.pop()

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        trial = self._running(trial_id)
        trial.params[param_name] = distribution.to_external_repr(param_value_internal)
        trial.distributions[param_name] = distribution

    def get_trial_id_from_study_id_trial_number(self, study_id: int, trial_number: int) -> int:
        return self.get_trial(trial_number).number

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        """Replace the trial, so that references to it keep its former state."""
        before = self._running(trial_id)
        is_waiting = before.state is TrialState.WAITING
        if state is TrialState.RUNNING and not is_waiting:
            return False
        trial = LeanTrial.of(before, trial_id)
        trial.state = state
        if values is not None:
            trial.values = list(values)
        if state is TrialState.RUNNING:
            trial.datetime_start = datetime.now()
        elif state.is_finished():
            trial.datetime_complete = datetime.now()
        self._n_waiting -= is_waiting and state is not TrialState.WAITING
        self._trials[trial_id] = trial
        return True

    def set_trial_intermediate_value(self, trial_id: int, step: int, intermediate_value: float) -> None:
        self._running(trial_id).intermediate_values[step] = intermediate_value

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        self._running(trial_id).user_attrs[key] = value

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        self._running(trial_id).system_attrs[key] = value

    def get_trial(self, trial_id: int) -> FrozenTrial:
        if not 0 <= trial_id < len(self._trials):
            raise KeyError(f"no trial {trial_id}")
        return self._trials[trial_id]

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        if states == (TrialState.WAITING,) and not self._n_waiting:
            return []  # called before every trial
        trials = list(self._trials) if states is None else [t for t in self._trials if t.state in states]
        return [LeanTrial.of(t, t.number) for t in trials] if deepcopy else trials

    def _running(self, trial_id: int) -> FrozenTrial:
        trial = self.get_trial(trial_id)
        self.check_trial_is_updatable(trial_id, trial.state)
        return trial


def fast_study(directions: Sequence[Direction], sampler: SeededSampler | None = None) -> Study:
    """Create an Optuna study on this storage."""
    return create_study(storage=SingleStudyStorage(), directions=directions, sampler=sampler)


def add_finished(study: Study, trial: LeanTrial) -> None:
    """Add a finished trial to a study of `fast_study`, without the checks and copies of `Study.add_trial`."""
    storage = study._storage
    assert isinstance(storage, SingleStudyStorage)
    storage.append(trial)


def withdraw(study: Study, trial: Trial) -> None:
    """Take back the trial that a study of `fast_study` gave last: a proposal that is not used leaves no trace."""
    storage = study._storage
    assert isinstance(storage, SingleStudyStorage)
    storage.withdraw(trial._trial_id)
