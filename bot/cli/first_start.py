"""The one question of the first start in a terminal: where prices come from. Its answer is kept in the data directory.

`OPTIMIZE_BOT_SOURCES` goes before it, and without a terminal nothing is asked.
"""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from bot.cli.attach import exit_codes
from bot.runtime.settings import Settings
from optimizer.errors import UserError
from optimizer.lazy import LazyModule
from reports.render import renderer_of
from reports.text import terminal

if TYPE_CHECKING:
    from bot.runtime import services
    from optimizer.market.providers import registry
else:
    # Only where somebody is asked.
    services, registry = LazyModule("bot.runtime.services"), LazyModule("optimizer.market.providers.registry")

_FILE = "sources"
#: Sources by the answer: fresh bars first, or only the sample that comes with the program.
_ANSWERS = {"": "file,yahoo,sample", "1": "file,yahoo,sample", "2": "file,sample"}
_MOST_ATTEMPTS = 3
_QUESTION, _AGAIN = ("ask_source", "ask_source_fresh", "ask_source_sample", "ask_source_names"), ("ask_source_again",)


def with_sources(settings: Settings, *, may_ask: bool, typed: TextIO | None = None) -> Settings:
    """Return the settings with the sources that were chosen at the first start, asking for them if nobody was asked.

    `typed` is where the answer comes from, the terminal unless given. What cannot be read counts as no answer.
    """
    if "sources" in settings.model_fields_set:
        return settings
    kept = settings.home / _FILE
    words = _kept(kept)
    if not words and may_ask:
        words = _ask(settings, typed or sys.stdin)
        _keep(kept, words)
    return _with(settings, words) or settings


def may_ask() -> bool:
    """Check whether a person sits at the terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def _ask(settings: Settings, typed: TextIO) -> str:
    """Ask until the answer can be followed, three times at most; fresh bars if it never can.

    A source that does not exist here, or lacks its key or package, would be refused at each start: it is said now.
    """
    say = renderer_of(settings.language)
    for lines in (_QUESTION, *[_AGAIN] * (_MOST_ATTEMPTS - 1)):
        words = [terminal.terminal_text([say.notice(line)]).strip() for line in lines]
        sys.stderr.write("\n".join(words) + "\n> ")
        sys.stderr.flush()
        answer = typed.readline().strip().lower()
        if answer in _ANSWERS:
            return _ANSWERS[answer]
        named = _with(settings, answer)
        refusal = _refusal(named) if named else None
        if named and refusal is None:
            return answer
        sys.stderr.write(exit_codes.sentence_of(refusal, settings.language) if refusal else "")
    return _ANSWERS[""]


def _refusal(settings: Settings) -> UserError | None:
    """Return why the first of the sources that cannot be used cannot; None where all can."""
    providers = registry.make_providers(services.provider_settings(settings))
    made = {provider.name for provider in providers}
    return next(filter(None, (registry.refusal_of(name, made) for name in settings.sources)), None)


def _with(settings: Settings, words: str) -> Settings | None:
    """Return the settings with these sources; None for words that name none."""
    names = tuple(name.strip() for name in words.split(",") if name.strip())
    is_clean = all(re.fullmatch(r"[A-Za-z0-9_:-]{1,60}", name) for name in names)
    return settings.model_copy(update={"sources": names}) if names and is_clean else None


def _kept(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _keep(file: Path, words: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.write_text(words + "\n", encoding="utf-8")
    except OSError:
        return  # asked again at the next start; what is wrong with the directory is told in a moment
