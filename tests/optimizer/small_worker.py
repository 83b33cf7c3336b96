"""A worker without a study: speaks the pool's lines, and fails in the ways that a real one can."""

import os
import signal
import sys
import time
from pathlib import Path

from optimizer.domain.study_results import StudyState
from optimizer.studies.worker_messages import (
    Answer,
    Configure,
    Finished,
    Loading,
    Ready,
    RunStudy,
    decode_request,
    encode,
)


def main() -> None:
    """Get ready, unless the folder says that so many starts must fail; then answer."""
    configuration = decode_request(sys.stdin.readline())
    assert isinstance(configuration, Configure)
    folder = configuration.snapshots
    _load(folder / "held")
    if not _is_lucky(folder):
        _fail_if_told(folder / "failures")
    _send(Ready())
    for line in sys.stdin:
        request = decode_request(line)
        assert isinstance(request, RunStudy)
        _answer(request.study_name)


def _answer(study: str) -> None:
    if study == "sleep":
        time.sleep(60)
    if study == "late":
        signal.setitimer(signal.ITIMER_REAL, 0.05)  # as around a person's own strategy
        time.sleep(60)
    if study == "half":
        sys.stdout.write('{"study": "ha')
        sys.stdout.flush()
        os._exit(1)
    _send(Finished(state=StudyState.COMPLETE))


def _load(held: Path) -> None:
    """Tell of two parts of six, and wait as long as the file is there, as a first start compiles."""
    while held.exists():
        _send(Loading(n=2, total=6))
        time.sleep(0.05)


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


def _send(answer: Answer) -> None:
    sys.stdout.write(encode(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
