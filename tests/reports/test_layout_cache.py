"""Compiled layouts are kept between starts, and nothing goes wrong where they cannot be."""

import os
import shutil
from pathlib import Path

import pytest

from reports import layout_cache
from reports.layout_cache import KeptLayouts, kept_layouts
from reports.render import LANGUAGES, Language, Renderer


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's cache of this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def folder(home: Path) -> Path:
    return home / "optimize-bot" / "layouts"


def said(language: Language) -> str:
    """All strategies, worded by a new renderer."""
    return str(Renderer(language).strategies())


def ages(home: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder(home).iterdir()}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_layout_is_compiled_once(home: Path, language: Language) -> None:
    first = said(language)
    kept = ages(home)

    assert said(language) == first
    assert kept
    assert ages(home) == kept


def test_each_language_keeps_its_own(home: Path) -> None:
    assert said("en") != said("ko")
    assert {name.partition("-")[0] for name in ages(home)} == {"en", "ko"}


def test_other_code_is_compiled_anew(home: Path, tmp_path: Path) -> None:
    before, code = layout_cache._digest(tmp_path), tmp_path / "text" / "filters.py"
    code.parent.mkdir()
    code.write_text("FILTERS = {}")
    layout_cache._digest.cache_clear()

    assert layout_cache._digest(tmp_path) != before
    assert KeptLayouts(home, "ko").get_source_checksum("one") != KeptLayouts(home, "ko").get_source_checksum("another")


@pytest.mark.parametrize("n_bytes", [0, 1, 30, 60, 200])
def test_half_a_file_is_made_anew(home: Path, n_bytes: int) -> None:
    first = said("en")
    whole = {path: path.read_bytes() for path in folder(home).iterdir()}
    for path, code in whole.items():
        path.write_bytes(code[:n_bytes])

    assert said("en") == first
    assert {path: path.read_bytes() for path in folder(home).iterdir()} == whole


def test_a_cache_that_cannot_be_kept_stops_nobody(home: Path) -> None:
    (home / "optimize-bot").write_text("a file where a folder should be")

    assert kept_layouts("en") is None
    assert "RSI" in said("en")


def test_a_folder_that_vanished_stops_nobody(home: Path) -> None:
    renderer = Renderer("en")
    shutil.rmtree(folder(home))

    assert "RSI" in str(renderer.strategies())


def test_a_folder_that_others_may_write_to_is_not_read(home: Path) -> None:
    said("en")
    os.chmod(folder(home), 0o777)

    assert kept_layouts("en") is None


def test_it_is_made_for_its_user_alone(home: Path) -> None:
    said("en")

    assert folder(home).stat().st_mode & 0o777 == 0o700
