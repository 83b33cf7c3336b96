"""The JSON document of a finished study."""

import json

import pytest

from optimizer.domain.study_results import StudyState
from reports.json_document import json_document
from tests.reports import facts


def written(name: str) -> dict[str, object]:
    """The document as a program reads it back."""
    found = json.loads(json.dumps(json_document(facts.finished(name), facts.trials(20)), allow_nan=False))
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("name", facts.SUMMARIES)
def test_every_study_is_strict_json_with_the_same_keys(name: str) -> None:
    assert set(written(name)) == set(written("promising"))


def test_it_names_the_study_and_all_that_decides_it() -> None:
    study = written("promising")["study"]

    assert isinstance(study, dict)
    assert {key: study[key] for key in ("name", "symbol", "strategy", "n_trials", "seed", "code_version")} == {
        "name": "opt-7f3a",
        "symbol": "AAPL",
        "strategy": "rsi",
        "n_trials": 200,
        "seed": 7,
        "code_version": "0.1.0",
    }
    assert study["window"]["holdout_start"] == "2011-10-04"
    assert study["data_hash"].startswith("ab12cd34")
    assert study["timings"]["total"] == 2.137


def test_numbers_are_exact() -> None:
    document = json_document(facts.finished("promising"), [])
    summary = facts.SUMMARIES["promising"]

    assert document["best"]["number"] == 143
    assert document["best"]["params"] == summary.winner.params
    assert document["best"]["value"] == summary.winner.value
    assert document["best"]["measures"]["sharpe_ratio"] == summary.winner.in_sample.sharpe_ratio
    assert document["default"]["measures"]["max_drawdown"] == summary.default.in_sample.max_drawdown
    assert document["buy_and_hold"]["measures"]["total_return"] == summary.buy_and_hold.in_sample.total_return
    assert document["deflated_sharpe_ratio"] == summary.luck.deflated_sharpe_ratio
    assert document["n_tried_ever"] == 1243
    assert document["intervals"]["sharpe_ratio"] == {"low": -0.2137, "high": 1.8319}
    assert document["out_of_sample"]["buy_and_hold"]["sharpe_ratio"] == 0.3311
    assert len(document["walk_forward"]["folds"]) == 4
    assert document["walk_forward"]["stitched"]["sharpe_ratio"] == 0.4739


@pytest.mark.parametrize(("name", "suggestion"), [("strong", "adopt"), ("overfit", "drop")])
def test_the_verdict_and_the_suggestion_are_words(name: str, suggestion: str) -> None:
    document = written(name)

    assert (document["verdict"], document["suggestion"]) == (name, suggestion)


def test_what_does_not_exist_is_null() -> None:
    document = written("bare")

    assert document["out_of_sample"] is None
    assert document["walk_forward"] is None
    assert document["pbo"] is None
    assert document["intervals"] == {"sharpe_ratio": None, "max_drawdown": None, "level": 0.9}


def test_every_trial_is_there_with_its_state() -> None:
    trials = json_document(facts.finished("promising"), facts.trials(20))["trials"]

    assert [trial["number"] for trial in trials] == list(range(20))
    assert trials[7]["state"] == "fail"
    assert trials[7]["value"] is None
    assert (trials[9]["is_feasible"], trials[8]["is_feasible"]) == (False, True)
    assert trials[8]["measures"]["n_trades"] == 38


def test_a_study_that_did_not_finish_has_no_verdict() -> None:
    document = json_document(facts.study(StudyState.FAILED), facts.trials(3))

    assert document["best"] is None
    assert "verdict" not in document
    assert document["study"]["status"] == "failed"
