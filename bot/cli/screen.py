"""The screen of a terminal: lines for people on stdout, or with `--json` on stderr beside one document on stdout."""

import json
import sys
from collections.abc import Mapping
from typing import Any, TextIO

from pydantic_core import to_jsonable_python
from rich.console import Console, RenderableType
from rich.live import Live

from reports.text.message import Message
from reports.text.terminal import WIDTH, terminal_text


def plain_facts(message: Message) -> dict[str, Any]:
    """Return the facts of a message in types that JSON has; what is no data, such as a function, is null."""
    facts = dict(message.facts)
    if facts.get("answer") == "notice":
        facts = {"answer": facts["notice"], **facts["x"]}
    plain: dict[str, Any] = to_jsonable_python(facts, fallback=lambda _: None, inf_nan_mode="null")
    return plain | {"text": terminal_text([message])}


class Screen:
    """Prints messages, and the one document of a command."""

    def __init__(self, *, as_json: bool, console: Console | None = None, out: TextIO | None = None) -> None:
        """Print in this process's terminal, unless another console and another stdout are given."""
        self.console = console or Console(stderr=as_json, highlight=False)
        self._as_json = as_json
        self._out = out

    def show(self, *messages: Message) -> None:
        """Print messages for people; an empty one prints nothing."""
        text = terminal_text(messages, min(self.console.width, WIDTH))
        if text:
            # A word that is longer than a line, such as a link, stays whole.
            self.console.print(text, markup=False, overflow="ignore", crop=False, end="\n\n")

    def write(self, document: Mapping[str, Any]) -> None:
        """Print the document when one is wanted."""
        if self._as_json:
            out = self._out or sys.stdout
            out.write(json.dumps(document, allow_nan=False, ensure_ascii=False) + "\n")

    def after_interrupt(self, message: Message) -> None:
        """Keep what is to be shown when the person interrupts from here on: nothing, where that ends what runs."""

    def changing(self, shown: RenderableType) -> Live:
        """Return what shows something that changes, inside a block, and takes it away at its end."""
        # The process's own output stays where it goes: the screen may be another process's.
        return Live(shown, console=self.console, transient=True, redirect_stdout=False, redirect_stderr=False)
