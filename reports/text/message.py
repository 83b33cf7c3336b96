"""A message as Slack takes it, kept within Slack's limits."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Block = dict[str, Any]

MAX_BLOCKS = 50
MAX_SECTION = 3000
MAX_TEXT = 3000  # of the fallback: Slack allows more, nobody reads more
MAX_CELLS = 100  # rows of a table


@dataclass(frozen=True)
class Message:
    """One message: what a notification shows, the blocks, and the facts they were made of."""

    text: str
    blocks: list[Block]
    facts: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)


def fit(message: Message) -> list[Message]:
    """The same content in as many messages as Slack's limits ask for: 50 blocks and one table each."""
    blocks = [part for block in message.blocks for part in _cut(block)]
    return [Message(message.text[:MAX_TEXT], group) for group in _groups(blocks)] or [message]


def _cut(block: Block) -> Iterator[Block]:
    if block["type"] == "section":
        for text in split_text(block["text"]["text"], MAX_SECTION):
            yield {**block, "text": {**block["text"], "text": text}}
    elif block["type"] == "table":
        head, *rows = block["rows"]
        step = MAX_CELLS - 1
        for at in range(0, max(len(rows), 1), step):
            yield {**block, "rows": [head, *rows[at : at + step]]}
    else:
        yield block


def split_text(text: str, limit: int) -> list[str]:
    """Cut a text into pieces of at most `limit` characters, at line ends or spaces where there are any."""
    pieces = []
    while len(text) > limit:
        at = max(text.rfind("\n", 0, limit), 0) or max(text.rfind(" ", 0, limit), 0) or limit
        pieces.append(text[:at].rstrip())
        text = text[at:].lstrip()
    return [*pieces, text]


def _groups(blocks: Sequence[Block]) -> Iterator[list[Block]]:
    group: list[Block] = []
    has_table = False
    for block in blocks:
        is_table = block["type"] == "table"
        if len(group) == MAX_BLOCKS or (is_table and has_table):
            yield group
            group, has_table = [], False
        group.append(block)
        has_table = has_table or is_table
    if group:
        yield group
