"""The address at Slack that opens the creation of the app with the manifest filled in."""

from pathlib import Path
from urllib.parse import quote

_NAME = "manifest.yml"
#: Beside the packages in a clone; an installed package has it within this one.
_PLACES = (Path(__file__).parents[1] / _NAME, Path(__file__).parents[2] / _NAME)


def creation_link() -> str:
    """Return the address; a person who opens it chooses a workspace and presses Create."""
    manifest = next(place for place in _PLACES if place.is_file()).read_text(encoding="utf-8")
    lines = [line.rstrip() for line in manifest.splitlines() if line.strip() and not line.startswith("#")]
    return "https://api.slack.com/apps?new_app=1&manifest_yaml=" + quote("\n".join(lines), safe="")
