"""Order of a study's trials."""

from collections.abc import Sequence

from optimizer.domain.study_results import TrialRecord


def best_record(records: Sequence[TrialRecord]) -> TrialRecord | None:
    """Feasible record with the greatest value; among equals the better in the second goal, then the earliest."""
    return min((record for record in records if record.is_feasible), key=_rank, default=None)


def ranked(records: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Feasible records, the greatest value of the first goal first: every goal is maximized."""
    return sorted((record for record in records if record.is_feasible), key=_rank)


def _rank(record: TrialRecord) -> tuple[float, float, int]:
    """Order by the first goal, then by the second one: a set that another beats in both goals never wins."""
    return -(record.value or 0.0), -record.values[1] if record.values else 0.0, record.number
