"""Worker process: runs one study at a time and connects to MongoDB only.

Started as `python -m optimizer.studies.worker`. It exchanges `worker_messages` with its parent: the first one in
is the configuration, each further one names a study; each one out is how it ended. End of input
means that the parent is gone, and so is the worker, at once and in the middle of anything: what is
not in MongoDB yet will be tried again, identically.
"""

import asyncio
import gc
import logging
import os
import sys
import threading
from collections.abc import Sequence
from contextlib import closing, suppress
from functools import partial
from importlib import reload
from pathlib import Path
from typing import IO

import optuna
import talib
from pymongo.errors import PyMongoError

from optimizer.domain.kept_forecasts import Play, Realised
from optimizer.domain.results.forecast_results import Forecast
from optimizer.errors import SomethingBroke, UserError
from optimizer.market.snapshots import read_snapshot
from optimizer.outlook.champion_forecasts import forecast_parts
from optimizer.outlook.realised import Player
from optimizer.storage.documents import DOCUMENTS
from optimizer.storage.leases import Claimant
from optimizer.storage.mongo import open_documents
from optimizer.storage.mongo_errors import Reaction, classify
from optimizer.storage.outage import name_of
from optimizer.strategies.plugins.fence import FENCE
from optimizer.strategies.plugins.loading import load_again
from optimizer.studies.running import warming
from optimizer.studies.running.memory import give_memory_back, keep_freed_memory
from optimizer.studies.study_runs import challenge_study, replay_study, run_study, summary_of, tabulate_study
from optimizer.studies.worker_messages import (
    Answer,
    Challenged,
    ChallengeStudy,
    Configure,
    Failed,
    Finished,
    Forecasted,
    ForecastParts,
    Held,
    Loading,
    Played,
    PlayForecasts,
    Ready,
    ReplayStudy,
    RunStudy,
    StudyRequest,
    TabulateStudy,
    decode_request,
    encode,
)

log = logging.getLogger(__name__)

#: Seconds without a request after which a worker gives memory back.
_PAUSE_SECONDS = 0.5


async def serve(answers: IO[str]) -> None:
    """Answer the parent's requests until the end of input."""
    lines = _lines_from_parent()
    # Before anything is known of MongoDB, which starts meanwhile.
    tell = partial(_tell_loading, answers)
    tell("", 0)
    warming.warm(tell)
    gc.freeze()  # what was loaded stays: the collector need not look through it in the middle of every search
    configuration = decode_request(await lines.get())
    assert isinstance(configuration, Configure)
    _load_own(configuration)
    claimant = Claimant(pool=configuration.pool, code_version=configuration.code_version)
    async with open_documents(configuration.mongodb_uri, DOCUMENTS, waits=True):
        _send(Ready(), answers)
        while True:
            request = decode_request(await _next_line(lines))
            assert not isinstance(request, Configure)
            _send(await _answer(request, configuration.snapshots, claimant), answers)


async def _next_line(lines: "asyncio.Queue[str]") -> str:
    """Wait for the next request; memory is given back in a pause, since the next study would ask for it again."""
    with suppress(TimeoutError):
        return await asyncio.wait_for(lines.get(), _PAUSE_SECONDS)
    give_memory_back()
    return await lines.get()


def _tell_loading(answers: IO[str], part: str, n: int) -> None:
    _send(Loading(n=n, total=len(warming.PARTS)), answers)


def _load_own(configuration: Configure) -> None:
    """Load the operator's own strategies, each of whose calls is fenced from here on."""
    if configuration.own:
        reload(talib)  # with the tables of pandas, which they may use and the engine does without
        FENCE.put_up(2)
        load_again(configuration.own).use()


async def _answer(request: StudyRequest, snapshots: Path, claimant: Claimant) -> Answer:
    """Run, replay or compare one study; this is the job boundary, a catch-all.

    An outage that was waited out for too long ends the process, so that the study is handed in again like one whose
    worker died.
    """
    try:
        return await _done(request, snapshots, claimant)
    except UserError as error:
        return Failed(error=error.as_document())
    except Exception as fault:
        if isinstance(fault, PyMongoError) and classify(fault) is not Reaction.END_STUDY:
            log.error("worker_ends study=%s error=%s", request.study_name, name_of(fault))
            raise
        reference = os.urandom(3).hex()
        log.exception("study_broke study=%s reference=%s", request.study_name, reference)
        return Failed(error=SomethingBroke(reference=reference).as_document())


async def _done(request: StudyRequest, snapshots: Path, claimant: Claimant) -> Answer:
    match request:
        case RunStudy(study_name=name):
            state = await run_study(name, snapshots, claimant)
            return Held() if state is None else Finished(state=state)
        case ReplayStudy(study_name=name):
            return await replay_study(name, snapshots)
        case ChallengeStudy(study_name=name, rival=rival):
            return Challenged(challenge=await challenge_study(name, rival, snapshots))
        case TabulateStudy(study_name=name, table=table, file=file):
            return await tabulate_study(name, table, file, snapshots)
        case PlayForecasts(plays=plays):
            return Played(realised=await asyncio.to_thread(_realise, plays, snapshots))
        case ForecastParts():
            return Forecasted(forecast=await _forecast(request, snapshots))


def _realise(plays: Sequence[Play], snapshots: Path) -> tuple[Realised | None, ...]:
    player = Player(partial(read_snapshot, folder=snapshots))
    return tuple(player.realise(play) for play in plays)


async def _forecast(request: ForecastParts, snapshots: Path) -> Forecast:
    """Forecast parts by their studies' results. Raises UnknownStudy, TooFewUnseen, NeverHeld, or what bars do."""
    summaries = [await summary_of(part.played.part.study_name) for part in request.parts]
    player = Player(partial(read_snapshot, folder=snapshots))
    return await asyncio.to_thread(forecast_parts, player, request.parts, summaries, of=request.of)


def _lines_from_parent() -> "asyncio.Queue[str]":
    """Queue of the lines of standard input, read in a thread that ends the process at their end."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str] = asyncio.Queue()

    def read() -> None:
        with suppress(ConnectionResetError):  # an end, of a parent that left an answer unread
            for line in sys.stdin:
                loop.call_soon_threadsafe(lines.put_nowait, line)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    return lines


def _send(answer: Answer, answers: IO[str]) -> None:
    try:
        answers.write(encode(answer) + "\n")
        answers.flush()
    except BrokenPipeError:  # the parent is gone, which the end of input says a moment later
        os._exit(0)


def main() -> None:
    """Run the worker process."""
    keep_freed_memory()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what anybody's code prints goes to the log and is no answer
    with closing(asyncio.new_event_loop()) as loop:
        loop.run_until_complete(serve(answers))


if __name__ == "__main__":
    main()
