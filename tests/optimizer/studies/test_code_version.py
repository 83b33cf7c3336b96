"""Any source of the package makes another version of the code: of the engine, of a strategy, of a statistic."""

import hashlib
from importlib import metadata

import pytest

from optimizer.engine import kernel
from optimizer.search import loop
from optimizer.strategies import rsi
from optimizer.studies import code_version
from optimizer.validation import verdict


@pytest.mark.parametrize("module", [kernel, loop, rsi, verdict])
def test_version_is_of_every_source(module: object) -> None:
    sources = {file: file.read_bytes() for file in sorted(code_version.PACKAGE.rglob("*.py"))}
    whole = hashlib.sha256(b"".join(sources.values())).hexdigest()[:8]

    assert str(getattr(module, "__file__", "")) in map(str, sources)
    assert code_version.code_version() == f"{metadata.version('optimize-bot')}+{whole}"
