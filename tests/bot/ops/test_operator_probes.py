"""What `doctor` and `health` say of what an operator sets up: each probe well, and each with its fault."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bot.documents.sweeps import Sweep
from bot.ops.creation_link import creation_link
from bot.ops.health_checks import HealthReport, Probe, clock_probe, probe_slack
from bot.ops.operator_probes import (
    probe_certificate,
    probe_claims,
    probe_port,
    probe_server,
    probe_server_clock,
    probe_shared_files,
    probe_sweeps,
)
from bot.runtime.settings import Settings
from optimizer.storage.embedded_mongo import last_day
from reports.languages import LANGUAGES
from reports.render import renderer_of
from reports.text.terminal import unmarked
from tests.mongo_faults import failing

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def settings_of(home: Path, **values: object) -> Settings:
    return Settings.model_validate({"OPTIMIZE_BOT_HOME": home, **values})


def said(probe: Probe) -> str:
    """Check that a probe is worded in every language, a fault with its remedy; returns the English result."""
    for language in LANGUAGES:
        assert renderer_of(language).phrase(probe.name)
        assert renderer_of(language).phrase(probe.result)
        if probe.health is not HealthReport.GOOD:
            assert probe.remedy is not None
            assert renderer_of(language).phrase(probe.remedy)
    return renderer_of(LANGUAGES[0]).phrase(probe.result)


async def test_without_tokens_doctor_prints_the_link_that_creates_the_app(tmp_path: Path) -> None:
    [probe] = await probe_slack(settings_of(tmp_path))

    assert probe.health is HealthReport.WARNING
    assert said(probe)
    for language in LANGUAGES:
        assert probe.remedy is not None
        assert creation_link() in unmarked(renderer_of(language).phrase(probe.remedy))


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("3.6.23", "2024-02-29"),
        ("6.0.5", "2025-07-31"),
        ("6.3.1", "2025-07-31"),
        ("7.0.0", "2027-08-31"),
        ("8.2.1", "2029-10-31"),
        ("9.0.0", "None"),
    ],
)
def test_each_series_of_mongodb_has_a_last_day(version: str, expected: str) -> None:
    assert str(last_day(version)) == expected


async def test_the_server_is_named_with_its_end(documents: None, mongodb_uri: str, tmp_path: Path) -> None:
    own = await probe_server(settings_of(tmp_path, MONGODB_URI=mongodb_uri))
    embedded = await probe_server(settings_of(tmp_path))
    is_over = own.health is HealthReport.WARNING

    assert said(own)[0].isdigit()
    assert own.health is embedded.health
    assert ("support ended on" in said(own)) is is_over
    assert ("it listens on this machine only" in said(embedded)) is is_over


async def test_clocks_that_are_apart_are_told(documents: None, mongodb_uri: str, tmp_path: Path) -> None:
    [agrees] = await probe_server_clock(settings_of(tmp_path, MONGODB_URI=mongodb_uri))
    off = clock_probe("Slack", NOW - timedelta(minutes=10), NOW)

    assert (agrees.health, off.health) == (HealthReport.GOOD, HealthReport.WARNING)
    assert said(agrees).endswith("s from that of MongoDB")
    assert said(off) == "600 s from that of Slack"
    assert await probe_server_clock(settings_of(tmp_path)) == []


async def test_claims_are_timed(documents: None, mongodb_uri: str) -> None:
    with failing(mongodb_uri, ("findAndModify",), blockConnection=True, blockTimeMS=300):
        slow = await probe_claims()

    assert slow.health is HealthReport.WARNING
    assert int(str(slow.result.facts["ms"])) >= 300
    assert "claims a study in" in said(await probe_claims())


async def test_a_file_is_shared_and_taken_away_again(documents: None, mongodb_uri: str, tmp_path: Path) -> None:
    settings = settings_of(tmp_path, MONGODB_URI=mongodb_uri, OPTIMIZE_BOT_REMOTE_WORKERS="yes")
    [well] = await probe_shared_files(settings)
    with failing(mongodb_uri, ("insert",), errorCode=13):
        [ill] = await probe_shared_files(settings)

    assert (well.health, ill.health) == (HealthReport.GOOD, HealthReport.BAD)
    assert said(well).startswith("a file was stored")
    assert "OperationFailure" in said(ill)
    assert await probe_shared_files(settings_of(tmp_path)) == []


async def test_sweeps_that_do_not_happen_are_told(documents: None) -> None:
    never = await probe_sweeps(lambda: NOW)
    await Sweep(started_at=NOW, ended_at=NOW, deleted={"audit": 1200, "outbox": 3}).insert()
    night, week = [await probe_sweeps(lambda after=after: NOW + after) for after in map(_days, (1, 7))]

    assert [probe.health for probe in (never, night, week)] == [HealthReport.GOOD] * 2 + [HealthReport.WARNING]
    assert said(week) == "1,203 deleted at 2026-11-30 12:00 UTC"
    assert said(never).startswith("nothing deleted yet")


def _days(n: int) -> timedelta:
    return timedelta(days=n)


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ill = probe_port(settings_of(tmp_path, OPTIMIZE_BOT_PORT=port))
    well = probe_port(settings_of(tmp_path, OPTIMIZE_BOT_PORT=port))

    assert (well.health, ill.health) == (HealthReport.GOOD, HealthReport.WARNING)
    assert said(well) == f"127.0.0.1:{port} is free"
    assert "Address already in use" in said(ill)


@pytest.mark.parametrize(
    ("days", "name", "health", "words"),
    [
        (90.5, "localhost", HealthReport.GOOD, "localhost: certificate valid for 90 days"),
        (3.5, "localhost", HealthReport.WARNING, "localhost: certificate valid for 3 days"),
        (-1, "localhost", HealthReport.BAD, "certificate has expired"),
        (90, "elsewhere.example.com", HealthReport.BAD, "Hostname mismatch"),
    ],
)
async def test_the_certificate_of_the_public_address_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: float, name: str, health: HealthReport, words: str
) -> None:
    with _https(tmp_path, name, datetime.now(UTC) + timedelta(days=days)) as port:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
        [probe] = await probe_certificate(settings_of(tmp_path, PUBLIC_URL=f"https://localhost:{port}"))

    assert probe.health is health
    assert words in said(probe)


async def test_an_address_that_does_not_answer_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    [probe] = await probe_certificate(settings_of(tmp_path, PUBLIC_URL=f"https://localhost:{port}"))

    assert probe.health is HealthReport.WARNING
    assert "does not answer (Connection refused)" in said(probe)
    assert await probe_certificate(settings_of(tmp_path)) == []


@contextmanager
def _https(folder: Path, name: str, end: datetime) -> Iterator[int]:
    """A server with a certificate of its own making for one connection; yields its port."""
    _certify(folder, name, end)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    with socket.create_server(("localhost", 0)) as server:
        thread = threading.Thread(target=_greet, args=[server, context])
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def _greet(server: socket.socket, context: ssl.SSLContext) -> None:
    plain, _ = server.accept()
    with plain:
        try:
            context.wrap_socket(plain, server_side=True).close()
        except ssl.SSLError:
            return  # the other side did not like the certificate


def _certify(folder: Path, name: str, end: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
