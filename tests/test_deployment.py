"""What companies install with: image, compose file, unit, example of settings; checked without Docker."""

import json
import re
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic.fields import FieldInfo

from bot.cli.command_line import _PROGRAM
from bot.runtime.secret_files import is_secret, setting_name
from bot.runtime.settings import Settings
from tests.dockerfile import DOCKERFILE, image_of, steps

ROOT = DOCKERFILE.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
STEPS = steps(DOCKERFILE.read_text())
UNIT = ROOT / "docs" / "optimize-bot.service"
FIELDS: dict[str, FieldInfo] = {setting_name(field): field for field in Settings.model_fields.values()}
#: Variables of the programs beside the bot.
FOREIGN = {"MONGO_INITDB_ROOT_USERNAME", "MONGO_INITDB_ROOT_PASSWORD_FILE"}
#: What a service of a compose file may say, of the keys that the specification names.
SERVICE_KEYS = {
    "build", "image", "command", "env_file", "environment", "secrets", "restart", "stop_grace_period", "cap_drop",
    "security_opt", "depends_on", "ports", "volumes", "profiles", "healthcheck", "deploy",
}  # fmt: skip


def test_image_runs_as_a_user_of_its_own_who_compiled_the_engine() -> None:
    words = [word for word, _ in STEPS]
    user = words.index("USER")
    warm = STEPS.index(("RUN", "optimize-bot warm"))

    assert words[0] == "FROM"
    assert STEPS[0][1].endswith("-slim-bookworm")
    assert user < warm, "what is compiled belongs to the user who runs it"
    assert "USER" not in words[user + 1 :]
    assert "--uid 10001" in " ".join(rest for _, rest in STEPS)
    assert ("STOPSIGNAL", "SIGTERM") in STEPS


def test_image_is_asked_for_its_health_where_the_bot_answers() -> None:
    check = next(rest for word, rest in STEPS if word == "HEALTHCHECK")
    command = json.loads(check[check.index("[") :])

    compile(command[2], "healthcheck", "exec")
    assert "/healthz" in command[2]
    entry, verb = (json.loads(rest) for word, rest in STEPS if word in ("ENTRYPOINT", "CMD"))
    assert entry[-1] == "optimize-bot"
    assert verb == ["serve"]


def test_each_step_of_the_image_is_a_shell_command() -> None:
    for word, rest in STEPS:
        if word == "RUN":
            subprocess.run(["sh", "-n", "-c", rest], check=True)


def test_every_line_of_the_image_is_understood() -> None:
    """So that `python -m tests.image`, which takes the steps in a bare Debian, takes all of them."""
    image = image_of(DOCKERFILE.read_text())

    assert (image.place.user, image.place.folder, image.volumes) == ("optimize-bot", "/data", ("/data",))
    assert image.place.environment["PATH"].startswith("/opt/optimize-bot/bin:/usr/")
    assert (*image.entry, *image.command) == ("tini", "--", "optimize-bot", "serve")
    assert [step.copy_to for step in image.steps if step.copy_to] == ["/src"]
    assert [step.place.user for step in image.steps if step.command == "optimize-bot warm"] == ["optimize-bot"]
    assert image.health[0] == "python3"


@pytest.mark.parametrize("line", ["ADD here /there", "COPY --from=build /a /b", 'RUN ["true"]', "HEALTHCHECK NONE"])
def test_a_line_that_is_not_understood_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=re.escape(line)):
        image_of(f"FROM python:3.11-slim-bookworm\n{line}\n")


def test_image_is_given_what_the_package_is_built_of_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    given = {line.removeprefix("!") for line in lines if line.startswith("!")}

    assert lines[0] == "*"
    assert all((ROOT / name).exists() for name in given)
    assert {"bot", "optimizer", "reports", "templates", "manifest.yml", "pyproject.toml", "constraints.txt"} <= given
    assert not given & {".env", "secrets", "tests", ".git"}


def test_the_compose_file_follows_its_specification(tmp_path: Path) -> None:
    text = (ROOT / "compose.yaml").read_text()
    (tmp_path / "odd.yaml").write_text(text.replace("image: mongo:8", "imagee: mongo:8"))
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    good, odd = (subprocess.run([*check, file], capture_output=True, text=True) for file in (
        ROOT / "compose.yaml", tmp_path / "odd.yaml",
    ))  # fmt: skip

    assert good.returncode == 0, good.stdout
    assert "'imagee' was unexpected" in odd.stdout


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_service_of_the_compose_file(name: str) -> None:
    service = COMPOSE["services"][name]
    of_secrets = {f"/run/secrets/{secret}" for secret in service.get("secrets", ())}
    files = {value for value in service.get("environment", {}).values() if str(value).startswith("/run/secrets/")}

    assert set(service) <= SERVICE_KEYS
    assert files == of_secrets, "each secret is used, and what is used is there"
    assert set(service.get("secrets", ())) <= set(COMPOSE["secrets"])
    assert set(service.get("depends_on", {})) <= set(COMPOSE["services"])
    assert service["restart"] == "unless-stopped"
    assert "healthcheck" in service or service["build"] == "."
    named = {volume.partition(":")[0] for volume in service["volumes"]} - {"/data"}
    assert named <= set(COMPOSE["volumes"])
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), "TLS is in front of it"


def test_every_setting_of_the_compose_file_is_one() -> None:
    environment = {name for service in COMPOSE["services"].values() for name in service.get("environment", {})}
    for name in environment - FOREIGN:
        known = FIELDS.get(name.removesuffix("_FILE"))
        assert known is not None, name
        assert is_secret(known) == name.endswith("_FILE"), "a secret is a file, and nothing else is"


def test_the_bots_command_is_a_verb() -> None:
    assert COMPOSE["services"]["bot"]["command"][0] in _PROGRAM


def test_every_setting_of_the_example_is_one_and_reads() -> None:
    found = re.findall(r"^#([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE)

    assert len(found) > 10
    for name, _ in found:
        assert name in FIELDS or is_secret(FIELDS[name.removesuffix("_FILE")]), name


def test_secrets_are_made_once_and_closed(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    script = shutil.copy(ROOT / "scripts" / "compose-secrets", tmp_path / "scripts")
    for _ in range(2):
        subprocess.run([script], check=True)
    made = {file.name: file.read_text() for file in (tmp_path / "secrets").iterdir()}

    assert set(made) == set(COMPOSE["secrets"])
    assert len(made["mongodb_password"]) >= 24
    assert f"optimize_bot:{made['mongodb_password']}@mongo:27017/optimize_bot" in made["mongodb_uri"]
    assert (tmp_path / "secrets").stat().st_mode & 0o077 == 0


def test_unit_closes_what_the_bot_does_not_need() -> None:
    unit = ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(UNIT)
    service = unit["Service"]

    assert service["ExecStart"].endswith("/optimize-bot serve")
    assert {service[key] for key in ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices")} == {"yes"}
    assert service["ProtectSystem"] == "strict"
    assert service["Restart"] == "on-failure"
    assert "MemoryDenyWriteExecute" not in service, "compiled code could not run"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    text = UNIT.read_text().replace("/opt/optimize-bot/bin/optimize-bot", "/bin/true")
    (tmp_path / UNIT.name).write_text(text)
    checked = subprocess.run(["systemd-analyze", "verify", str(tmp_path / UNIT.name)], capture_output=True, text=True)

    assert UNIT.name not in checked.stderr, checked.stderr


def test_alerts_are_five_with_words_for_who_is_woken() -> None:
    (group,) = yaml.safe_load((ROOT / "docs" / "alerts.yaml").read_text())["groups"]

    assert len(group["rules"]) == 5
    assert len({rule["alert"] for rule in group["rules"]}) == 5
    for rule in group["rules"]:
        assert rule["labels"]["severity"] in {"page", "warn"}
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"]
        assert rule["expr"].count("(") == rule["expr"].count(")")


def test_dashboard_has_panels_that_do_not_overlap() -> None:
    panels = json.loads((ROOT / "docs" / "grafana.json").read_text())["panels"]
    places = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]

    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len(places) == len(set(places))
    assert max(x for x, _ in places) < 24
