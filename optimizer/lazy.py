"""Heavy modules, loaded when first used.

Declaring a strategy, checking a command and wording a result need no compiler and no TA-Lib; computing
does. The processes that only declare start a second sooner for it.
"""

from importlib import import_module
from typing import Any


class LazyModule:
    """Stands for a module until something of it is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        found = getattr(import_module(self._name), attribute)
        setattr(self, attribute, found)  # asked for once
        return found

    def load(self) -> None:
        """Load the module now."""
        import_module(self._name)
