"""Start of a child process: imports a module that has a `main`, and runs that.

As `python -m MODULE` does, but sooner: the collector is off while modules are imported, since it would scan their
objects again and again, and packages that others import only where they find them are not found.
"""

import gc
import os
import signal
import sys

from optimizer.lazy import load_modules, not_found, unusable
from optimizer.studies.child_process import NICENESS

#: What others import for features that no child process uses: Optuna a client for its storage, Motor its second half,
#: numba a reader of settings, the measure of coverage, and linear algebra, TA-Lib tables.
_UNUSED = ("redis", "tornado", "yaml", "coverage", "scipy", "pandas", "polars")


def main() -> None:
    """Import the module that the command line names, and run it."""
    run_module(sys.argv[1], niceness=NICENESS)


def run_module(module: str, *, niceness: int) -> None:
    """Import a module, and run its `main` in this child process, which is at least so nice from then on."""
    # Ctrl-C reaches all processes of a terminal; this one's parent ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()
    with not_found(*_UNUSED, *unusable()):
        load_modules(module)
    gc.freeze()  # what was imported stays
    gc.enable()
    os.nice(max(niceness - os.nice(0), 0))
    sys.modules[module].main()


if __name__ == "__main__":
    main()
