"""The screen of a terminal: lines for people on stdout, or with `--json` on stderr beside one document on stdout."""

import json
import sys
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TextIO

from pydantic_core import to_jsonable_python

from optimizer.lazy import LazyModule
from reports.text.message import Message

if TYPE_CHECKING:
    from rich import console as rich_console
    from rich import live

    from reports.text import terminal
else:
    # Loaded when something is shown, which a study need not wait for.
    rich_console, live = LazyModule("rich.console"), LazyModule("rich.live")
    terminal = LazyModule("reports.text.terminal")


def plain_facts(message: Message) -> dict[str, Any]:
    """Return the facts of a message in types that JSON has; what is no data, such as a function, is null."""
    facts = dict(message.facts)
    if facts.get("answer") == "notice":
        facts = {"answer": facts["notice"], **facts["x"]}
    plain: dict[str, Any] = to_jsonable_python(facts, fallback=lambda _: None, inf_nan_mode="null")
    return plain | {"text": terminal.terminal_text([message])}


class Screen:
    """Prints messages, and the one document of a command."""

    def __init__(
        self, *, as_json: bool, console: "rich_console.Console | None" = None, out: TextIO | None = None
    ) -> None:
        """Print in this process's terminal, unless another console and another stdout are given."""
        self._given = console
        self._as_json = as_json
        self._out = out

    @cached_property
    def console(self) -> "rich_console.Console":
        """What prints for people."""
        return self._given or rich_console.Console(stderr=self._as_json, highlight=False)

    def show(self, *messages: Message) -> None:
        """Print messages for people; an empty one prints nothing."""
        text = terminal.terminal_text(messages, min(self.console.width, terminal.WIDTH))
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

    def changing(self, shown: "rich_console.RenderableType") -> "live.Live":
        """Return what shows something that changes, inside a block, and takes it away at its end."""
        # The process's own output stays where it goes: the screen may be another process's.
        return live.Live(shown, console=self.console, transient=True, redirect_stdout=False, redirect_stderr=False)
