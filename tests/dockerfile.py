"""A Dockerfile as the steps it takes."""

import re
from pathlib import Path

DOCKERFILE = Path(__file__).parents[1] / "Dockerfile"


def steps(text: str) -> list[tuple[str, str]]:
    """Return each instruction with its words, continued lines joined and comments left out."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    joined = re.sub(r"\s*\\\n\s*", " ", "\n".join(lines))
    found = (line.split(maxsplit=1) for line in joined.splitlines() if line.strip())
    return [(word.upper(), rest) for word, rest in found]
