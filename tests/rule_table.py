"""The table of quantities in docs/rules.md, from their declarations: `python -m tests.rule_table` writes it."""

from pathlib import Path

from optimizer.strategies.rules.cursor import textbook
from optimizer.strategies.rules.quantity_catalogue import CATALOGUE, Argument
from optimizer.strategies.rules.words import names_of
from optimizer.strategies.rules.writing import number_text, written_quantity
from tests.source_tree import ROOT

DOCUMENT = ROOT / "docs" / "rules.md"
_BEGIN, _END = "<!-- quantities -->", "<!-- end of quantities -->"


def quantity_table() -> str:
    """A line for each quantity: English and Korean, other words, its numbers with their limits, and its unit."""
    lines = ["| English | Korean | other words | numbers | unit |", "| --- | --- | --- | --- | --- |"]
    for entry in CATALOGUE.values():
        english, korean = (written_quantity(textbook(entry), is_korean=is_korean) for is_korean in (False, True))
        others = ", ".join((*names_of(entry, is_korean=False)[1:], *entry.korean[1:]))
        numbers = ", ".join(map(_limits, entry.arguments))
        lines.append(f"| `{english}` | `{korean}` | {others} | {numbers} | {entry.unit} |")
    return "\n".join(lines)


def written(document: str) -> str:
    """The document with today's table."""
    before, rest = document.split(_BEGIN)
    return f"{before}{_BEGIN}\n\n{quantity_table()}\n\n{_END}{rest.split(_END)[1]}"


def _limits(argument: Argument) -> str:
    return f"{argument.name} {number_text(argument.low)} to {number_text(argument.high)}"


if __name__ == "__main__":
    Path(DOCUMENT).write_text(written(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
