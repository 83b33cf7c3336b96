"""What a request means: the strict grammar, or what was understood of it, which the answer then shows."""

from collections.abc import Collection
from dataclasses import replace

from bot.commands.results import NothingKnown
from bot.context import Answer
from bot.grammar.errors import TwoReadings
from bot.grammar.rules.typed import SavedRules
from bot.grammar.understanding.understand import Reading, understand
from optimizer.errors import UnknownAtSource, UnknownSymbol, UserError
from optimizer.studies.finding import UnknownStudy
from reports.render import Renderer
from reports.text.message import MAX_BLOCKS, Message

#: Errors of a command whose words may have been meant otherwise: a name that is no symbol and no study.
UNKNOWN_NAMES = (UnknownSymbol, UnknownAtSource, UnknownStudy, NothingKnown)


def read_again(
    text: str, before: Reading, error: UserError, *, study: str | None, rules: SavedRules, is_addressed: bool
) -> Reading | None:
    """Return another reading of a text of which a word is no symbol and no study, or None where there is none.

    Raises TwoReadings, and an error that offers the name that was nearly typed.
    """
    unknown: Collection[str] = {str(error.facts.get("word") or error.facts.get("symbol") or "").upper()}
    try:
        again = understand(text, study=study, rules=rules, is_addressed=is_addressed, unknown=unknown)
    except TwoReadings:
        raise
    except UserError as refused:
        if refused.facts.get("nearest") and not error.facts.get("nearest"):
            raise  # `microsft rsi 200`: a name that was nearly typed
        return None
    if hasattr(before.command, "symbol") and not getattr(again.command, "symbol", None):
        return None  # `data IBN changes` is about a symbol, and not about all of them
    return None if again.command == before.command else again


def with_reading(answer: Answer, reading: Reading, renderer: Renderer) -> Answer:
    """Return the answer with the command that was understood above it, where the text was read loosely."""
    if not reading.text:
        return answer
    line = renderer.render("understood", command=reading.text, names=reading.names)
    blocks = [*line.blocks, *answer.message.blocks][:MAX_BLOCKS]
    message = Message(f"{line.text}. {answer.message.text}", blocks, facts=answer.message.facts)
    return replace(answer, message=message)
