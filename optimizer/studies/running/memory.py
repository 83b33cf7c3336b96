"""Memory that was freed, given back to the system: the C library's allocator would keep it for later."""

import ctypes

#: The parameter of `mallopt` for the number of arenas, in glibc.
_ARENA_MAX = -8
#: Arenas of a process: what one thread frees, another uses again. Eight a core would each keep what they once held.
_ARENAS = 2
_LIBRARY = ctypes.CDLL(None)


def bound_arenas() -> None:
    """Let all threads share two arenas; call it before they are started. Does nothing without glibc."""
    if (set_option := getattr(_LIBRARY, "mallopt", None)) is not None:
        set_option(_ARENA_MAX, _ARENAS)


def give_memory_back() -> None:
    """Give freed memory back, which takes some milliseconds. Does nothing without glibc."""
    if (trim := getattr(_LIBRARY, "malloc_trim", None)) is not None:
        trim(ctypes.c_size_t(0))
