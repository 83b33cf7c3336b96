"""Version of the code that computed a study: what a replay by other code is told by."""

import hashlib
from functools import cache
from importlib import metadata
from pathlib import Path

#: The package whose sources determine the numbers of a study.
PACKAGE = Path(__file__).parents[1]


@cache
def code_version() -> str:
    """Release and a digest of the package's sources, wherever in it they are."""
    digest = hashlib.sha256()
    for file in sorted(PACKAGE.rglob("*.py")):
        digest.update(file.read_bytes())
    return f"{metadata.version('optimize-bot')}+{digest.hexdigest()[:8]}"
