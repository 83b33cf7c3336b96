"""Worker process: runs one study at a time and connects to MongoDB only.

Started as `python -m optimizer.studies.worker`. Its protocol with the parent are lines of JSON: the first input is
the configuration, each further one a request about a study, each output an answer. End of input
means that the parent has ended; the worker then exits at once, even mid-task. Trials that are
not in MongoDB yet are computed again, identically.
"""

import asyncio
import gc
import json
import logging
import os
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import optuna

from optimizer.engine import evaluator
from optimizer.errors import SomethingBroke, UserError
from optimizer.lazy import load_modules
from optimizer.search.tpe import estimator
from optimizer.storage.documents import DOCUMENTS
from optimizer.storage.mongo import open_documents
from optimizer.studies.child_process import NICENESS
from optimizer.studies.study_runs import challenge_study, replay_study, run_study
from optimizer.validation import statistics
from optimizer.validation.champion import Rival

log = logging.getLogger(__name__)


async def serve() -> None:
    """Answer the parent's requests until the end of input."""
    lines = _lines_from_parent()
    for warm in (evaluator.warm, estimator.warm, statistics.warm):
        warm()  # warm up before reading the configuration; MongoDB is still starting
    gc.freeze()  # exclude imported modules from garbage collection during searches
    configuration = json.loads(await lines.get())
    async with open_documents(configuration["mongodb_uri"], DOCUMENTS, waits=True):
        _say({"ready": True})
        threading.Thread(target=_load_the_rest, daemon=True).start()
        while True:
            request = json.loads(await lines.get())
            _say(await _answer(request, Path(configuration["snapshots"])))


def _load_the_rest() -> None:
    """Import the slow modules that are needed only at the end of a search."""
    load_modules("arch.bootstrap", "optuna.importance")


async def _answer(request: dict[str, Any], snapshots: Path) -> dict[str, Any]:
    """Run, replay or compare one study; the job boundary, which catches every error."""
    study_name = request.get("study") or request.get("replay") or request["challenge"]
    try:
        if "replay" in request:
            return {"study": study_name, "replay": await replay_study(study_name, snapshots)}
        if "challenge" in request:
            found = await challenge_study(study_name, Rival.model_validate(request["rival"]), snapshots)
            return {"study": study_name, "challenge": found.model_dump(mode="json")}
        return {"study": study_name, "state": str(await run_study(study_name, snapshots))}
    except UserError as error:
        return {"study": study_name, "error": error.as_document()}
    except Exception:
        reference = os.urandom(3).hex()
        log.exception("study_broke study=%s reference=%s", study_name, reference)
        return {"study": study_name, "error": SomethingBroke(reference=reference).as_document()}


def _lines_from_parent() -> "asyncio.Queue[str]":
    """Queue of the lines of standard input, read in a thread that ends the process at their end."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str] = asyncio.Queue()

    def read() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    return lines


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Run the worker process."""
    os.nice(NICENESS)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with closing(asyncio.new_event_loop()) as loop:
        loop.run_until_complete(serve())


if __name__ == "__main__":
    main()
