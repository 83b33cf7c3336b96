"""Print how the corpus is understood, per file and language: `python -m tests.utterances [-v] [FILE …]`."""

import sys
from collections import Counter

from tests.utterances.corpus import corpora, read_corpus
from tests.utterances.judging import Grade, grade, outcome_of


def main() -> None:
    """Print the rates; with `-v` also every text that is not read rightly."""
    total: Counter[Grade] = Counter()
    names = [argument for argument in sys.argv[1:] if argument != "-v"]
    for path in (path for path in corpora() if not names or path.stem in names):
        for language in ("en", "ko"):
            counts: Counter[Grade] = Counter()
            for one in read_corpus(path):
                if one.language != language:
                    continue
                found = outcome_of(one)
                counts[got := grade(one, found)] += 1
                if "-v" in sys.argv and got is not Grade.RIGHT:
                    meant = one.command or one.either or one.verb or one.word
                    print(f"  {got:8} {one.where:8}{one.text!r} wants {one.want} {meant}")
                    print(f"           {found.command or found.error}"[:240])
            if counts:
                print_rates(path.stem, language, counts)
                total += counts
    print_rates("together", "", total)


def print_rates(name: str, language: str, counts: Counter[Grade]) -> None:
    """Print one line of rates."""
    n = counts.total()
    rates = "  ".join(f"{each} {counts[each] / n:6.1%}" for each in Grade)
    print(f"{name:18} {language:3} {n:4}  {rates}")


if __name__ == "__main__":
    main()
