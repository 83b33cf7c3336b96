"""Parsing: from a text to a command, or to an error that carries the corrected command."""

from collections.abc import Mapping, Sequence

from bot.grammar.commands import Command, OpenModal
from bot.grammar.errors import SymbolIsVerb
from bot.grammar.formatting import PREFIX, words_text
from bot.grammar.rules.typed import NO_RULES, SavedRules
from bot.grammar.start_builder import is_strategy, read_start
from bot.grammar.tokens import Slip, Word, split
from bot.grammar.verb_parsers import Arguments, reader_of
from bot.grammar.verbs import VERB_WORDS, VERBS
from optimizer.errors import UserError

#: Most rounds of correcting a command.
MAX_CORRECTIONS = 6
MAX_FACT = 60
_LONGER_FACTS = {"known": 400, "usage": 120, "around": 200, "carets": 200, "text": 2_000, "one": 600, "other": 600}
_MAX_COMMAND = 1_000


def parse(text: str, *, study: str | None = None, prefix: str = PREFIX, rules: SavedRules = NO_RULES) -> Command:
    """Read a command as it arrived from Slack or a terminal.

    `study` is the id implied by the thread a mention was typed in; `rules` are the saved ones; `prefix` stands before
    the corrected command that an error carries (as the fact `command`, empty when none can be given).
    Raises UserError, and nothing else, for a text that is no command.
    """
    try:
        words = split(text)
    except UserError as error:
        raise _with_correction(error, "") from None
    try:
        return _read(words, study, rules)
    except Slip as slip:
        raise _with_correction(slip.error, _correct(words, slip, study, prefix, rules)) from None


def _read(words: Sequence[Word], study: str | None, rules: SavedRules) -> Command:
    if not words:
        return OpenModal()
    key = VERB_WORDS.get(words[0].lower)
    if key is None:
        return read_start(words, rules)
    try:
        rest = tuple(words[1:])
        arguments = Arguments(verb=words[0], words=rest, usage=VERBS[key].usage, study=study, rules=rules)
        return reader_of(VERBS[key])(arguments)
    except Slip as slip:
        raise _or_start(key, words, slip) from None


def _or_start(key: str, words: Sequence[Word], slip: Slip) -> Slip:
    """Return the slip, unless the words would start a study: then only a person knows what was meant."""
    if key == "run" and _starts(words[1:]):
        return Slip(slip.error, {words[0].at: "start"})
    if key != "start" and _starts(words):
        return Slip(SymbolIsVerb(word=words[0].text), {words[0].at: f"start {words[0].text}"})
    return slip


def _starts(words: Sequence[Word]) -> bool:
    if len(words) < 2 or not is_strategy(words[1].text):
        return False
    try:
        read_start(words)
    except Slip:
        return False
    return True


def _correct(words: Sequence[Word], slip: Slip, study: str | None, prefix: str, rules: SavedRules) -> str:
    """Return the command with every slip fixed, if the result is a command."""
    for _ in range(MAX_CORRECTIONS):
        if not slip.edits:
            return ""
        try:
            words = _apply(words, slip.edits)
            _read(words, study, rules)
        except Slip as another:
            slip = another
        except UserError:
            return ""
        else:
            return _print(words, prefix)
    return ""


def _apply(words: Sequence[Word], edits: Mapping[int, str]) -> tuple[Word, ...]:
    texts = [edits.get(word.at, word.typed) for word in words]
    return split(" ".join(texts))


def _print(words: Sequence[Word], prefix: str) -> str:
    """Return the words as a command, if it is short enough and reads back to the same words."""
    command = words_text(words, prefix=prefix)
    return command if words and len(command) <= _MAX_COMMAND and split(command) == words else ""


def _with_correction(error: UserError, command: str) -> UserError:
    """Return the error with its correction, and with overlong facts clipped."""
    facts = {name: _clip(value, _LONGER_FACTS.get(name, MAX_FACT)) for name, value in error.facts.items()}
    return type(error)(**{**facts, "command": command})


def _clip(value: object, limit: int) -> object:
    return f"{value[:limit]}…" if isinstance(value, str) and len(value) > limit + 1 else value
