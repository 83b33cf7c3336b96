"""`python -m tests.benchmarks [SECTION] [options]`: each module beside this is a section, `engine` the usual one."""

import sys
from importlib import import_module
from pathlib import Path

DEFAULT = "engine"


def sections() -> list[str]:
    """The names of the sections there are."""
    return sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_"))


def main(arguments: list[str]) -> None:
    """Run one section with the rest of the words."""
    names = sections()
    named = arguments[:1] if arguments and not arguments[0].startswith("-") else []
    section = named[0] if named else DEFAULT
    if section not in names:
        sys.exit(f"There is no section `{section}`. There are: {', '.join(names)}.")
    import_module(f"tests.benchmarks.{section}").main(arguments[len(named) :])


if __name__ == "__main__":
    main(sys.argv[1:])
