"""A worker process: one study at a time, bars and Optuna in memory, MongoDB the only thing it talks to.

Started as `python -m optimizer.studies.worker`. It speaks lines of JSON with its parent: the first line in is
the configuration, each further one names a study; each line out says how one ended. End of input
means that the parent is gone, and so is the worker, at once and in the middle of anything: what is
not in MongoDB yet will be tried again, identically.
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
from optimizer.search.tpe import estimator
from optimizer.storage.documents import DOCUMENTS
from optimizer.storage.mongo import open_documents
from optimizer.studies.child_process import NICENESS
from optimizer.studies.study_runs import challenge_study, replay_study, run_study
from optimizer.validation import sensitivity, statistics
from optimizer.validation.champion import Rival

log = logging.getLogger(__name__)


async def serve() -> None:
    """Answer the parent's lines until they end."""
    lines = _lines_from_parent()
    for warm in (evaluator.warm, estimator.warm, statistics.warm):
        warm()  # before anything is known of MongoDB, which starts meanwhile
    gc.freeze()  # what was imported stays: the collector need not look through it in the middle of every search
    configuration = json.loads(await lines.get())
    async with open_documents(configuration["mongodb_uri"], DOCUMENTS, waits=True):
        _say({"ready": True})
        threading.Thread(target=_load_the_rest, daemon=True).start()
        while True:
            request = json.loads(await lines.get())
            _say(await _answer(request, Path(configuration["snapshots"])))


def _load_the_rest() -> None:
    """What takes as long to import as everything else, and is not needed before a search is over."""
    statistics.arch_bootstrap.load()
    sensitivity.optuna_importance.load()


async def _answer(request: dict[str, Any], snapshots: Path) -> dict[str, Any]:
    """Run, replay or compare one study; this is the job boundary, a catch-all."""
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
    """Lines of standard input, read in a thread that ends the process when they end."""
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
    """Run as a worker process."""
    os.nice(NICENESS)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with closing(asyncio.new_event_loop()) as loop:
        loop.run_until_complete(serve())


if __name__ == "__main__":
    main()
