"""The corpus: texts as people type them, with what was meant, from the TOML files of this folder."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Utterance:
    """A text, where and in which language it was typed, and what must come of it."""

    text: str
    language: str  # en or ko
    where: str  # command, mention, dm or thread
    want: str  # start, ask, tell or refuse
    command: str = ""  # start: the canonical command
    either: tuple[str, ...] = ()  # ask: the two readings
    verb: str = ""  # tell: the verb whose answer is right
    word: str = ""  # refuse: the word that must be named
    offer: str = ""  # refuse: a word or command that a good answer offers
    note: str = ""


def read_corpus(path: Path) -> list[Utterance]:
    """Read a file of utterances."""
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    return [Utterance(**{**entry, "either": tuple(entry.get("either", ()))}) for entry in document["utterance"]]


def corpora() -> Sequence[Path]:
    """Return the files of the corpus."""
    return sorted(FOLDER.glob("*.toml"))
