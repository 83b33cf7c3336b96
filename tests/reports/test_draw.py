"""Charts and report in a folder, and the page without a browser."""

import io
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from optimizer.domain.study_results import TrialRecord
from reports.charts.chart_list import expected
from reports.charts.draw import draw
from reports.charts.draw_request import DrawRequest, read_draw_request, write_draw_request
from reports.charts.gallery import pictures
from reports.facts import StudyFacts
from reports.render import LANGUAGES, Language, renderer_of
from reports.tables.report_tables import MAX_TRIALS, best_first, measure_columns, measure_rows
from tests.reports import facts, told

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything of one study."""
    where = tmp_path_factory.mktemp("drawn")
    draw(facts.finished("overfit"), facts.trials(), "en", where)
    return where


def test_all_charts_and_the_report_are_written(folder: Path) -> None:
    names = ["bootstrap.png", "equity.png", "folds.png", "heatmap.png", "history.png", "report.html", "scatter.png"]

    assert sorted(path.name for path in folder.iterdir()) == names


def test_the_report_is_one_file_that_asks_the_network_for_nothing(folder: Path) -> None:
    page = (folder / "report.html").read_text(encoding="utf-8")

    sources = re.findall(r'src="([^"]*)"', page)
    assert not re.search(r"https?:|//[a-z]|@import|url\(", re.sub(r'src="[^"]*"', "", page))
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert "default-src 'none'" in page
    assert page.count("<img ") == 6


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", facts.SUMMARIES)
def test_the_page_reads_like_sentences(name: str, language: Language) -> None:
    text = told.page_text(renderer_of(language).report(facts.finished(name), facts.trials(12), {"equity": b""}))

    assert not re.search(r"None|\bnan\b|Undefined|[{}*]", text)


def test_the_page_says_all_that_the_messages_say() -> None:
    study = facts.finished("promising")
    page = renderer_of("en").report(study, [], {})

    for finding in ("with zero in it", "a plateau", "Assumptions", "/optimize replay opt-7f3a", "ab12cd34ef56"):
        assert finding in page


def test_trials_stand_best_first_and_the_failed_last() -> None:
    ordered = best_first(facts.trials(20))

    assert [trial.number for trial in ordered[-2:]] == [9, 7]
    values = [trial.value for trial in ordered[:-2]]
    assert values == sorted(values, key=lambda value: -(value or 0))


def test_a_very_long_table_of_trials_is_cut_and_says_so() -> None:
    many = [TrialRecord(number=i, params={"period": i}, value=float(i)) for i in range(MAX_TRIALS + 5)]
    page = renderer_of("en").report(facts.finished("promising"), many, {})

    assert "The best 2,000 of 2,005 trials" in page
    assert page.count("<tr><td data-value=") == MAX_TRIALS


def test_measures_that_differ_are_shown_different() -> None:
    columns = measure_columns(facts.SUMMARIES["promising"])
    rows = {row.name: row.cells for row in measure_rows(columns)}

    assert len(columns) == 6
    assert rows["sharpe_ratio"] == ("1.09", "0.84", "0.41", "0.22", "0.93", "0.33")
    assert rows["n_trades"] == ("41", "7", "41", "7", "41", "7")


def test_a_study_without_a_holdout_has_three_columns() -> None:
    assert len(measure_columns(facts.SUMMARIES["bare"])) == 3


@pytest.mark.parametrize("study", [facts.finished("promising"), facts.failed()], ids=["finished", "failed"])
def test_an_order_is_read_as_it_was_written(study: StudyFacts, tmp_path: Path) -> None:
    write_draw_request(DrawRequest(facts=study, language="ko"), facts.packed(facts.trials(5)), tmp_path)

    request, trials = read_draw_request(tmp_path)
    assert str(request.facts.failure) == str(study.failure)
    assert replace(request.facts, failure=None) == replace(study, failure=None)
    assert trials == facts.trials(5)
    assert request.language == "ko"


def test_the_drawing_process_answers_in_json_and_ends_with_its_input(tmp_path: Path) -> None:
    write_draw_request(
        DrawRequest(facts=facts.finished("promising"), language="ko"), facts.packed(facts.trials(30)), tmp_path
    )
    question = json.dumps({"folder": str(tmp_path)}) + "\n"

    program = [sys.executable, "-m", "reports"]
    ended = subprocess.run(program, input=question, capture_output=True, text=True, check=True)
    answer = json.loads(ended.stdout)
    assert answer["for_thread"] == ["equity.png", "history.png"]
    assert answer["files"][-1] == "report.html"
    for name in answer["files"][:-1]:
        with Image.open(io.BytesIO((tmp_path / name).read_bytes())) as picture:
            picture.verify()
    assert '<html lang="ko">' in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["bare", "overfit"])
def test_the_charts_of_a_study_are_known_before_they_are_drawn(name: str) -> None:
    study = facts.finished(name)
    assert study.summary is not None

    assert expected(study.summary) == tuple(pictures(study, facts.trials()))
