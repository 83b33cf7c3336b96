"""Compiled layouts, kept in the user's cache between starts: compiling them all takes longer than any import.

A folder that cannot be written to, or that somebody else owns, is not used, and a file that cannot be read is made
anew; neither is an error.
"""

import hashlib
import os
from contextlib import suppress
from functools import cache
from pathlib import Path
from pickle import UnpicklingError

from jinja2 import FileSystemBytecodeCache
from jinja2.bccache import Bucket
from platformdirs import user_cache_path

_CODE = Path(__file__).parent


class KeptLayouts(FileSystemBytecodeCache):
    """Layouts of one language as Python's bytecode.

    Filters of constants are computed when a layout is compiled, so the digest of their code is part of the checksum.
    """

    def __init__(self, folder: Path, language: str) -> None:
        super().__init__(str(folder), f"{language}-%s.jinja")

    def get_source_checksum(self, source: str) -> str:
        """Checksum of a layout and of the code that compiles it."""
        return super().get_source_checksum(_digest(_CODE) + source)

    def load_bytecode(self, bucket: Bucket) -> None:
        """Read what was kept; half a file is none."""
        try:
            super().load_bytecode(bucket)
        except (EOFError, UnpicklingError):
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep it where that is possible: on a full disk messages are still worded."""
        with suppress(OSError):
            super().dump_bytecode(bucket)


def kept_layouts(language: str) -> KeptLayouts | None:
    """The user's cache; None where there is no folder of the user's own."""
    folder = user_cache_path("optimize-bot") / "layouts"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return None
    state = folder.stat()
    is_ours = state.st_uid == os.getuid() and not state.st_mode & 0o022
    return KeptLayouts(folder, language) if is_ours else None


@cache
def _digest(code: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(code.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
