"""Write the golden messages anew: `python -m tests.golden`. The diff is then read like any other text."""

from tests.golden.sheets import FOLDER, sheets


def main() -> None:
    """Replace every golden file."""
    written = sheets()
    for name, text in written.items():
        path = FOLDER / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for path in FOLDER.glob("*/*.txt"):
        if f"{path.parent.name}/{path.name}" not in written:
            path.unlink()


if __name__ == "__main__":
    main()
