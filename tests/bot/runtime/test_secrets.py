"""Secrets show in no text that anything in the program makes of itself."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.runtime.settings import Settings
from optimizer.studies.worker_messages import Configure, decode_request, encode

SECRETS = {
    "SLACK_BOT_TOKEN": "xoxb-secret-1",
    "SLACK_APP_TOKEN": "xapp-secret-2",
    "SLACK_SIGNING_SECRET": "secret-3",
    "MONGODB_URI": "mongodb://me:secret-4@localhost",
    "ALPHAVANTAGE_API_KEY": "secret-5",
}


def test_settings_show_no_secret(tmp_path: Path) -> None:
    settings = Settings.model_validate({"OPTIMIZE_BOT_HOME": tmp_path, **SECRETS})

    assert "secret-" not in repr(settings) + str(settings) + settings.model_dump_json()


def test_a_setting_that_is_refused_repeats_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate({"OPTIMIZE_BOT_HOME": tmp_path, "OPTIMIZE_BOT_WORKERS": "0", **SECRETS})

    assert "secret-" not in str(refused.value)


def test_what_a_worker_is_told_shows_no_password(tmp_path: Path) -> None:
    config = Configure(mongodb_uri=SECRETS["MONGODB_URI"], snapshots=tmp_path)

    assert "secret-" not in repr(config)
    assert decode_request(encode(config)) == config
