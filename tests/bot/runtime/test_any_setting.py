"""Any setting with any value: a sentence, or a start. Never a traceback, and never a folder elsewhere."""

import asyncio
import os
import stat
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.access.roster import Roster
from bot.access.sign_in import SecretTooShort, SignIn
from bot.http_server import listen
from bot.runtime.processes import HomeUnusable, identity_of, lock_home
from bot.runtime.services import open_market
from bot.runtime.settings import Settings
from bot.runtime.slack_client import slack_client
from optimizer.clock import utc_now
from optimizer.errors import UserError
from optimizer.storage.mongo import open_documents
from tests.refused import refused

NAMES = sorted(field.validation_alias.choices[0] for field in Settings.model_fields.values())  # type: ignore[union-attr]
#: Odd values, for each setting one after the other.
ODD = (
    "", " ", "\t", "x", "\x00", "a\nb", "\x1b[31m", "\ud800", "☃", "-1", "1e999", "nan", ",", "*", "a b", "x" * 5000,
    "mongodb://", "mongodb://h:99999", "mongodb://u:p@ss@h/x y", "http://", "https://[", "[]", "{}", "true", "../..",
)  # fmt: skip
WRONG = (None, 3, 1.5, True, [], {}, b"x")


async def start(values: Settings) -> None:
    """Open what a start opens of these settings, and close it; what is about another machine is left out."""
    async with AsyncExitStack() as stack:
        stack.enter_context(lock_home(values.home, "serve"))
        identity_of(values.home)
        Roster.of(values)
        slack_client(values)
        SignIn.of(values.home, utc_now)
        stack.enter_context(open_market(values))
        await stack.enter_async_context(listen(FastAPI(), values))
        if values.mongodb_address is not None:
            await stack.enter_async_context(open_documents(values.mongodb_address, ()))


async def how_it_ends(home: Path, name: str, value: object) -> str:
    """The kind of sentence that a start with this setting ends with, empty where it starts; all else is raised."""
    facts = {"OPTIMIZE_BOT_HOME": home, "OPTIMIZE_BOT_PORT": 0, "OPTIMIZE_BOT_WORKERS": 1, name: value}
    try:
        await start(Settings.model_validate(facts))
    except (ValidationError, UserError) as error:
        return type(error).__name__
    return ""


@pytest.mark.parametrize("name", NAMES)
async def test_any_setting_gives_a_sentence_or_a_start(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    values = (*ODD, *WRONG)
    # Side by side, each with a home of its own: to stop listening takes a fifth of a second.
    ends = await asyncio.gather(*(how_it_ends(tmp_path / f"home{i}", name, value) for i, value in enumerate(values)))

    assert "ValidationError" in ends, dict(zip(map(repr, values), ends, strict=True))


@given(name=st.sampled_from(NAMES), value=st.text(max_size=40))
@settings(max_examples=150)
def test_any_text_gives_a_sentence_or_settings(name: str, value: str) -> None:
    try:
        made = Settings.model_validate({"OPTIMIZE_BOT_HOME": "/nowhere", name: value})
    except ValidationError as error:
        words = [fault["msg"] for fault in error.errors(include_input=False)]
    else:
        words = [made.web_address]
    assert all(words)


def test_a_short_secret_of_the_pages_is_refused(tmp_path: Path) -> None:
    SignIn.of(tmp_path, utc_now)
    for content in (b"", b" " * 10):
        (tmp_path / "pages.secret").write_bytes(content)
        with refused(SecretTooShort, match=r"pages.secret.*Delete it"):
            SignIn.of(tmp_path, utc_now)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"\n"])
def test_a_damaged_identity_is_made_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "identity").write_bytes(content)

    assert len(identity_of(tmp_path)) == len(identity_of(tmp_path)) == 16


def test_a_home_that_is_a_file_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("x")
    with refused(HomeUnusable, match="cannot be used"), lock_home(tmp_path / "home", "serve"):
        raise AssertionError("it is a file")


@pytest.mark.server
@pytest.mark.parametrize(
    ("content", "match"),
    [(b"OPTIMIZE_BOT_LANGUAGE=\xff\xfe", "not text in UTF-8"), (b"OPTIMIZE_BOT_HOME=a\x00b", "OPTIMIZE_BOT_HOME")],
)
def test_a_damaged_env_file_is_told_in_a_sentence(tmp_path: Path, content: bytes, match: str) -> None:
    (tmp_path / ".env").write_bytes(content)

    code, words = _typed(tmp_path, "help")

    assert code == 2
    assert match in words
    assert "Traceback" not in words


@pytest.mark.server
def test_an_address_of_mongodb_that_is_none_is_told_in_a_sentence(tmp_path: Path) -> None:
    code, words = _typed(tmp_path, "keys", "list", MONGODB_URI="mongodb://me:secret-1@h:x", OPTIMIZE_BOT_HOME="home")

    assert code == 1
    assert "MONGODB_URI is not an address" in words
    assert "secret-1" not in words
    assert "Traceback" not in words


def _typed(folder: Path, *words: str, **environment: str) -> tuple[int, str]:
    """Exit code and output of a command in a folder."""
    typed = subprocess.run(
        [sys.executable, "-m", "bot", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return typed.returncode, typed.stdout + typed.stderr


def test_what_others_could_read_in_a_home_that_was_there_before_is_closed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "snapshots").mkdir(parents=True, mode=0o755)
    for name in ("market.duckdb", "champions.json", "notes.txt"):
        (home / name).write_text("x")
        (home / name).chmod(0o644)
    home.chmod(0o755)

    with lock_home(home, "serve"):
        (home / "fresh").write_text("x")

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (home, *home.iterdir())}
    assert modes == {
        "home": 0o755, "snapshots": 0o700, "market.duckdb": 0o600, "champions.json": 0o600, "lock": 0o600,
        "notes.txt": 0o644, "fresh": 0o600,
    }  # fmt: skip
