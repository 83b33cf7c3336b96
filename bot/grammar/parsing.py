"""From a text to a command, or to an error that carries the corrected command."""

from collections.abc import Mapping, Sequence

from bot.grammar.commands import Command, OpenModal
from bot.grammar.corrections import Slip
from bot.grammar.errors import SymbolIsVerb
from bot.grammar.formatting import PREFIX, words_text
from bot.grammar.start_parser import is_strategy, read_start
from bot.grammar.tokens import Word, split
from bot.grammar.verb_parsers import READERS, Said
from bot.grammar.verbs import VERB_WORDS, VERBS
from optimizer.errors import UserError

#: A correction is corrected again at most this often.
MAX_CORRECTIONS = 6
MAX_FACT = 60
_LONGER_FACTS = {"known": 400, "usage": 120}
_MAX_COMMAND = 1_000


def parse(text: str, *, study: str | None = None, prefix: str = PREFIX) -> Command:
    """Read a command as it arrived from Slack or a terminal.

    `study` is the id implied by the thread a mention was typed in; `prefix` stands before the corrected
    command that an error carries (as the fact `command`, empty when none can be given).
    Raises UserError, and nothing else, for a text that is no command.
    """
    try:
        said = split(text)
    except UserError as error:
        raise _told(error, "") from None
    try:
        return _read(said, study)
    except Slip as slip:
        raise _told(slip.error, _corrected(said, slip, study, prefix)) from None


def _read(said: Sequence[Word], study: str | None) -> Command:
    if not said:
        return OpenModal()
    key = VERB_WORDS.get(said[0].lower)
    if key is None:
        return read_start(said)
    try:
        return READERS[key](Said(verb=said[0], words=tuple(said[1:]), usage=VERBS[key].usage, study=study))
    except Slip as slip:
        raise _or_start(key, said, slip) from None


def _or_start(key: str, said: Sequence[Word], slip: Slip) -> Slip:
    """The slip, unless the words after or with the verb would start a study: only a person knows what was meant."""
    if key == "run" and _starts(said[1:]):
        return Slip(slip.error, {said[0].at: "start"})
    if key != "start" and _starts(said):
        return Slip(SymbolIsVerb(word=said[0].text), {said[0].at: f"start {said[0].text}"})
    return slip


def _starts(said: Sequence[Word]) -> bool:
    if len(said) < 2 or not is_strategy(said[1].text):
        return False
    try:
        read_start(said)
    except Slip:
        return False
    return True


def _corrected(said: Sequence[Word], slip: Slip, study: str | None, prefix: str) -> str:
    """The command with every slip mended, if that makes it a command."""
    for _ in range(MAX_CORRECTIONS):
        if not slip.edits:
            return ""
        try:
            said = _edited(said, slip.edits)
            _read(said, study)
        except Slip as another:
            slip = another
        except UserError:
            return ""
        else:
            return _printed(said, prefix)
    return ""


def _edited(said: Sequence[Word], edits: Mapping[int, str]) -> tuple[Word, ...]:
    texts = [edits.get(word.at, word.typed) for word in said]
    return split(" ".join(texts))


def _printed(said: Sequence[Word], prefix: str) -> str:
    """The words as a command, if it is short enough and reads back to just these words."""
    command = words_text(said, prefix=prefix)
    return command if said and len(command) <= _MAX_COMMAND and split(command) == said else ""


def _told(error: UserError, command: str) -> UserError:
    """The error with its correction, and without a fact longer than anyone wants to read."""
    facts = {name: _clipped(value, _LONGER_FACTS.get(name, MAX_FACT)) for name, value in error.facts.items()}
    return type(error)(**{**facts, "command": command})


def _clipped(value: object, limit: int) -> object:
    return f"{value[:limit]}…" if isinstance(value, str) and len(value) > limit + 1 else value
