"""Ask a judge about studies: `python ask.py MODULE:FUNCTION STUDY.npz …` prints its word on each as a line of JSON.

Runs in the judge's own environment, which has nothing of ours but this folder.
"""

import json
import sys
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path

import numpy as np


def main() -> None:
    """Ask about each study; a judge that fails on one is asked about the others all the same."""
    module, function = sys.argv[1].split(":")
    word = getattr(import_module(module), function)
    for path in map(Path, sys.argv[2:]):
        with np.load(path) as arrays:
            study = dict(arrays)
        print(json.dumps({"study": path.stem, **_answer(word, study)}), flush=True)


def _answer(word, study) -> dict[str, str]:
    with redirect_stdout(sys.stderr):
        try:
            return {"word": word(study)}
        except Exception as error:  # whatever another's code raises is its answer
            return {"error": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    main()
