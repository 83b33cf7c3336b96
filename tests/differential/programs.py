"""Run many exported programs in one process, each as `python FILE BARS TRADES`: packages are imported once.

`python -m tests.differential.programs JOBS`, where JOBS is a JSON list of (program, bars, trades). What a program
refuses, or breaks with, is written beside its trades.
"""

import json
import runpy
import sys
import traceback
import warnings
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path


def run(program: str, bars: str, trades: str) -> None:
    """Run one program as its file."""
    sys.argv = [program, bars, trades]
    try:
        with redirect_stdout(StringIO()):
            runpy.run_path(program, run_name="__main__")
    except SystemExit as refusal:
        Path(f"{trades}.refused").write_text(str(refusal))
    except Exception:
        Path(f"{trades}.broken").write_text(traceback.format_exc())


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # of the other packages
    for job in json.loads(Path(sys.argv[1]).read_text()):
        run(*job)
