"""Sources of other packages, from the entry points of the group `optimize_bot.providers`.

An entry point names a class, or a function, that makes a Provider when it is called without arguments. One that cannot
be loaded or is no source is refused by name, and the rest go on. What it raises later is reported as a source that is
down: code of others must not end a refresh of everybody's bars.
"""

import logging
import re
from collections.abc import Callable, Collection, Iterable
from datetime import date, datetime
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, NamedTuple, TypeVar

from optimizer.errors import Phrase, ProviderDown, UserError
from optimizer.market.providers.online.retry import LATER
from optimizer.market.providers.provider import Provider
from optimizer.market.raw_bars import COLUMNS, RawBars, SeriesKey, find_timeframe

log = logging.getLogger(__name__)

GROUP = "optimize_bot.providers"
_NAME = re.compile(r"[a-z][a-z0-9_-]{1,29}")
Made = TypeVar("Made")


class Refused(NamedTuple):
    """An entry point that is no source, and why."""

    name: str
    reason: Phrase


class Plugins(NamedTuple):
    """Sources of other packages, and what was refused."""

    providers: tuple[Provider, ...]
    refused: tuple[Refused, ...]


class _Fault(Exception):
    """What code of others raised, or what is wrong with what it made."""

    def __init__(self, reason: Phrase) -> None:
        super().__init__(str(reason))
        self.reason = reason


@cache
def installed_plugins(taken: frozenset[str]) -> Plugins:
    """Load the plugins of this installation, once; `taken` are names of other sources."""
    return load_plugins(entry_points(group=GROUP), taken)


def load_plugins(found: Iterable[EntryPoint], taken: Collection[str]) -> Plugins:
    """Load plugins; refuses those that fail, and names that are taken or cannot be typed."""
    providers: dict[str, Provider] = {}
    refused: list[Refused] = []
    for entry in sorted(found, key=lambda one: one.name):
        try:
            plugin = Plugin(_guarded(lambda entry=entry: entry.load()()))  # type: ignore[misc]
            _require_name(plugin.name, {*taken, *providers})
        except _Fault as fault:
            log.warning("source_refused entry_point=%s reason=%s", entry.name, fault.reason, exc_info=fault.__cause__)
            refused.append(Refused(entry.name, fault.reason))
        else:
            providers[plugin.name] = plugin
    return Plugins(tuple(providers.values()), tuple(refused))


class Plugin:
    """Source of another package; whatever it raises or returns, a study gets bars or a UserError."""

    def __init__(self, made: Any) -> None:
        try:
            self.name = str(made.name)
            self.is_live = bool(made.is_live)
            self.symbols: tuple[str, ...] = tuple(map(str, made.symbols))
            self._fetch: Callable[..., object] = made.fetch
        except (AttributeError, TypeError) as error:
            raise _Fault(Phrase("no_provider", cause=str(error))) from error

    def fetch(self, symbol: str, *, timeframe: str, start: date | None, end: date | None, now: datetime) -> RawBars:
        """Bars of days start to end. Raises a UserError of the plugin's, UnknownTimeframe, or ProviderDown."""
        find_timeframe(timeframe)
        try:
            made = _guarded(lambda: self._fetch(symbol, timeframe=timeframe, start=start, end=end, now=now))
            return _require_bars(made, SeriesKey(symbol, timeframe, self.name))
        except _Fault as fault:
            log.warning("source_failed source=%s symbol=%s", self.name, symbol, exc_info=fault.__cause__)
            raise ProviderDown(provider=self.name, symbol=symbol, reason=fault.reason, remedy=LATER) from None


def _guarded(call: Callable[[], Made]) -> Made:
    """Call code of others; raises its UserErrors as they are, and anything else as _Fault."""
    try:
        return call()
    except UserError:
        raise
    except Exception as error:
        raise _Fault(Phrase("its_code_failed", cause=type(error).__name__)) from error


def _require_name(name: str, taken: Collection[str]) -> None:
    if not _NAME.fullmatch(name):
        raise _Fault(Phrase("no_source_name", name=name))
    if name in taken:
        raise _Fault(Phrase("name_taken", name=name))


def _require_bars(made: object, key: SeriesKey) -> RawBars:
    if not isinstance(made, RawBars) or made.key != key:
        raise _Fault(Phrase("something_else"))
    if len({len(getattr(made, name)) for name in COLUMNS}) > 1:
        raise _Fault(Phrase("not_as_documented"))
    return made
