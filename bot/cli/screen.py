"""The screen of a terminal: lines for people on stdout, or with `--json` on stderr beside one document on stdout."""

import json
import sys
from collections.abc import Mapping
from typing import Any

from pydantic_core import to_jsonable_python
from rich.console import Console

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

    def __init__(self, *, as_json: bool) -> None:
        self.console = Console(stderr=as_json, highlight=False)
        self._as_json = as_json

    def show(self, *messages: Message) -> None:
        """Print messages for people; an empty one prints nothing."""
        text = terminal_text(messages, min(self.console.width, WIDTH))
        if text:
            # A word that is longer than a line, such as a link, stays whole.
            self.console.print(text, markup=False, overflow="ignore", crop=False, end="\n\n")

    def write(self, document: Mapping[str, Any]) -> None:
        """Print the document when one is wanted."""
        if self._as_json:
            sys.stdout.write(json.dumps(document, allow_nan=False, ensure_ascii=False) + "\n")
