"""Memory that was freed, given back to the system: the C library's allocator would keep it for later."""

import ctypes

#: The parameter of `mallopt` for the number of arenas, in glibc.
_ARENA_MAX = -8
#: Arenas of a process: what one thread frees, another uses again. Eight a core would each keep what they once held.
_ARENAS = 2
#: Its parameters for how much stays free at the end of the memory, and from which size on a block is mapped by itself.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
#: Bytes of each: what a study of daily bars allocates is then not fetched from the system page by page every time.
_KEPT, _LARGE = 64 * 2**20, 4 * 2**20
_LIBRARY = ctypes.CDLL(None)


def bound_arenas() -> None:
    """Let all threads share two arenas; call it before they are started. Does nothing without glibc."""
    if (set_option := getattr(_LIBRARY, "mallopt", None)) is not None:
        set_option(_ARENA_MAX, _ARENAS)


def keep_freed_memory() -> None:
    """Let freed memory be used again until it is given back. Does nothing without glibc."""
    if (set_option := getattr(_LIBRARY, "mallopt", None)) is not None:
        set_option(_TRIM_THRESHOLD, _KEPT)
        set_option(_MMAP_THRESHOLD, _LARGE)


def give_memory_back() -> None:
    """Give freed memory back, which takes some milliseconds. Does nothing without glibc."""
    if (trim := getattr(_LIBRARY, "malloc_trim", None)) is not None:
        trim(ctypes.c_size_t(0))
