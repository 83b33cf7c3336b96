"""Proxies of heavy modules: what loads them, and what only looks at them."""

import sys
from inspect import unwrap
from pathlib import Path

import pytest

from optimizer.lazy import LazyModule, not_found


@pytest.fixture
def heavy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module that nothing has loaded."""
    (tmp_path / "heavy_of_a_test.py").write_text("SIZE = 3\n_HIDDEN = 4\n")
    monkeypatch.syspath_prepend(tmp_path)
    return "heavy_of_a_test"


def test_a_name_loads_the_module(heavy: str) -> None:
    assert LazyModule(heavy).SIZE == 3
    assert sys.modules.pop(heavy).SIZE == 3


def test_a_tool_that_looks_for_its_mark_loads_nothing(heavy: str) -> None:
    proxy = LazyModule(heavy)

    assert not hasattr(proxy, "__wrapped__")
    assert not hasattr(proxy, "_HIDDEN")
    assert unwrap(proxy) is proxy  # type: ignore[arg-type]
    assert heavy not in sys.modules


def test_what_is_not_to_be_found_is_not_imported_inside_the_block_and_is_after_it(heavy: str) -> None:
    with not_found(heavy, "json"), pytest.raises(ModuleNotFoundError):
        __import__(heavy)

    assert __import__(heavy).SIZE == 3
    with not_found(heavy):  # it is loaded: nothing is taken away
        assert __import__(heavy).SIZE == 3
