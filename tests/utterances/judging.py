"""Judging: what became of a text, held against what was meant."""

import re
from dataclasses import dataclass, replace
from enum import StrEnum, auto

from bot.grammar.commands import AddSchedule, Command, Help, OpenModal, SmallTalk, Start
from bot.grammar.errors import TwoReadings
from bot.grammar.parsing import parse
from bot.grammar.understanding.listings import listings
from bot.grammar.understanding.understand import Reading, understand
from bot.grammar.verbs import verb_of
from optimizer.errors import UnknownSymbol, UserError
from reports.render import Language, renderer_of
from tests.utterances.corpus import Utterance

#: The study of the thread that texts are typed in.
THREAD = "opt-4332"
_PAIR = re.compile(r"[A-Z0-9]{2,6}-(?:USD|USDT|EUR|KRW)")


class Grade(StrEnum):
    """How good an answer is."""

    RIGHT = auto()
    HELPFUL = auto()  # nothing was started, and the answer leads on
    BAD = auto()  # misleading
    MISREAD = auto()  # something else was started or done


@dataclass(frozen=True)
class Outcome:
    """What became of a text: a command, or the error that is shown."""

    command: Command | None = None
    error: UserError | None = None
    answer: str = ""  # the error as people read it


def outcome_of(one: Utterance) -> Outcome:
    """Read a text as the bot does, in a place where every listing has bars and nothing else does."""
    study = THREAD if one.where == "thread" else None
    try:
        return Outcome(_with_bars(one, study).command)
    except UserError as error:
        language: Language = "ko" if one.language == "ko" else "en"
        message = renderer_of(language).refusal(error)
        return Outcome(error=error, answer=message.text + " " + str(message.blocks))


def _with_bars(one: Utterance, study: str | None) -> Reading:
    reading = understand(one.text, study=study, is_addressed=one.where == "mention")
    strange = _without_bars(reading.command)
    if not strange:
        return reading
    try:
        again = understand(one.text, study=study, is_addressed=one.where == "mention", unknown=strange)
    except UserError as error:
        if isinstance(error, TwoReadings) or error.facts.get("nearest"):
            raise
        raise UnknownSymbol(word=strange[0], nearest="", known="AAPL, MSFT", command="") from None
    if left := _without_bars(again.command):
        raise UnknownSymbol(word=left[0], nearest="", known="AAPL, MSFT", command="")
    return again


def _without_bars(command: Command) -> list[str]:
    """Return the symbols that no source has, and the name of a study that is none."""
    if (study := str(getattr(command, "study", None) or "")) and not study.startswith("opt-"):
        return [study.upper()]
    start = command.start if isinstance(command, AddSchedule) else command
    if not isinstance(start, Start):
        return []
    known = listings()
    return [s for s in start.symbols if s not in known and not s.startswith("@") and not _PAIR.fullmatch(s)]


def grade(one: Utterance, found: Outcome) -> Grade:
    """Grade what became of a text."""
    match one.want:
        case "start":
            return _grade_start(one, found)
        case "ask":
            return _grade_ask(one, found)
        case "tell":
            return _grade_tell(one, found)
        case "refuse":
            return _grade_refusal(one, found)
    raise ValueError(one.want)


def _grade_start(one: Utterance, found: Outcome) -> Grade:
    study = THREAD if one.where == "thread" else None
    meant = parse(one.command, study=study)
    if found.command is not None:
        return Grade.RIGHT if _same(found.command, meant) else _done_wrongly(found.command)
    return Grade.HELPFUL if _offers(found, one.command, study) or _leads_on(one, found) else Grade.BAD


def _grade_ask(one: Utterance, found: Outcome) -> Grade:
    if found.command is not None:
        return _done_wrongly(found.command)
    study = THREAD if one.where == "thread" else None
    if isinstance(found.error, TwoReadings):
        offered = [parse(str(found.error.facts[name]), study=study) for name in ("one", "other")]
        meant = [parse(each, study=study) for each in one.either]
        return Grade.RIGHT if all(any(_same(a, b) for b in offered) for a in meant) else Grade.BAD
    return Grade.HELPFUL if any(_offers(found, each, study) for each in one.either) else Grade.BAD


def _grade_tell(one: Utterance, found: Outcome) -> Grade:
    verb = one.verb.replace(" ", "_").lower()
    if found.command is not None:
        if _verb(found.command) == verb:
            return Grade.RIGHT
        return Grade.MISREAD if _changes(found.command) else Grade.BAD
    assert found.error is not None
    usage = str(found.error.facts.get("usage", ""))
    if usage.split(" ")[0] == verb:
        return Grade.RIGHT
    return Grade.HELPFUL if f"`{verb}" in found.answer or isinstance(found.error, TwoReadings) else Grade.BAD


def _grade_refusal(one: Utterance, found: Outcome) -> Grade:
    if found.command is not None:
        return Grade.MISREAD if _changes(found.command) else Grade.BAD
    names = one.word.lower() in found.answer.lower()
    offers = not one.offer or one.offer.lower() in found.answer.lower()
    if names and offers:
        return Grade.RIGHT
    return Grade.HELPFUL if names or (one.offer and offers) or isinstance(found.error, TwoReadings) else Grade.BAD


def _same(one: Command, other: Command) -> bool:
    return _plain(one) == _plain(other)


def _plain(command: Command) -> Command:
    """Return a start without what says the same in another order."""
    if isinstance(command, Start):
        return replace(command, specs=tuple(sorted(command.specs, key=lambda spec: spec.symbol)))
    if isinstance(command, AddSchedule) and command.start:
        return replace(command, start=_plain(command.start))
    return command


def _changes(command: Command) -> bool:
    """True for a command that starts or changes something."""
    if isinstance(command, Start | AddSchedule):
        return True
    return not isinstance(command, Help | SmallTalk | OpenModal) and verb_of(command).role.name != "VIEWER"


def _done_wrongly(command: Command) -> Grade:
    return Grade.MISREAD if _changes(command) else Grade.BAD


def _verb(command: Command) -> str:
    if isinstance(command, SmallTalk):
        return command.kind.value
    return "form" if isinstance(command, OpenModal) else verb_of(command).key


def _offers(found: Outcome, text: str, study: str | None) -> bool:
    """True if the answer offers this very command."""
    assert found.error is not None
    offered = [found.error.command, *(str(found.error.facts.get(name, "")) for name in ("one", "other", "example"))]
    for each in filter(None, offered):
        try:
            if _same(parse(each, study=study), parse(text, study=study)):
                return True
        except UserError:
            continue
    return False


def _leads_on(one: Utterance, found: Outcome) -> bool:
    """True for an error that names a word of the text and offers no other study."""
    assert found.error is not None
    if found.error.command:
        return False
    word = str(found.error.facts.get("word") or found.error.facts.get("value") or "")
    return bool(word) and any(part.lower() in one.text.lower() for part in word.split())
