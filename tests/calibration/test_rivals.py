"""The table of other judges: made from kept answers, with our row from real studies; no judge needs to be installed."""

import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from optimizer.validation.evidence import Evidence
from tests.calibration.__main__ import write
from tests.calibration.rivals.__main__ import tasks_of
from tests.calibration.rivals.answers import OURS, Answer, Record, ask, read
from tests.calibration.rivals.dossiers import file_of, make, name_of
from tests.calibration.rivals.environments import NotInstalledError, python_for, reason_of
from tests.calibration.rivals.judges import JUDGES
from tests.calibration.rivals.table import rendered
from tests.calibration.studies import Task, outcome

GOOD = Evidence(in_sample=1.0, out_of_sample=1.0, walk_forward=1.0, confidence=1.0, lost_halves=0.0, low=0.5)
GUARD, AUDITOR = JUDGES[0], JUDGES[-1]


def answers() -> list[Answer]:
    """Two noises and an edge: ours calls the edge strong, the other judge one noise as well, and fails on one."""
    dull = Evidence(in_sample=0.2, out_of_sample=0.1, confidence=0.3)
    studies = {"walk, rsi, 0": dull, "walk, rsi, 1": dull, "planted 1.0, sma, 0": GOOD}
    ours = [Answer(study=name, judge=OURS, evidence=asdict(found)) for name, found in studies.items()]
    words = [{"word": GUARD.good[1]}, {"error": "ValueError: too short"}, {"word": GUARD.good[0]}]
    return [*ours, *(Answer(study=name, judge=GUARD.name, **word) for name, word in zip(studies, words, strict=True))]


def test_the_table_has_a_row_for_each_judge_and_reasons_for_the_absent() -> None:
    text = rendered(answers(), {AUDITOR.name: "it needs Python 3.12, which is not here"})

    assert text.startswith("3 studies. ")
    assert (
        "| judge | **noise** (2) | **edges** (1) | **dead edges** (0) | walk (2) | rising (0) | planted 1.0 (1)" in text
    )
    assert "| **this project** | 0 (0) | 100 (100) | – (–) | 0 (0) |" in text
    assert f"| {GUARD.name} (1 failed) | 0 (100) | 100 (100) | – (–) | 0 (100) |" in text
    assert f"| {AUDITOR.name} | not asked: it needs Python 3.12, which is not here |" in text
    assert f"at once: this project than {GUARD.name}" in text


def test_the_table_has_its_own_place_in_the_document(tmp_path: Path) -> None:
    document = tmp_path / "calibration.md"
    document.write_text("<!-- table -->\nours\n<!-- end of table -->\n<!-- rivals -->\nold\n<!-- end of rivals -->\n")

    write("new", document, name="rivals")

    assert document.read_text() == (
        "<!-- table -->\nours\n<!-- end of table -->\n<!-- rivals -->\n\nnew\n\n<!-- end of rivals -->\n"
    )


def test_the_studies_are_the_calibrations_own() -> None:
    tasks = tasks_of(2)

    assert len({name_of(task) for task in tasks}) == len(tasks) == 2 * (3 * 11 + 6 + 4 + 3 + 6)


@pytest.mark.slow
def test_our_row_is_the_verdict_on_the_study_that_the_judges_get(tmp_path: Path) -> None:
    task = Task(world="revert 1.9, dead", strategy_name="zscore", seed=11)

    name, evidence = make(task, tmp_path)

    with np.load(file_of(name, tmp_path)) as arrays:
        kept = dict(arrays)
    n_tries, n_bars = kept["tries"].shape
    searched = n_bars - int(kept["n_held_out"])
    assert evidence == outcome(task).evidence
    assert n_tries == kept["n_tries"] == 200
    assert kept["prices"].shape == (4, n_bars)
    assert all(kept[what].shape == (n_bars,) for what in ("time", "returns", "position", "market"))
    assert (np.abs(kept["tries"][:, :searched] - kept["returns"][:searched]).max(axis=1) < 1e-6).any()
    assert kept["returns"][:searched].mean() > 0 > kept["returns"][searched:].mean()
    assert "| **this project** | – (–) | – (–) | 0 (0) |" in rendered(
        [Answer(study=name, judge=OURS, evidence=evidence)], {}
    )


def test_answers_are_kept_line_by_line_and_failures_named(tmp_path: Path) -> None:
    study, kept = tmp_path / "walk, rsi, 0.npz", tmp_path / "answers.jsonl"
    np.savez(study, returns=np.zeros(3))
    kept.write_text('{"study": "walk, rsi, 1", "judge": "ours"}\n{"study": "walk, r')
    judges = [replace(GUARD, function=function, variant=function) for function in ("builtins:str", "builtins:int")]

    ask([(judge, Path(sys.executable), [study]) for judge in judges], Record(kept), 1)

    found = {answer.judge.partition(", ")[2]: answer for answer in read(kept)}
    assert found["builtins:str"].word == "{'returns': array([0., 0., 0.])}"
    assert (found["builtins:int"].error or "").startswith("TypeError")
    assert len(read(kept)) == 3


def test_a_judge_whose_python_is_missing_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotInstalledError, match=r"needs Python 3\.99"):
        python_for(replace(GUARD, python=((3, 99), (4, 0))), tmp_path)


def test_reasons_hold_no_addresses() -> None:
    complaint = (
        "WARNING: x\nERROR: No matching distribution for a==1 at https://one.example/simple or /home/me/wheels\n"
    )

    assert reason_of(complaint) == "No matching distribution for a==1 at … or …"
