"""Why the embedded server cannot start is told by its cause; nothing of the server itself is needed for that."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from optimizer.environment import for_child
from optimizer.storage.embedded_mongo import MongoUnavailable, running_uri, start_mongod, why_it_ended
from tests.refused import refused, worded

TRUE, FALSE = Path("/bin/true"), Path("/bin/false")
SECRETS = {"SLACK_BOT_TOKEN": "xoxb-secret", "MONGODB_URI": "mongodb://me:secret@h", "AWS_SECRET_ACCESS_KEY": "secret"}


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 32, b"two words of more than sixteen"])
def test_a_damaged_password_is_told_with_its_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mongodb.password").write_bytes(content)

    with refused(MongoUnavailable, match=r"mongodb\.password` is missing or damaged.*move the folder"):
        start_mongod(TRUE, tmp_path)


def test_a_lost_password_of_a_database_is_told_and_not_made_anew(tmp_path: Path) -> None:
    (tmp_path / "mongodb").mkdir()
    (tmp_path / "mongodb" / "WiredTiger").write_text("WiredTiger")

    with refused(MongoUnavailable, match="is missing or damaged"):
        start_mongod(TRUE, tmp_path)
    assert not (tmp_path / "mongodb.password").exists()


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"9" * 30, "\N{SUPERSCRIPT TWO}".encode()])
def test_a_lock_that_is_no_process_is_no_server(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mongodb").mkdir()
    (tmp_path / "mongodb" / "mongod.lock").write_bytes(content)

    start_mongod(TRUE, tmp_path).stop()
    assert running_uri(tmp_path) is None


@pytest.mark.parametrize(
    ("logged", "match"),
    [
        ('{"s":"F","attr":{"error":"No space left on device"}}', "the disk is full. Free some space"),
        ("WT_PANIC: WiredTiger library panic", "its files are damaged. Restore the folder"),
        ("accept: Too many open files", "may not open enough files. Raise the limit"),
        ("mmap: Cannot allocate memory", "got no memory"),
        ("DBPathInUse: Unable to lock the lock file", "another server still uses its folder"),
        ("Read-only file system", "its folder is read-only"),
        ("something new", "exit code 1, see mongod.log"),
    ],
)
def test_the_cause_of_an_end_is_told_from_what_was_logged_since_the_start(
    tmp_path: Path, logged: str, match: str
) -> None:
    (tmp_path / "mongodb").mkdir()
    log = tmp_path / "mongodb" / "mongod.log"
    log.write_text("DBPathInUse and No space left on device, at an earlier start\n")
    server = start_mongod(FALSE, tmp_path)
    server.process.wait()
    with log.open("a") as stream:
        stream.write(logged)

    assert match in worded(why_it_ended(server))


def test_too_few_files_are_told_before_the_server_dies_of_it(tmp_path: Path) -> None:
    words = _with_files(tmp_path, soft=64, hard=100)
    assert "may open 100 files here, and it needs 256" in words

    assert _with_files(tmp_path, soft=64, hard=300) == "256"


def _with_files(folder: Path, *, soft: int, hard: int) -> str:
    """What a start says in a process that may open so many files, or the number that it may open then."""
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from optimizer.storage.embedded_mongo import MongoUnavailable, start_mongod\n"
        "from tests.refused import worded\n"
        "try: start_mongod(Path('/bin/true'), Path(sys.argv[1])).stop()\n"
        "except MongoUnavailable as error: print(worded(error))\n"
        "else: print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])\n"
    )
    typed = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard)),
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    return typed.stdout.strip()


def test_children_get_what_they_need_and_no_secret() -> None:
    own = {"PATH": "/bin", "LC_ALL": "C", "NUMBA_CACHE_DIR": "/tmp/n", "PYTHONPATH": "/srv"}

    assert for_child(own | SECRETS, OMP_NUM_THREADS="1") == own | {"OMP_NUM_THREADS": "1"}
