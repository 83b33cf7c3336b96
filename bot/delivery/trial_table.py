"""Trials of a study as a table: one row per trial, one column per parameter or measure."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from optimizer.domain.study_results import TrialRecord

_MEASURES = ("value", "sharpe_ratio", "total_return", "max_drawdown", "n_trades", "violation", "state", "reason")

Table = Mapping[str, Sequence[Any]]


def trial_table(trials: Sequence[TrialRecord]) -> Table:
    """Return number, parameters and measures by column name; None where there is no value."""
    names = list(dict.fromkeys(name for trial in trials for name in trial.params))
    return {
        "number": [trial.number for trial in trials],
        **{name: [trial.params.get(name) for trial in trials] for name in names},
        **{measure: [getattr(trial, measure) for trial in trials] for measure in _MEASURES},
    }


def csv_text(table: Table) -> str:
    """Return a header and a line per row; numbers with all their digits, empty where there is none."""
    paper = io.StringIO(newline="")
    writer = csv.writer(paper)
    writer.writerow(table)
    writer.writerows(zip(*table.values(), strict=True))
    return paper.getvalue()
