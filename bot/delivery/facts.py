"""Facts of a study for messages, built from the stored documents."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.documents.conversations import Conversation
from bot.grammar.formatting import PREFIX, command_text
from bot.runtime.pacing import NOTHING_AHEAD, AheadInChannel
from optimizer.domain.study_results import StudyState
from optimizer.errors import SomethingBroke, error_of
from optimizer.storage.documents import OptimizationStudy
from optimizer.strategies.regimes.splitting import without_split
from optimizer.strategies.rules.parameters import MOST_FREE, named_rule
from optimizer.strategies.rules.reading import parse_rule
from optimizer.studies.service import Plan as StudyPlan
from optimizer.validation.window import window_facts
from reports.facts import Failure, Plan, RuleFacts, StudyFacts
from reports.languages import Language
from reports.text.rule_words import said_rule

#: Below this many seconds or trials an estimate of the rest would only be noise.
_LEAST_SECONDS = 1.0
_LEAST_TRIALS = 10
#: A result that its channel's queue makes later than this, in seconds, is announced as late.
LATE_SECONDS = 2.0


def study_facts(
    study: OptimizationStudy,
    *,
    now: datetime,
    command: str = "",
    conversation: Conversation | None = None,
    queue_position: int | None = None,
    engine: tuple[int, int] | None = None,
    public_url: str = "",
    prefix: str = PREFIX,
) -> StudyFacts:
    """Collect what a message may show of a study at `now`; `engine` is how far it is loaded."""
    return StudyFacts(
        study_name=study.study_name,
        spec=study.spec,
        space_size=study.space_size,
        status=study.status,
        created_by=study.created_by,
        created_at=study.created_at,
        # A search that began with a champion's set is repeated by its replay, not by what was typed.
        command="" if study.first else command or (conversation.command if conversation else ""),
        plain_command=_plain_command(study),
        name=study.name,
        replay_command=f"{prefix} replay {study.study_name}",
        resume_command=f"{prefix} resume {study.study_name}",
        page_url=public_url and f"{public_url}/studies/{study.study_name}",
        n_sets=study.n_trials,
        trials_completed=study.trials_completed,
        best_value=study.best_value,
        best_params=study.best_params,
        seconds_left=_seconds_left(study, _elapsed(study, now)),
        elapsed=_elapsed(study, now),
        queue_position=queue_position,
        engine=engine,
        is_validating=study.status is StudyState.RUNNING and study.trials_completed >= study.n_trials,
        training=study.training if study.status is StudyState.RUNNING else None,
        summary=study.summary,
        failure=failure_of(study.failure, study.trials_completed) if study.failure else None,
        acted_by=conversation.acted_by if conversation else "",
        acted_at=conversation.acted_at if conversation else None,
        data_hash=study.data_hash,
        findings=tuple(study.data_notes),
        code_version=study.code_version,
        timings=study.timings,
        source=study.source,
        n_bars=study.n_bars,
        first_bar=study.window.start_date,
        last_bar=study.window.end_date,
        universe=study.universe,
    )


def _plain_command(study: OptimizationStudy) -> str:
    """Return what starts a study without its split, a rule being confirmed already; empty where it has no split."""
    if study.first or not study.spec.by_regime:
        return ""
    return command_text(without_split(study.spec), prefix="") + (" yes" if study.spec.rule else "")


def failure_of(document: Mapping[str, Any], trial_number: int) -> Failure:
    """Return why a study stopped: an error a person can act on, or the log's reference."""
    error = error_of(document)
    if isinstance(error, SomethingBroke):
        return Failure(reference=str(error.facts["reference"]), trial_number=trial_number)
    return Failure(error=error, trial_number=trial_number)


def plan_facts(plan: StudyPlan, *, n_ahead: int = 0, ahead: AheadInChannel = NOTHING_AHEAD) -> Plan:
    """Return the plan of a study, for the acknowledgement and for `dry`; `ahead` is what its channel gets first."""
    is_late = ahead.seconds > plan.seconds + LATE_SECONDS
    return Plan(
        space=plan.space,
        window=window_facts(plan.rows, plan.bars),
        n_sets=plan.n_trials,
        n_folds=plan.spec.folds,
        is_exhaustive=plan.is_exhaustive,
        seconds=plan.seconds,
        n_ahead=n_ahead,
        n_messages=ahead.n_messages if is_late else 0,
        queue_seconds=ahead.seconds if is_late else 0.0,
        source=plan.source,
        findings=plan.data_notes,
        universe=plan.universe,
        own_code=plan.own_code,
        regimes=plan.regimes,
    )


def rule_facts(plan: StudyPlan, *, language: Language, n_studies: int, tried: tuple[int, int]) -> RuleFacts:
    """Return a rule as it was understood; `tried` are numbers of rules and of sets on the same bars before."""
    assert plan.spec.rule is not None, "the plan is of a rule"
    named = named_rule(parse_rule(plan.spec.rule.text))
    own = {parameter.name for parameter in named.parameters}
    free = [one for one in plan.space.parameters if one.name in own and len(one.values) > 1]
    return RuleFacts(
        spec=plan.spec,
        plan=plan_facts(plan),
        text=said_rule(plan.spec.rule, language),
        n_free=len(free),
        most_free=MOST_FREE,
        unordered=named.unordered,
        n_studies=n_studies,
        n_rules=tried[0],
        n_sets=tried[1],
    )


def _elapsed(study: OptimizationStudy, now: datetime) -> float:
    if study.started_at is None:
        return 0.0
    return ((study.completed_at or now) - study.started_at).total_seconds()


def _seconds_left(study: OptimizationStudy, elapsed: float) -> float | None:
    done = study.trials_completed
    if study.status is not StudyState.RUNNING or elapsed < _LEAST_SECONDS or done < _LEAST_TRIALS:
        return None
    return max(study.n_trials - done, 0) * elapsed / done
