"""Secrets show in no text that anything in the program makes of itself."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.runtime.settings import Settings
from optimizer.studies.worker_messages import Configure, decode_request, encode

SECRETS = {
    "SLACK_BOT_TOKEN": "xoxb-secret-1",
    "SLACK_APP_TOKEN": "xapp-secret-2",
    "SLACK_SIGNING_SECRET": "secret-3-of-sixteen",
    "MONGODB_URI": "mongodb://me:secret-4@localhost",
    "ALPHAVANTAGE_API_KEY": "secret-5",
    "ALPACA_KEY_ID": "secret-6",
    "ALPACA_SECRET_KEY": "secret-7",
    "POLYGON_API_KEY": "secret-8",
    "STOOQ_API_KEY": "secret-9",
    "TIINGO_API_KEY": "secret-10",
    "OPTIMIZE_BOT_TABLES": '{"prices": {"at": "postgresql://me:secret-11@db/prices", "table": "bars"}}',
}


def test_settings_show_no_secret(tmp_path: Path) -> None:
    settings = Settings.model_validate({"OPTIMIZE_BOT_HOME": tmp_path, **SECRETS})

    assert "secret-" not in repr(settings) + str(settings) + settings.model_dump_json()


def test_a_setting_that_is_refused_repeats_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate({"OPTIMIZE_BOT_HOME": tmp_path, "OPTIMIZE_BOT_WORKERS": "0", **SECRETS})

    assert "secret-" not in str(refused.value)


@pytest.mark.parametrize(
    "tables",
    [
        '{"prices": {"at": "postgresql://me:secret-1@db/prices"}}',
        '{"prices": {"at": "postgresql://me:secret-1@db/prices"',
        '{"Prices": {"at": "postgresql://me:secret-1@db/prices", "table": "bars"}}',
    ],
)
def test_a_table_that_is_refused_repeats_no_password(tmp_path: Path, tables: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate({"OPTIMIZE_BOT_HOME": tmp_path, "OPTIMIZE_BOT_TABLES": tables})

    told = [fault["msg"] for fault in refused.value.errors(include_input=False)]
    assert "OPTIMIZE_BOT_TABLES" in str(refused.value)
    assert "secret-" not in str(told)


def test_what_a_worker_is_told_shows_no_password(tmp_path: Path) -> None:
    config = Configure(mongodb_uri=SECRETS["MONGODB_URI"], snapshots=tmp_path)

    assert "secret-" not in repr(config)
    assert decode_request(encode(config)) == config
