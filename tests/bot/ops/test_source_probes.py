"""What doctor tells of the sources."""

from pathlib import Path

import pytest

from bot.ops.health_checks import HealthReport, Probe, probe_sources
from bot.runtime.settings import Settings
from reports.languages import Language
from reports.render import renderer_of

TABLES = '{"prices": {"at": "postgresql://me:sesame@db/prices", "table": "bars"}}'


def probes(home: Path, **more: str) -> dict[str, Probe]:
    settings = Settings.model_validate({"OPTIMIZE_BOT_HOME": home, **more})
    return {str(probe.name.facts["source"]): probe for probe in probe_sources(settings)}


def told(probe: Probe, language: Language = "en") -> str:
    renderer = renderer_of(language)
    words = [renderer.phrase(probe.name), renderer.phrase(probe.result)]
    return ": ".join(words) + (f" {renderer.phrase(probe.remedy)}" if probe.remedy else "")


def test_a_key_is_there_or_its_setting_is_named(tmp_path: Path) -> None:
    found = probes(tmp_path, TIINGO_API_KEY="sesame", POLYGON_API_KEY="")

    assert told(found["tiingo"]) == "Source tiingo: ready, its key is set"
    assert told(found["polygon"]) == "Source polygon: not in use: POLYGON_API_KEY not set"
    assert told(found["alpaca"]) == "Source alpaca: not in use: ALPACA_KEY_ID, ALPACA_SECRET_KEY not set"
    assert {probe.health for probe in found.values()} == {HealthReport.GOOD}


def test_a_source_that_the_settings_name_and_that_lacks_something_is_doubtful(tmp_path: Path) -> None:
    found = probes(tmp_path, OPTIMIZE_BOT_SOURCES="tiingo,file")

    assert found["tiingo"].health is HealthReport.WARNING
    assert told(found["tiingo"]).endswith("It is in OPTIMIZE_BOT_SOURCES: set it up (see docs/data.md), or remove it.")
    assert found["file"].health is HealthReport.GOOD


@pytest.mark.parametrize("language", ["en", "ko"])
def test_no_key_and_no_password_is_shown(tmp_path: Path, language: Language) -> None:
    keys = dict.fromkeys(("TIINGO_API_KEY", "ALPACA_KEY_ID", "ALPACA_SECRET_KEY", "STOOQ_API_KEY"), "sesame")
    found = probes(tmp_path, OPTIMIZE_BOT_TABLES=TABLES, **keys)

    assert "table:prices" in found
    assert "sesame" not in " ".join(told(probe, language) for probe in found.values())
