"""Heavy modules, loaded on first use.

Declaring a strategy, checking a command and wording a result need no compiler and no TA-Lib; only computing
does. Processes that compute nothing start a second sooner.

To keep its types, import the module for the type checker:

    if TYPE_CHECKING:
        import talib
    else:
        talib = LazyModule("talib")
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any


class LazyModule:
    """Proxy of a module that imports it at the first access to a public attribute."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("_"):
            raise AttributeError(attribute)  # a tool that looks for a mark of its own loads nothing
        found = getattr(import_module(self._name), attribute)
        setattr(self, attribute, found)  # looked up once
        return found


def unusable() -> tuple[str, ...]:
    """Modules that cannot be imported here, and would load a package that nothing else needs before they say so."""
    return () if find_spec("OpenSSL") else ("pymongo.pyopenssl_context",)


def load_modules(*names: str) -> None:
    """Import modules now, so that their proxies find them loaded."""
    for name in names:
        import_module(name)


@contextmanager
def not_found(*names: str) -> Iterator[None]:
    """Let packages look as if they were not installed, inside the block; those that are loaded already are found.

    For others that import them where they find them, for seconds and a hundred megabytes, and need them for features
    that are not used here. Only for a process whose other threads import nothing meanwhile.
    """
    absent = [name for name in names if name not in sys.modules]
    modules: dict[str, Any] = sys.modules  # the import system defines None in it, its stubs do not
    modules.update(dict.fromkeys(absent))
    try:
        yield
    finally:
        for name in absent:
            del modules[name]
