"""Sources of other packages: real distributions on the path, with entry points."""

import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from importlib.metadata import EntryPoint, distributions
from pathlib import Path

import pytest

from optimizer.errors import NoTimeframe, ProviderDown, UnknownTimeframe
from optimizer.market.feed import Market
from optimizer.market.providers.plugins import GROUP, Plugins, load_plugins
from optimizer.market.raw_bars import SeriesKey
from optimizer.market.warehouse.warehouse import Warehouse
from tests.refused import refused

NOW = datetime(2024, 6, 3, 23, tzinfo=UTC)
GOOD = """
from datetime import date
import numpy as np
from optimizer.errors import NoTimeframe
from optimizer.market.raw_bars import make_history

class Desk:
    name, is_live, symbols = "desk", True, ["ACME"]

    def fetch(self, symbol, *, timeframe, start, end, now):
        if symbol == "BROKEN":
            raise KeyError("secret")
        if symbol == "WRONG":
            return [1, 2, 3]
        if timeframe != "1d":
            raise NoTimeframe.of_symbol(symbol, timeframe, ["1d"])
        columns = {name: np.array([1.0, 2.0]) for name in ("open", "high", "low", "close", "volume")}
        columns["time"] = np.array(["2024-05-30", "2024-05-31"], dtype="datetime64[D]")
        name = "OTHER" if symbol == "SWAPPED" else symbol
        return make_history(name, source="desk", columns=columns).between(start, end)
"""

Install = Callable[..., Plugins]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Put a distribution on the path, as an installer does, and load its plugins."""

    def installed(*, taken: frozenset[str] = frozenset({"yahoo"}), **sources: str) -> Plugins:
        information = tmp_path / "firm_sources-1.0.dist-info"
        information.mkdir()
        (information / "METADATA").write_text("Metadata-Version: 2.1\nName: firm-sources\nVersion: 1.0\n")
        lines = []
        for name, source in sources.items():
            (tmp_path / f"firm_{name}_{tmp_path.name[-1]}x.py").write_text(source)
            lines.append(f"{name} = firm_{name}_{tmp_path.name[-1]}x:Desk")
        (information / "entry_points.txt").write_text("\n".join([f"[{GROUP}]", *lines, ""]))
        monkeypatch.syspath_prepend(tmp_path)
        for module in [one for one in sys.modules if one.startswith("firm_")]:
            monkeypatch.delitem(sys.modules, module)
        return load_plugins(_entry_points(tmp_path), taken)

    return installed


def _entry_points(folder: Path) -> list[EntryPoint]:
    found = distributions(path=[str(folder)])
    return [entry for one in found for entry in one.entry_points if entry.group == GROUP]


def test_a_source_of_another_package_is_one_like_any_other(install: Install, warehouse: Warehouse) -> None:
    plugins = install(desk=GOOD)
    market = Market(warehouse, plugins.providers, sources=("desk",))

    assert (market.get_bars("ACME", now=NOW).close.tolist(), plugins.refused) == ([1.0, 2.0], ())
    assert "ACME" in market.known_symbols()
    assert market.is_live("desk")
    assert warehouse.symbols()[0].key == SeriesKey("ACME", "1d", "desk")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def Desk(:", "its_code_failed cause=SyntaxError"),
        ("import nowhere_at_all", "its_code_failed cause=ModuleNotFoundError"),
        ("Other = 1", "its_code_failed cause=AttributeError"),
        ("Desk = 5", "its_code_failed cause=TypeError"),
        ("def Desk(): raise RuntimeError('no licence')", "its_code_failed cause=RuntimeError"),
        ("class Desk: name = 'desk'", "no_provider cause='Desk' object has no attribute 'is_live'"),
        ("class Desk: name, is_live, symbols = 'desk', True, ()", "no_provider cause='Desk' object has no attribute"),
        (GOOD.replace('"desk", True', '"My Desk", True'), "no_source_name name=My Desk"),
        (GOOD.replace('"desk", True', '"table:desk", True'), "no_source_name name=table:desk"),
        (GOOD.replace('"desk", True', '"yahoo", True'), "name_taken name=yahoo"),
    ],
)
def test_a_broken_one_is_named_and_refused_and_the_rest_go_on(install: Install, source: str, reason: str) -> None:
    plugins = install(broken=source, desk=GOOD)

    assert [one.name for one in plugins.providers] == ["desk"]
    assert [(one.name, str(one.reason)[: len(reason)]) for one in plugins.refused] == [("broken", reason)]


def test_of_two_with_one_name_the_second_is_refused(install: Install) -> None:
    plugins = install(first=GOOD, second=GOOD)

    assert [(one.name, one.reason.key) for one in plugins.refused] == [("second", "name_taken")]


@pytest.mark.parametrize(
    ("symbol", "reason"),
    [
        ("BROKEN", r"its code failed \(KeyError\)"),
        ("WRONG", "something other than bars"),
        ("SWAPPED", "something other than bars"),
    ],
)
def test_what_it_raises_or_returns_later_is_a_source_that_is_down(
    install: Install, symbol: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    (desk,) = install(desk=GOOD).providers

    with refused(ProviderDown, match=f"`desk` did not deliver `{symbol}`: .*{reason}"):
        desk.fetch(symbol, timeframe="1d", start=None, end=None, now=NOW)
    assert f"source_failed source=desk symbol={symbol}" in caplog.text


def test_its_own_refusals_are_told_as_they_are(install: Install) -> None:
    (desk,) = install(desk=GOOD).providers

    with refused(NoTimeframe, match="`ACME` has daily bars only"):
        desk.fetch("ACME", timeframe="1h", start=None, end=None, now=NOW)
    with pytest.raises(UnknownTimeframe):
        desk.fetch("ACME", timeframe="2w", start=None, end=date(2024, 5, 30), now=NOW)


def test_without_other_packages_there_is_nothing_to_refuse() -> None:
    assert load_plugins([], frozenset()) == Plugins((), ())
