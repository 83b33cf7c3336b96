"""Exit codes of the program, and what it prints of an error that a person can fix."""

import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING

from optimizer.errors import BadValue, UnknownWord, UserError
from optimizer.lazy import LazyModule

if TYPE_CHECKING:
    from reports import render
    from reports.text import terminal
else:
    # Only where something is refused: most commands end without.
    render, terminal = LazyModule("reports.render"), LazyModule("reports.text.terminal")

DONE, FAILED, BAD_USAGE = 0, 1, 2
#: As a shell reports a process that a signal ended.
INTERRUPTED, TERMINATED, PIPE_CLOSED = (128 + signal.SIGINT, 128 + signal.SIGTERM, 128 + signal.SIGPIPE)


def sentence_of(error: UserError, language: str) -> str:
    """Return the sentence of an error, with the corrected command where there is one."""
    return terminal.terminal_text([render.renderer_of(language).refusal(error)]) + "\n"


def understood(command: str, names: Sequence[tuple[str, str]], language: str) -> str:
    """Return what a request in words was understood as."""
    shown = render.renderer_of(language).render("understood", command=command, names=names)
    return terminal.terminal_text([shown]) + "\n\n"


def code_of(error: UserError) -> int:
    """Return the exit code of an error."""
    # An error of the grammar carries the corrected command, if only an empty one.
    is_usage = isinstance(error, UnknownWord | BadValue) or "command" in error.facts
    return BAD_USAGE if is_usage else FAILED
