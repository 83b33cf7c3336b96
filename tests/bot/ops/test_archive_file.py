"""What may be in a backup, and the passphrase of its secrets."""

import json
import tarfile
from pathlib import Path

import pytest

from bot.ops.archive_file import FORM, BackupTooNew, FileUnusable, Manifest, NoBackup, check_whole, new_archive
from bot.ops.archive_file import read_members as members_of
from bot.ops.sealed_secrets import WrongPassphrase, seal, unseal
from tests.refused import refused

MANIFEST = Manifest(program="0.1.0", schema=2, made_at="2026-11-30T00:00:00")


def made(folder: Path, *names: str) -> Path:
    """A backup with members of these names, whatever they are."""
    file = folder / "backup.tar.gz"
    with new_archive(file, MANIFEST) as archive:
        for name in names:
            archive.add(name, b"content")
        archive.close()
    return file


def test_what_was_written_is_read(tmp_path: Path) -> None:
    names = (
        "mongodb/audit_log/000000.bson",
        f"snapshots/{'a' * 64}.parquet",
        "strategies/deep/dip.py",
        "market.duckdb",
    )
    file = made(tmp_path, *names)

    assert check_whole(file)[0] == MANIFEST
    assert [(name, content.read()) for name, content in members_of(file)] == [(name, b"content") for name in names]


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd", "strategies//etc/dip.py", "strategies/../../dip.py", "mongodb/system.users/000000.bson",
        "mongodb/../000000.bson", "snapshots/x.parquet", "identity",
    ],
)  # fmt: skip
def test_a_member_that_would_be_written_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with refused(NoBackup, match="no whole backup"):
        check_whole(made(tmp_path, name))


@pytest.mark.parametrize("content", [b"", b"text", b"\x1f\x8b rest", json.dumps({"form": 1}).encode()])
def test_something_else_is_no_backup(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "other").write_bytes(content)
    with refused(NoBackup, match="no whole backup"):
        check_whole(tmp_path / "other")


def test_a_file_is_noticed_wherever_it_was_cut_off(tmp_path: Path) -> None:
    content = made(tmp_path, "market.duckdb").read_bytes()
    for length in range(0, len(content) * 3 // 4, 37):  # at the very end is only the padding of the tar
        (tmp_path / "cut").write_bytes(content[:length])
        with refused(NoBackup, match="no whole backup"):
            check_whole(tmp_path / "cut")


def test_a_newer_form_and_a_missing_file_are_named(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "newer", "w:gz") as tar:
        (tmp_path / "manifest.json").write_text(json.dumps({"form": FORM + 1, "program": "9.0.0"}))
        tar.add(tmp_path / "manifest.json", "manifest.json")
    with refused(BackupTooNew, match=r"9\.0\.0"):
        check_whole(tmp_path / "newer")
    with refused(FileUnusable, match="No such file"):
        check_whole(tmp_path / "missing")
    with refused(FileUnusable, match="No such file"), new_archive(tmp_path / "no" / "backup", MANIFEST):
        raise AssertionError("it has no folder")


def test_nothing_is_left_of_a_backup_that_failed(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), new_archive(tmp_path / "backup", MANIFEST):
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())


def test_secrets_open_with_their_passphrase_alone() -> None:
    sealed = seal({"SLACK_BOT_TOKEN": "xoxb-1"}, "열려라 참깨")

    assert b"xoxb" not in sealed
    assert unseal(sealed, "열려라 참깨") == {"SLACK_BOT_TOKEN": "xoxb-1"}
    assert seal({}, "one")[:16] != seal({}, "one")[:16]
    with refused(WrongPassphrase, match="does not open"):
        unseal(sealed, "other")
