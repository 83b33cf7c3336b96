"""Compile functions with numba, without the interpreter lock, and cache the machine code on disk.

The cache is `NUMBA_CACHE_DIR`, `__pycache__` beside the source, or the user's cache folder: the first
that is writable. A read-only cache that was filled when an image was built is used too; without any
folder the code is compiled at each start. Neither is an error. Numba invalidates cached code when its
file changes; here any change of a compiled function in the folder does, because they call each other
across files. Of several processes that start at once one compiles a function; the others wait for that, and read it.
"""

import fcntl
import hashlib
import os
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, TypeVar, cast

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core.caching import (
    CompileResultCacheImpl,
    FunctionCache,
    InTreeCacheLocator,
    UserProvidedCacheLocator,
    UserWideCacheLocator,
)
from numba.core.compiler import Compiler
from numba.core.compiler_lock import global_compiler_lock
from numba.core.dispatcher import _FunctionCompiler  # type: ignore[attr-defined]
from numba.core.registry import CPUDispatcher
from numba.core.runtime.nrt import rtsys
from numba.core.sigutils import normalize_signature
from numba.extending import intrinsic, models, register_model


@cache
def _digest(folder: Path) -> str:
    digest = hashlib.sha256(Path(__file__).read_bytes())  # how it is compiled
    for path in sorted(folder.glob("*.py")):
        source = path.read_bytes()
        if b"@compiled" in source:
            digest.update(source)
    return digest.hexdigest()


F = TypeVar("F", bound=Callable[..., Any])


class _Stamped:
    """Cache locator whose stamp covers all compiled functions of a folder, because they may call each other."""

    _py_file: str

    def get_source_stamp(self) -> str:
        """Digest of all files of the folder with compiled functions."""
        return _digest(Path(self._py_file).parent)


class _Filled(_Stamped):
    """Locator of a folder that already has this module's code and need not be writable."""

    get_cache_path: Callable[[], str]

    def ensure_cache_path(self) -> None:
        """Raise FileNotFoundError if the folder has no code of this module."""
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


class _Turns:
    """This process's turns to compile for a folder of the cache: one process at a time has one.

    A function that is compiled in the middle of another one belongs to the same turn. A process waits for so many
    seconds at most, in all: code that two of them compile is only compiled twice.
    """

    def __init__(self, patience: float) -> None:
        self._held: dict[str, tuple[int, int]] = {}  # the descriptor that is locked, and the functions under way
        self._patience = patience

    def begin(self, folder: str) -> None:
        """Wait for a turn."""
        descriptor, depth = self._held.get(folder, (-1, 0))
        if not depth:
            try:
                descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            except OSError:  # there is no folder yet, or none at all
                return
            self._lock(descriptor)
        self._held[folder] = descriptor, depth + 1

    def end(self, folder: str) -> None:
        """End what `begin` began."""
        descriptor, depth = self._held.pop(folder, (-1, 0))
        if depth > 1:
            self._held[folder] = descriptor, depth - 1
        elif depth:
            os.close(descriptor)

    def _lock(self, descriptor: int) -> None:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if self._patience <= 0:
                    return
                time.sleep(_TURN_POLL)
                self._patience -= _TURN_POLL
            except OSError:  # a file system without locks
                return
            else:
                return


#: Seconds that a process waits for others in all, and between two looks.
_PATIENCE, _TURN_POLL = 60.0, 0.05
_TURNS = _Turns(_PATIENCE)


class _Compiler(_FunctionCompiler):  # type: ignore[misc]
    """Compiler of a function; without its entry for Python where only compiled functions call it.

    An entry that unpacks a model of twenty arrays takes as long to compile as the function.
    """

    is_for_python = False

    def _customize_flags(self, flags: Any) -> Any:
        flags.no_cpython_wrapper = not self.is_for_python
        return flags


class _Dispatcher(CPUDispatcher):
    """Compiled function. Python calls only what has an entry for it, which is compiled when it is first needed."""

    _compiler: _Compiler
    _cache: Any

    def _compile_for_args(self, *args: object, **kws: object) -> Any:
        """Machine code for the types of a call from Python, which has seen no such types yet."""
        with global_compiler_lock:
            self._compiler.is_for_python = True
            try:
                return super()._compile_for_args(*args, **kws)  # type: ignore[misc]
            finally:
                self._compiler.is_for_python = False

    def compile(self, sig: Any) -> Any:
        """Compile for a signature, or load it."""
        with global_compiler_lock:
            types_of_call = tuple(normalize_signature(sig)[0])  # type: ignore[no-untyped-call]
            found = self.overloads.get(types_of_call)
            if found is not None and self._compiler.is_for_python and not _has_entry(found):
                del self.overloads[types_of_call]  # its callers have copies
            return super().compile(sig)

    def add_overload(self, cres: Any) -> None:
        """Add a compile result; Python is told of those that it can call."""
        if _has_entry(cres):
            super().add_overload(cres)
        else:
            self.overloads[tuple(cres.signature.args)] = cres


def _has_entry(result: Any) -> bool:
    return bool(result.library.get_pointer_to_function(result.fndesc.llvm_cpython_wrapper_name))


class _Cache(FunctionCache):
    _impl_class = _Implementation

    def __init__(self, function: Callable[..., Any], compiler: _Compiler) -> None:
        super().__init__(function)  # type: ignore[no-untyped-call]
        self._compiler = compiler

    def load_overload(self, sig: object, target_context: object) -> Any:
        """Cached code of a signature; None where a version with other types wrote it, and it is to be compiled."""
        found = self._load(sig, target_context)
        if found is None and self._enabled:
            _TURNS.begin(self.cache_path)
            if (found := self._load(sig, target_context)) is not None:  # another process has compiled it meanwhile
                _TURNS.end(self.cache_path)
        return found

    def _load(self, sig: object, target_context: object) -> Any:
        # Without the refresh of the context that comes first in numba: what its compiler knows is a hundred modules,
        # which compiling loads by itself and code from the cache does not need. The memory of arrays alone is set up.
        rtsys.initialize(target_context)
        try:
            with self._guard_against_spurious_io_errors():
                return self._load_overload(sig, target_context)  # type: ignore[no-untyped-call]
            return None
        except (AttributeError, ImportError, EOFError, UnpicklingError):
            self._forget()
            return None

    def _index_key(self, sig: object, codegen: object) -> tuple[object, ...]:
        """Return numba's key, and whether the code has an entry for Python."""
        return *super()._index_key(sig, codegen), self._compiler.is_for_python  # type: ignore[no-untyped-call]

    def save_overload(self, sig: object, data: object) -> None:
        """Cache compiled code; a disk that is full or read-only disables the cache."""
        try:
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]
        except OSError:
            self.disable()  # type: ignore[no-untyped-call]
        finally:
            _TURNS.end(self.cache_path)

    def _forget(self) -> None:
        try:
            self.flush()  # type: ignore[no-untyped-call]
        except OSError:
            self.disable()  # type: ignore[no-untyped-call]


#: Division by zero gives an infinity or a NaN, as NumPy's does: to raise an exception for it would keep loops with
#: divisions from working on several values at once. Nothing calls these functions from C.
_OPTIONS: dict[str, Any] = {"nopython": True, "nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}


def compiled(function: F) -> F:
    """Machine code of `function`, compiled at its first call or read from the cache."""
    return _cached(function, _OPTIONS)


def _cached(function: F, options: dict[str, Any]) -> F:
    dispatcher = _Dispatcher(function, targetoptions=options)
    dispatcher._compiler = _Compiler(function, dispatcher.targetdescr, options, {}, Compiler)
    try:
        dispatcher._cache = _Cache(function, dispatcher._compiler)
    except RuntimeError:  # raised by numba when no folder is writable
        return cast("F", dispatcher)
    return cast("F", dispatcher)


def compiled_part(function: F) -> F:
    """As `compiled`, of a function that makes and returns no array: its code does not count references to those it has.

    Whoever calls it holds them meanwhile. Counting takes longer than most of what such functions compute: an atomic
    operation for every array of every call.
    """
    return _cached(function, {**_OPTIONS, "_nrt": False})


def is_compiled(function: Callable[..., Any]) -> bool:
    """True if the cache has code of a compiled function, of these sources."""
    cache: Any = getattr(function, "_cache", None)
    return isinstance(cache, _Cache) and bool(cache._cache_file._load_index())  # type: ignore[no-untyped-call]


def _count_zeros(typing_context: object, word: types.Integer) -> tuple[Any, Any]:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate


#: Position of the lowest set bit of a 64-bit word that is not 0, for use in compiled functions.
trailing_zeros = cast("Callable[[np.uint64], int]", intrinsic(_count_zeros))


class _Lanes(types.Type):
    """Four numbers that one instruction adds at a time, for use in compiled functions."""

    def __init__(self) -> None:
        super().__init__(name="Lanes")


_LANES, _VECTOR = _Lanes(), ir.VectorType(ir.DoubleType(), 4)


@register_model(_Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: object) -> None:
        super().__init__(manager, kind, _VECTOR)  # type: ignore[no-untyped-call]


def _make_lanes(typing_context: object, one: object, second: object, third: object) -> tuple[Any, Any]:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = ir.Constant(_VECTOR, [0.0] * 4)
        for i, number in enumerate(arguments):
            vector = builder.insert_element(vector, number, ir.Constant(ir.IntType(32), i))
        return vector

    return _LANES(types.float64, types.float64, types.float64), generate


def _take_lane(typing_context: object, vector: _Lanes, i: types.Integer) -> tuple[Any, Any]:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.extract_element(arguments[0], builder.trunc(arguments[1], ir.IntType(32)))

    return types.float64(_LANES, types.int64), generate


def _add_lanes(typing_context: object, one: _Lanes, other: _Lanes) -> tuple[Any, Any]:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fadd(*arguments)

    return _LANES(_LANES, _LANES), generate


def _subtract_lanes(typing_context: object, one: _Lanes, other: _Lanes) -> tuple[Any, Any]:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fsub(*arguments)

    return _LANES(_LANES, _LANES), generate


#: Sums that do not wait for each other, added side by side: the compiler does not find them by itself. Each number is
#: rounded as it would be alone.
lanes = cast("Callable[[float, float, float], Any]", intrinsic(_make_lanes))
lane = cast("Callable[[Any, int], float]", intrinsic(_take_lane))
add_lanes = cast("Callable[[Any, Any], Any]", intrinsic(_add_lanes))
subtract_lanes = cast("Callable[[Any, Any], Any]", intrinsic(_subtract_lanes))
