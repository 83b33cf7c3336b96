"""`python -m tests.benchmarks [SECTION] [options]`: a section is a module beside this, `engine` the usual one."""

import sys
from importlib import import_module

SECTIONS = (
    "api",
    "backup",
    "compare",
    "costs",
    "due_forecasts",
    "engine",
    "environment",
    "long",
    "many",
    "market",
    "refit",
    "rules",
    "sampler_quality",
    "scale",
    "search",
    "study",
    "terminal",
    "universe",
    "workers",
)
DEFAULT = "engine"


def main(arguments: list[str]) -> None:
    """Run one section with the rest of the words."""
    named = arguments[:1] if arguments and not arguments[0].startswith("-") else []
    section = named[0] if named else DEFAULT
    if section not in SECTIONS:
        sys.exit(f"There is no section `{section}`. There are: {', '.join(SECTIONS)}.")
    import_module(f"tests.benchmarks.{section}").main(arguments[len(named) :])


if __name__ == "__main__":
    main(sys.argv[1:])
