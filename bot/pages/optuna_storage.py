"""Studies as Optuna sees them, for optuna-dashboard to read: rebuilt from the documents when first opened.

A study's number is made from its name, so that an address of the dashboard means the same study after a restart.
Few studies are in memory at a time; the least recently read is dropped. The memory is everyone's, so each request
notes which of it its visitor may see, and finds nothing else.
"""

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Container, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn

from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.study._frozen import FrozenStudy
from optuna.trial import FrozenTrial, TrialState

from bot.pages.dashboard_numbers import name_of, number_of
from bot.pages.errors import ReadOnly
from optimizer.domain.metrics import GOALS
from optimizer.domain.space import Space
from optimizer.domain.study_request import StudySpec
from optimizer.domain.study_results import TrialRecord
from optimizer.errors import UserError
from optimizer.lazy import LazyModule
from optimizer.storage.documents import OptimizationStudy
from optimizer.storage.study_queries import Query
from optimizer.strategies.registry import space_of
from optimizer.studies.service import OptimizationService

if TYPE_CHECKING:
    from optimizer.search import loop
else:
    # It imports numba.
    loop = LazyModule("optimizer.search.loop")

#: Most studies in memory, and in the list of the dashboard's first page.
LOADED, LISTED = 12, 50
#: Most trials of a study, from the first; a whole grid can have many more.
MOST_TRIALS = 10_000
#: Size of the range of trial ids of one study.
_TRIALS_PER_STUDY = 1 << 20
#: Studies that the visitor of the request under way may see, by number.
_visible: ContextVar[frozenset[int]] = ContextVar("visible", default=frozenset())


@dataclass(frozen=True, kw_only=True)
class LoadedStudy:
    """One study in memory."""

    study: FrozenStudy
    trials: tuple[FrozenTrial, ...]
    is_finished: bool


class DashboardStorage(BaseStorage):
    """Optuna's storage for reading; every write raises ReadOnly."""

    def __init__(self, service: OptimizationService) -> None:
        self._service = service
        self._listed: dict[int, FrozenStudy] = {}
        self._loaded: OrderedDict[int, LoadedStudy] = OrderedDict()
        self._lock = threading.Lock()
        self._turn = asyncio.Lock()

    async def list_newest(self, among: Query) -> None:
        """Load the list of the dashboard's first page, of the studies of `among`."""
        studies = await self._service.list_studies(among=among, limit=LISTED)
        listed = {number_of(study.study_name): _frozen_study(study) for study in studies}
        self._listed = listed
        _visible.set(frozenset(listed))

    async def load(self, number: int, among: Query) -> bool:
        """Load a study of `among` with all trials stored by now; returns True when another was dropped for it.

        Raises UnknownStudy for a number that no such study has.
        """
        _visible.set(frozenset())
        study = await self._service.find(_study_word(number), among=among)
        _visible.set(frozenset({number}))
        async with self._turn:
            known = self._loaded.get(number)
            if known is None or not known.is_finished:
                loaded = await self._read_study(study, number)
                with self._lock:
                    self._loaded[number] = loaded
            with self._lock:
                self._loaded.move_to_end(number)
                is_full = len(self._loaded) > LOADED
                if is_full:
                    self._loaded.popitem(last=False)
        return is_full

    async def _read_study(self, study: OptimizationStudy, number: int) -> LoadedStudy:
        records = await self._service.get_trials(study.study_name)
        frozen = _frozen_study(study)
        # Off the event loop: ten thousand trials take most of a second.
        trials = await asyncio.to_thread(_frozen_trials, study.spec, records[:MOST_TRIALS], number)
        return LoadedStudy(study=frozen, trials=trials, is_finished=study.status.is_finished)

    def _get(self, number: int) -> LoadedStudy:
        if number not in _visible.get():
            raise KeyError(number)
        with self._lock:
            return self._loaded[number]

    def get_all_studies(self) -> list[FrozenStudy]:
        """Return the newest studies, and the loaded ones, that the visitor may see."""
        with self._lock:
            known = {number: loaded.study for number, loaded in self._loaded.items()}
        seen = _visible.get()
        return [study for number, study in (self._listed | known).items() if number in seen]

    def get_study_id_from_name(self, study_name: str) -> int:
        """Return the number of a study that is loaded or listed; KeyError."""
        numbers = {study.study_name: study._study_id for study in self.get_all_studies()}
        return numbers[study_name]

    def get_study_name_from_id(self, study_id: int) -> str:
        """Return the name of a loaded study; KeyError."""
        return self._get(study_id).study.study_name

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        """Return the directions of its goals."""
        return list(self._get(study_id).study.directions)

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        """Return the attributes that the dashboard shows beside it."""
        return dict(self._get(study_id).study.user_attrs)

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        """Return the names of its goals."""
        return dict(self._get(study_id).study.system_attrs)

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """Return one trial; KeyError."""
        number, at = divmod(trial_id, _TRIALS_PER_STUDY)
        trials = self._get(number).trials
        if at >= len(trials):
            raise KeyError(trial_id)
        return trials[at]

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """Return the trials by number. Never copied: nobody else uses them."""
        trials = self._get(study_id).trials
        return [trial for trial in trials if states is None or trial.state in states]

    def create_new_study(self, directions: Sequence[StudyDirection], study_name: str | None = None) -> NoReturn:
        """Raise ReadOnly."""
        raise ReadOnly

    def delete_study(self, study_id: int) -> NoReturn:
        """Raise ReadOnly."""
        raise ReadOnly

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> NoReturn:
        """Raise ReadOnly."""
        raise ReadOnly

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> NoReturn:
        """Raise ReadOnly."""
        raise ReadOnly

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> NoReturn:
        """Raise ReadOnly."""
        raise ReadOnly

    def set_trial_param(self, *_: Any, **__: Any) -> NoReturn:
        """Raise ReadOnly."""
        raise ReadOnly

    def set_trial_state_values(self, *_: Any, **__: Any) -> NoReturn:
        """Raise ReadOnly."""
        raise ReadOnly

    def set_trial_intermediate_value(self, *_: Any, **__: Any) -> NoReturn:
        """Raise ReadOnly."""
        raise ReadOnly

    def set_trial_user_attr(self, *_: Any, **__: Any) -> NoReturn:
        """Raise ReadOnly."""
        raise ReadOnly

    def set_trial_system_attr(self, *_: Any, **__: Any) -> NoReturn:
        """Raise ReadOnly."""
        raise ReadOnly


def _study_word(number: int) -> str:
    try:
        return name_of(number)
    except KeyError:
        return str(number)


def _frozen_study(study: OptimizationStudy) -> FrozenStudy:
    goals = study.spec.goals
    shown = {"symbol": study.spec.label, "strategy": study.strategy_name, "state": str(study.status)}
    if study.summary is not None:
        shown["verdict"] = str(study.summary.verdict)
    return FrozenStudy(
        study_name=f"{study.study_name} {study.spec.label} {study.strategy_name.upper()}",
        direction=None,
        directions=[StudyDirection[GOALS[goal].direction.upper()] for goal in goals],
        user_attrs=shown,
        system_attrs={"study:metric_names": list(goals)},
        study_id=number_of(study.study_name),
    )


def _frozen_trials(spec: StudySpec, records: Sequence[TrialRecord], study: int) -> tuple[FrozenTrial, ...]:
    try:
        space = space_of(spec)
    except UserError:  # a person's own strategy that is not loaded any more
        return ()
    return tuple(
        _frozen_trial(record, space, spec, study * _TRIALS_PER_STUDY + at) for at, record in enumerate(records)
    )


def _frozen_trial(record: TrialRecord, space: Space, spec: StudySpec, trial_id: int) -> FrozenTrial:
    trial: FrozenTrial = loop.as_frozen_trial(record, space, spec.goals)
    if record.value is None and record.violation > 0:
        # The sampler learns the worst value there is; who looks at plots is better served by none.
        trial.state, trial.values = TrialState.PRUNED, None
    trial.number, trial._trial_id = record.number, trial_id
    trial.user_attrs = {
        name: getattr(record, name)
        for name in ("sharpe_ratio", "total_return", "max_drawdown", "n_trades", "reason")
        if getattr(record, name) not in (None, "")
    }
    if record.started_at is not None:
        trial.datetime_start = _local(record.started_at)
        trial.datetime_complete = datetime.fromtimestamp(record.started_at.timestamp() + record.duration)
    return trial


def _local(moment: datetime) -> datetime:
    """Convert to naive local time, as everywhere in Optuna."""
    return moment.astimezone().replace(tzinfo=None)
