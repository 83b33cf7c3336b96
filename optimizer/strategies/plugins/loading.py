"""Loading of a person's own strategies, once at start: found, tried in a process of their own, then run here.

What fails is refused with its file, line and reason, and the others load. Workers are given the same sources and load
them again; none is tried twice.
"""

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from pathlib import Path

from optimizer.errors import Phrase, UserError
from optimizer.strategies.declaration import Strategy
from optimizer.strategies.plugins.plugin_errors import Fault, StrategyRefused, refusal_of
from optimizer.strategies.plugins.plugin_files import (
    GROUP,
    PluginKinds,
    PluginSource,
    digest_of_package,
    read_folder,
    read_packages,
)
from optimizer.strategies.plugins.plugin_module import own_strategies, require_free
from optimizer.strategies.plugins.trial_process import Bounds, try_out
from optimizer.strategies.registry import STRATEGIES

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class OwnStrategies:
    """A person's own strategies, what they came from, and what was refused."""

    strategies: tuple[Strategy, ...] = ()
    sources: tuple[PluginSource, ...] = ()  # each with a strategy that is used
    refused: tuple[StrategyRefused, ...] = ()

    def use(self) -> None:
        """Let every part of this process know them."""
        STRATEGIES.set_own(self.strategies, _by_name(self.refused))


@dataclass(frozen=True, kw_only=True)
class Reserved:
    """Words that strategies may not be called, and that parameters may not."""

    names: Collection[str] = ()
    parameters: Collection[str] = ()


def load_plugins(
    kinds: PluginKinds, folder: Path, *, reserved: Reserved, bounds: Bounds | None = None
) -> OwnStrategies:
    """Find, try and load a person's own strategies."""
    sources, refused = list[PluginSource](), list[StrategyRefused]()
    readings = [read_folder(folder)] if kinds in (PluginKinds.FOLDER, PluginKinds.ALL) else []
    if kinds in (PluginKinds.PACKAGES, PluginKinds.ALL):
        readings.append(read_packages(entry_points(group=GROUP)))
    for found, wrong in readings:
        sources += found
        refused += wrong
    loaded = load_sources(sources, reserved=reserved, bounds=bounds)
    return replace(loaded, refused=(*refused, *loaded.refused))


def load_sources(sources: Sequence[PluginSource], *, reserved: Reserved, bounds: Bounds | None = None) -> OwnStrategies:
    """Try sources and load those that pass."""
    strategies, passed, refused = dict[str, Strategy](), list[PluginSource](), list[StrategyRefused]()
    for source, tried in zip(sources, try_out(sources, bounds or Bounds()), strict=True):
        try:
            if tried.fault is not None:
                raise tried.fault
            source = replace(source, seconds=tried.seconds)
            own = _free(source, own_strategies(source), reserved, strategies.values())
        except Fault as fault:
            log.warning("strategies_refused file=%s line=%s reason=%s", source.name, fault.line, fault.reason)
            refused.append(refusal_of(source.name, fault))
        else:
            strategies |= own
            passed.append(source)
            log.info("strategies_loaded file=%s strategies=%s digest=%s", source.name, ",".join(own), source.digest)
    return OwnStrategies(strategies=tuple(strategies.values()), sources=tuple(passed), refused=tuple(refused))


def _free(
    source: PluginSource, strategies: Iterable[Strategy], reserved: Reserved, others: Iterable[Strategy]
) -> dict[str, Strategy]:
    """Return the strategies of a source by key. Raises Fault for a name that is taken."""
    taken = {*reserved.names, *STRATEGIES.ours, *(word for one in STRATEGIES.ours.values() for word in one.aliases)}
    taken |= {word for other in others for word in (other.key, *other.aliases)}
    found: dict[str, Strategy] = {}
    for strategy in strategies:
        require_free(strategy, taken, reserved.parameters)
        taken |= {strategy.key, *strategy.aliases}
        found[strategy.key] = strategy
    return found


def load_again(sources: Iterable[PluginSource]) -> OwnStrategies:
    """Load sources that passed their trial elsewhere; one that is no longer the same is refused."""
    strategies, refused = list[Strategy](), list[StrategyRefused]()
    for source in sources:
        try:
            if source.text is None and digest_of_package(source) != source.digest:
                raise Fault(Phrase("own_package_changed"))
            strategies += own_strategies(source)
        except Fault as fault:
            log.error("strategies_refused file=%s line=%s reason=%s", source.name, fault.line, fault.reason)
            refused += [refusal_of(source.name, fault, key) for key in source.seconds]
    return OwnStrategies(strategies=tuple(strategies), refused=tuple(refused))


def _by_name(refused: Iterable[StrategyRefused]) -> dict[str, UserError]:
    """Map refusals by the names that a person would type."""
    return {str(refusal.facts["name"]): refusal for refusal in refused}
