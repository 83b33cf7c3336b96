"""What child processes get of this process's environment: never a token or a password of it."""

from collections.abc import Mapping

#: Variables that a Python process, its libraries or a server read.
_NAMES = frozenset(
    {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP", "VIRTUAL_ENV"}
)
_BEGINNINGS = ("LC_", "LD_", "DYLD_", "PYTHON", "XDG_", "NUMBA_", "OMP_", "OPENBLAS_", "MKL_", "MPL", "COV")


def for_child(environment: Mapping[str, str], **more: str) -> dict[str, str]:
    """Return the environment of a child process: the variables that it needs, and `more`."""
    kept = {name: value for name, value in environment.items() if name in _NAMES or name.startswith(_BEGINNINGS)}
    return kept | more
