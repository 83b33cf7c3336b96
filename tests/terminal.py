"""Commands typed into the program in this process: as in a terminal, without the start of an interpreter."""

from dataclasses import dataclass

import pytest

from bot.__main__ import main


@dataclass(frozen=True)
class Ended:
    """A command that ended: its exit code, what it printed for programs, and what for people."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Terminal:
    """Types commands into the program, in this process."""

    captured: "pytest.CaptureFixture[str]"

    def __call__(self, *words: str) -> Ended:
        """Type a command and wait until it ends."""
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert isinstance(ended.value.code, int)
        return Ended(ended.value.code, *self.captured.readouterr())
