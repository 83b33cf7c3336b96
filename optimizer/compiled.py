"""Compiled functions: numba without the interpreter lock, kept on disk between starts.

The machine code is kept in `NUMBA_CACHE_DIR`, in `__pycache__` beside the source, or in the user's
cache, whichever may be written to first. A folder that was filled when an image was built and is
read-only since is still read; with no folder at all the code is compiled afresh at each start.
Neither is an error. A cached function is renewed when its own file changes, not when a function
it calls in another file does: compiled functions that call each other live in one file.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.core.caching import (
    CompileResultCacheImpl,
    FunctionCache,
    InTreeCacheLocator,
    UserProvidedCacheLocator,
    UserWideCacheLocator,
)
from numba.extending import intrinsic

F = TypeVar("F", bound=Callable[..., Any])


class _Filled:
    """A folder that holds this module's code already; it need not be writable."""

    _py_file: str
    get_cache_path: Callable[[], str]

    def ensure_cache_path(self) -> None:
        """Raise FileNotFoundError where nothing of this module was kept."""
        folder = Path(self.get_cache_path())
        if not any(folder.glob(f"{Path(self._py_file).stem}.*.nbi")):
            raise FileNotFoundError(folder)


class _FilledByUser(_Filled, UserProvidedCacheLocator):
    pass


class _FilledInTree(_Filled, InTreeCacheLocator):
    pass


class _Implementation(CompileResultCacheImpl):
    _locator_classes = [  # noqa: RUF012  # numba declares it so
        UserProvidedCacheLocator,
        _FilledByUser,
        InTreeCacheLocator,
        _FilledInTree,
        UserWideCacheLocator,
    ]


class _Cache(FunctionCache):
    _impl_class = _Implementation

    def save_overload(self, sig: object, data: object) -> None:
        """Keep compiled code, or do without where the disk is full or read-only."""
        try:
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]
        except OSError:
            self.disable()  # type: ignore[no-untyped-call]


def compiled(function: F) -> F:
    """`function` as machine code, compiled at its first call or read from the disk cache."""
    dispatcher: Any = njit(nogil=True)(function)
    try:
        dispatcher._cache = _Cache(function)  # type: ignore[no-untyped-call]
    except RuntimeError:  # numba's word for: no folder may be written to
        return cast("F", dispatcher)
    return cast("F", dispatcher)


def _count_zeros(typing_context: object, word: types.Integer) -> tuple[Any, Any]:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate


#: The position of the lowest set bit of a 64-bit word that is not 0, inside compiled functions.
trailing_zeros = cast("Callable[[np.uint64], int]", intrinsic(_count_zeros))
