"""A study's trials as a table: one row a trial, one column a parameter or a measure."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from optimizer.domain.study_results import TrialRecord

_MEASURES = ("value", "sharpe_ratio", "total_return", "max_drawdown", "n_trades", "violation", "state", "reason")

Table = Mapping[str, Sequence[Any]]


def trial_table(trials: Sequence[TrialRecord]) -> Table:
    """Number, parameters and measures by the name of their column; None where there is no value."""
    names = list(dict.fromkeys(name for trial in trials for name in trial.params))
    return {
        "number": [trial.number for trial in trials],
        **{name: [trial.params.get(name) for trial in trials] for name in names},
        **{measure: [getattr(trial, measure) for trial in trials] for measure in _MEASURES},
    }


def csv_text(table: Table) -> str:
    """A head and a line a row; numbers with all their digits, nothing where there is none."""
    paper = io.StringIO(newline="")
    writer = csv.writer(paper)
    writer.writerow(table)
    writer.writerows(zip(*table.values(), strict=True))
    return paper.getvalue()
