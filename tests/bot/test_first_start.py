"""Where prices come from: the one question of the first start, and its answer."""

import io
from pathlib import Path

import pytest

from bot.cli.first_start import with_sources
from bot.runtime.settings import Settings


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of somebody who set nothing but a directory."""
    monkeypatch.delenv("OPTIMIZE_BOT_SOURCES")
    monkeypatch.chdir(tmp_path)
    return Settings.model_validate({"OPTIMIZE_BOT_HOME": tmp_path / "home"})


@pytest.mark.parametrize(
    ("typed", "sources"),
    [
        ("\n", ("file", "yahoo", "sample")),
        ("1\n", ("file", "yahoo", "sample")),
        ("2\n", ("file", "sample")),
        ("binance, file\n", ("binance", "file")),
        ("yaho\nyahoo,file\n", ("yahoo", "file")),
        ("table:prices\n2\n", ("file", "sample")),  # no such table
        ("tiingo\n2\n", ("file", "sample")),  # its key is not set
        ("$(id)\n2\n", ("file", "sample")),
        ("!\n?\n#\n", ("file", "yahoo", "sample")),
        ("", ("file", "yahoo", "sample")),  # the terminal is closed
    ],
)
def test_the_answer_is_kept_and_nobody_is_asked_again(
    fresh: Settings, capsys: pytest.CaptureFixture[str], typed: str, sources: tuple[str, ...]
) -> None:
    first = with_sources(fresh, may_ask=True, typed=io.StringIO(typed))
    asked = capsys.readouterr().err
    again = with_sources(fresh, may_ask=True, typed=io.StringIO("binance\n"))

    assert first.sources == again.sources == sources
    assert "Where should prices come from?" in asked
    assert not capsys.readouterr().err


def test_nobody_is_asked_without_a_terminal(fresh: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert with_sources(fresh, may_ask=False).sources == ("file", "yahoo", "sample")
    assert not capsys.readouterr().err
    assert not fresh.home.exists()


def test_the_setting_goes_before_the_answer(fresh: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with_sources(fresh, may_ask=True, typed=io.StringIO("2\n"))
    monkeypatch.setenv("OPTIMIZE_BOT_SOURCES", "tiingo,file")
    settings = Settings.model_validate({"OPTIMIZE_BOT_HOME": fresh.home})

    assert with_sources(settings, may_ask=True).sources == ("tiingo", "file")


def test_it_is_asked_in_korean_too(fresh: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    with_sources(fresh.model_copy(update={"language": "ko"}), may_ask=True, typed=io.StringIO("\n"))

    assert "시세를 어디에서 가져올까요?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (
            "tiingo,file",
            "The source `tiingo` needs a key. Set TIINGO_API_KEY where the bot runs, or name another source.",
        ),
        ("yaho", "There is no data source called `yaho`. Did you mean `yahoo`?"),
    ],
)
def test_a_source_that_would_be_refused_at_each_start_is_refused_now(
    fresh: Settings, capsys: pytest.CaptureFixture[str], typed: str, said: str
) -> None:
    settings = with_sources(fresh, may_ask=True, typed=io.StringIO(f"{typed}\n2\n"))

    assert said.replace("`", "") in capsys.readouterr().err.replace("`", "")
    assert settings.sources == ("file", "sample")
