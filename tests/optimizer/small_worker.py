"""A worker without a study: speaks the pool's lines, and fails in the ways that a real one can."""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any


def main() -> None:
    """Get ready, unless the folder says that so many starts must fail; then answer."""
    folder = Path(json.loads(sys.stdin.readline())["snapshots"])
    if not _is_lucky(folder):
        _fail_if_told(folder / "failures")
    _say({"ready": True})
    for line in sys.stdin:
        _answer(json.loads(line)["study"])


def _answer(study: str) -> None:
    if study == "sleep":
        time.sleep(60)
    if study == "half":
        sys.stdout.write('{"study": "ha')
        sys.stdout.flush()
        os._exit(1)
    _say({"study": study})


def _is_lucky(folder: Path) -> bool:
    try:
        (folder / "lucky").rename(folder / "lucky.taken")
    except FileNotFoundError:
        return False
    return True


def _fail_if_told(file: Path) -> None:
    left = int(file.read_text()) if file.exists() else 0
    if left > 0:
        file.write_text(str(left - 1))
        sys.exit(1)


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
