"""Compiled functions: numba without the interpreter lock, kept on disk between starts.

The machine code is kept in `NUMBA_CACHE_DIR`, in `__pycache__` beside the source, or in the user's
cache, whichever may be written to first. A folder that was filled when an image was built and is
read-only since is still read; with no folder at all the code is compiled afresh at each start.
Neither is an error. Where numba renews kept code when its own file changes, here it is renewed when
any compiled function of the folder does, because they call each other across files.
"""

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from pickle import UnpicklingError
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


@cache
def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.py")):
        source = path.read_bytes()
        if b"@compiled" in source:
            digest.update(source)
    return digest.hexdigest()


F = TypeVar("F", bound=Callable[..., Any])


class _Stamped:
    """Code that is as old as the newest compiled function beside it: they may call each other."""

    _py_file: str

    def get_source_stamp(self) -> str:
        """A digest of all files of the folder that hold compiled functions."""
        return _digest(Path(self._py_file).parent)


class _Filled(_Stamped):
    """A folder that holds this module's code already; it need not be writable."""

    get_cache_path: Callable[[], str]

    def ensure_cache_path(self) -> None:
        """Raise FileNotFoundError where nothing of this module was kept."""
        folder = Path(self.get_cache_path())
        if not any(folder.glob(f"{Path(self._py_file).stem}.*.nbi")):
            raise FileNotFoundError(folder)


class _ByUser(_Stamped, UserProvidedCacheLocator):
    pass


class _InTree(_Stamped, InTreeCacheLocator):
    pass


class _UserWide(_Stamped, UserWideCacheLocator):
    pass


class _FilledByUser(_Filled, UserProvidedCacheLocator):
    pass


class _FilledInTree(_Filled, InTreeCacheLocator):
    pass


class _Implementation(CompileResultCacheImpl):
    _locator_classes = [  # noqa: RUF012  # numba declares it so
        _ByUser,
        _FilledByUser,
        _InTree,
        _FilledInTree,
        _UserWide,
    ]


class _Cache(FunctionCache):
    _impl_class = _Implementation

    def load_overload(self, sig: object, target_context: object) -> Any:
        """The code kept for a signature; none where it was kept by a version whose types are gone."""
        try:
            return super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        except (AttributeError, ImportError, EOFError, UnpicklingError):
            self._forget()
            return None

    def save_overload(self, sig: object, data: object) -> None:
        """Keep compiled code, or do without where the disk is full or read-only."""
        try:
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]
        except OSError:
            self.disable()  # type: ignore[no-untyped-call]

    def _forget(self) -> None:
        try:
            self.flush()  # type: ignore[no-untyped-call]
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
