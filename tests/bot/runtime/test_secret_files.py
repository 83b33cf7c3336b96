"""Secrets from files: NAME_FILE instead of NAME."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.runtime.secret_files import is_secret, setting_name
from bot.runtime.settings import Settings

SECRETS = [setting_name(field) for field in Settings.model_fields.values() if is_secret(field)]


def test_every_token_key_and_password_is_a_secret() -> None:
    assert {"MONGODB_URI", "SLACK_BOT_TOKEN", "OPTIMIZE_BOT_TOKEN_KEY", "OPTIMIZE_BOT_BROKER", "TIINGO_API_KEY"} <= set(
        SECRETS
    )
    assert len(SECRETS) == 15


@pytest.mark.parametrize("in_dotenv", [False, True], ids=["environment", "dotenv"])
def test_a_secret_is_read_from_the_file_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, in_dotenv: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "token").write_text("xoxb-1234567890\n")
    if in_dotenv:
        (tmp_path / ".env").write_text("SLACK_BOT_TOKEN_FILE=token\n")
    else:
        monkeypatch.setenv("SLACK_BOT_TOKEN_FILE", str(tmp_path / "token"))
    settings = Settings()

    assert settings.slack_bot_token is not None
    assert settings.slack_bot_token.get_secret_value() == "xoxb-1234567890"
    assert settings.secrets == {"SLACK_BOT_TOKEN": "xoxb-1234567890"}
    assert "xoxb" not in repr(settings)


@pytest.mark.parametrize(
    ("content", "other", "said"),
    [
        ("xoxb-1234567890", "xoxb-0987654321", "SLACK_BOT_TOKEN and SLACK_BOT_TOKEN_FILE are both set"),
        (None, "", "cannot be read: No such file"),
        (b"\xff\xfe", "", "is not text in UTF-8"),
        ("not-a-token-at-all", "", "it begins with xoxb-"),
    ],
)
def test_what_cannot_be_used_is_refused_without_showing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | bytes | None, other: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / "token").write_bytes(content if isinstance(content, bytes) else content.encode())
    monkeypatch.setenv("SLACK_BOT_TOKEN_FILE", "token")
    if other:
        monkeypatch.setenv("SLACK_BOT_TOKEN", other)

    with pytest.raises(ValidationError) as refused:
        Settings()
    words = str(refused.value.errors(include_input=False))
    assert said in words
    assert "1234567890" not in words
    assert "not-a-token" not in words


def test_an_empty_file_is_a_missing_token_but_no_missing_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").touch()
    monkeypatch.setenv("SLACK_BOT_TOKEN_FILE", "empty")
    monkeypatch.setenv("TIINGO_API_KEY_FILE", "")

    assert Settings().slack_bot_token is None
    assert Settings().tiingo_api_key is None
    monkeypatch.setenv("MONGODB_URI_FILE", "empty")
    with pytest.raises(ValidationError, match="set and empty"):
        Settings()
