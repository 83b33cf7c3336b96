"""Loading of every compiled function; at a first start on a machine two processes compile them, which takes a minute.

One goes through the parts forwards, the other backwards, and what one has compiled the other reads: with two workers,
or with a worker and the helper that it starts.
"""

import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from optimizer.compiled import is_compiled
from optimizer.engine import evaluator, kernel, row_sums
from optimizer.environment import for_child
from optimizer.lazy import not_found
from optimizer.learned import regimes
from optimizer.learned.policy import policy_walk
from optimizer.outlook import forecast_paths
from optimizer.search.tpe import estimator
from optimizer.validation.statistics import bootstrap, cross_validation

#: What others load where they find it and no study uses: TA-Lib tables, numba the linear algebra of SciPy.
_UNUSED = ("pandas", "polars", "scipy", "scipy.linalg")
#: Modules with compiled functions; the two that take longest to compile are the first of either direction.
PARTS = (evaluator, row_sums, cross_validation, bootstrap, regimes, policy_walk, forecast_paths, estimator)
#: Folders that the first and the second process lock for as long as they load.
_FIRST, _SECOND = (Path(module.__file__ or "").parent for module in (evaluator, estimator))


def warm(tell: Callable[[str, int], None] = lambda part, n: None) -> None:
    """Load every compiled function of a study; the first time on a machine it is compiled.

    `tell` is called with the name of each part, and how many are loaded.
    """
    with not_found(*_UNUSED), ExitStack() as stack:
        is_first = stack.enter_context(_taken(_FIRST))
        if not is_first:
            stack.enter_context(_taken(_SECOND))  # no helper is needed
        elif not is_compiled(kernel.run_set) and len(os.sched_getaffinity(0)) > 1:
            stack.enter_context(_helper())
        for n, module in enumerate(PARTS if is_first else reversed(PARTS), start=1):
            module.warm()
            tell(module.__name__.rpartition(".")[2], n)


def warm_all(tell: Callable[[str, int], None]) -> None:
    """Load also what few studies need, which their worker would otherwise compile for half a minute."""
    warm(tell)
    with not_found(*_UNUSED):
        estimator.warm_axes()
    tell("axes", len(PARTS) + 1)


@contextmanager
def _taken(folder: Path) -> Iterator[bool]:
    """Lock a folder inside the block if nobody else has, and yield whether that is so."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # another process has it, or the file system has no locks
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


@contextmanager
def _helper() -> Iterator[None]:
    """Run a process that compiles too, inside the block."""
    command = [sys.executable, "-m", "optimizer.studies.running.child_start", __name__]
    with subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=for_child(os.environ)
    ) as it:
        try:
            yield
        finally:
            it.kill()


def main() -> None:
    """Compile backwards, unless another process does; ends with its parent."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with not_found(*_UNUSED), _taken(_SECOND) as is_second:
        for module in reversed(PARTS) if is_second else ():
            module.warm()


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)
