"""The pinned versions install on the oldest Python that is promised, down to its last digit."""

from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

from packaging.specifiers import SpecifierSet

CONSTRAINTS = Path(__file__).parents[1] / "constraints.txt"
#: That of Debian 12, where the README's commands are typed.
OLDEST = "3.11.2"


def test_pinned_versions_accept_the_python_of_debian_12() -> None:
    """One that does not makes pip look through all others for a quarter of an hour, and fail."""
    pins = dict(line.split("==") for line in CONSTRAINTS.read_text().split() if "==" in line)
    refusing = {}
    for name, version in pins.items():
        try:
            found = metadata(name)
        except PackageNotFoundError:  # of another system
            continue
        assert found["Version"] == version, f"{name} is installed in another version than the one pinned"
        if not SpecifierSet(found.get("Requires-Python", "")).contains(OLDEST):
            refusing[name] = found["Requires-Python"]
    assert not refusing
