"""Start of a child process: imports a module that has a `main`, and runs that.

As `python -m MODULE` does, but sooner: the collector is off while modules are imported, since it would scan their
objects again and again, and packages that others import only where they find them are not found.
"""

import gc
import signal
import sys

from optimizer.lazy import load_modules, not_found, unusable

#: What others import for features that no child process uses: Optuna a client for its storage, Motor its second half,
#: numba a reader of settings, the measure of coverage, and linear algebra, TA-Lib tables.
_UNUSED = ("redis", "tornado", "yaml", "coverage", "scipy", "pandas", "polars")


def main() -> None:
    """Import the module that the command line names, and run it."""
    # Ctrl-C reaches all processes of a terminal; this one's parent ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()
    with not_found(*_UNUSED, *unusable()):
        load_modules(sys.argv[1])
    gc.freeze()  # what was imported stays
    gc.enable()
    sys.modules[sys.argv[1]].main()


if __name__ == "__main__":
    main()
