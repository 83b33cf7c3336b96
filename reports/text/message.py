"""A message as Slack takes it, kept within Slack's limits."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Block = dict[str, Any]

MAX_BLOCKS = 50
MAX_SECTION = 3000
MAX_TEXT = 3000  # of the fallback: Slack allows more, nobody reads more
MAX_CELLS = 100  # rows of a table; a sortable one may have one more
MAX_CHARTS = 2
TABLES = frozenset({"table", "data_table"})
CHART = "data_visualization"


@dataclass(frozen=True)
class Message:
    """One message: what a notification shows, the blocks, and the facts they were made of."""

    text: str
    blocks: list[Block]
    facts: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)


def fit(message: Message) -> list[Message]:
    """The same content in as many messages as Slack's limits ask for: 50 blocks, one table and two charts each."""
    blocks = [part for block in message.blocks for part in _cut(block)]
    return [Message(message.text[:MAX_TEXT], group) for group in _groups(blocks)] or [message]


def _cut(block: Block) -> Iterator[Block]:
    if block["type"] == "section":
        for text in split_text(block["text"]["text"], MAX_SECTION):
            yield {**block, "text": {**block["text"], "text": text}}
    elif block["type"] in TABLES:
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
    for block in blocks:
        if len(group) == MAX_BLOCKS or not _has_room(group, block["type"]):
            yield group
            group = []
        group.append(block)
    if group:
        yield group


def _has_room(group: Sequence[Block], kind: str) -> bool:
    """Whether a message may have a block of this kind besides those it has."""
    kinds = [block["type"] for block in group]
    if kind in TABLES:
        return not TABLES.intersection(kinds)
    return kind != CHART or kinds.count(CHART) < MAX_CHARTS
