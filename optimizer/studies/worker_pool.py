"""Pool of warm worker processes, one per core, so that the event loop never waits for a study.

A worker takes one study at a time, by its name only. One that dies is replaced; the owner of its
study submits that again. One that does not start is retried with growing delays; waiting callers
get an error only when no other worker is left.
"""

import asyncio
import logging
import time
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, cast

from optimizer.domain.kept_forecasts import Play, UnseenPart
from optimizer.domain.results.forecast_results import ForecastOf
from optimizer.errors import Phrase, Unavailable
from optimizer.strategies.plugins.fence import TOO_LATE
from optimizer.studies.child_process import WORKER, ChildDied, ChildProcess
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
    Replayed,
    ReplayStudy,
    ResultTable,
    RivalRun,
    RunStudy,
    StudyRequest,
    Tabulated,
    TabulateStudy,
    decode_answer,
    encode,
)
from optimizer.supervisor import begin_alone

log = logging.getLogger(__name__)

#: Failed starts in a row after which callers stop waiting for a worker, which is retried in the background.
#: Fewer if no worker ever started, because that is a lasting fault; later a machine may be overloaded for a while.
_FIRST_STARTS, _STARTS = 3, 7
_LONGEST_PAUSE = 30.0
#: Seconds in which an engine that is compiled already is loaded.
_WARM_SECONDS = 5.0

_Success = TypeVar("_Success", bound=Answer)


class WorkerDied(Exception):
    """Process ended in the middle of a study; `hung` if a call of a person's own strategy did not return."""

    def __init__(self, *, hung: bool = False) -> None:
        super().__init__()
        self.hung = hung


class WorkerPool:
    """Pool of worker processes, and the queue of requests for them."""

    def __init__(self, size: int, *, module: str = WORKER, warm_seconds: float = _WARM_SECONDS) -> None:
        self.size = size
        self._module = module
        self._warm_seconds = warm_seconds
        self._config: Configure | None = None
        self._idle: asyncio.Queue[ChildProcess | Unavailable] = asyncio.Queue()
        self._all: set[ChildProcess] = set()
        self._ready: set[ChildProcess] = set()
        self._busy: dict[str, ChildProcess] = {}
        self._starting: set[asyncio.Task[None]] = set()
        self._n_stuck = 0
        self._has_worked = False
        self._loaded = (0, 0)
        self._configured_at = time.monotonic()

    @property
    def identity(self) -> str:
        """Name under which its workers hold studies; known once it is configured."""
        assert self._config is not None
        return self._config.pool

    @property
    def pids(self) -> list[int]:
        """Ids of the processes, for probes and tests."""
        return sorted(worker.pid for worker in self._all)

    @property
    def n_ready(self) -> int:
        """Number of workers that are configured and alive."""
        return len(self._ready)

    @property
    def loading(self) -> tuple[int, int] | None:
        """Parts of the engine that are loaded, and all of them, at a first start, which compiles it; else None."""
        is_first = not self._has_worked and time.monotonic() - self._configured_at > self._warm_seconds
        return self._loaded if is_first and self._loaded[1] else None

    async def ready(self) -> int:
        """Wait until no worker is starting any more; returns the number that are configured and alive."""
        while len(self._starting) > self._n_stuck:
            await asyncio.sleep(0.02)
        return self.n_ready

    async def is_ready(self, *, within: float) -> bool:
        """Return whether no worker is starting any more, waiting for so many seconds at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):  # `wait_for` of Python 3.11 may lose a cancellation
                await self.ready()
            return True
        return False

    async def prepare(self, early: Sequence[ChildProcess] = ()) -> None:
        """Start the processes before their configuration is known; those started `early` are among them."""
        self._all.update(early[: self.size])
        missing = range(self.size - len(self._all))
        self._all.update(await asyncio.gather(*(ChildProcess.spawn(self._module) for _ in missing)))

    def configure(self, config: Configure) -> None:
        """Tell the workers where MongoDB is; each becomes available when it says it is ready."""
        self._config, self._configured_at = config, time.monotonic()
        for worker in list(self._all):
            self._in_background(self._fill(worker))

    async def run(self, study_name: str) -> Finished | Held | Failed:
        """Run a study on the next free worker; Held when a worker of another program runs it.

        Raises WorkerDied when the process ended under it, Unavailable when no worker is left and none can be started.
        """
        return await self._request(RunStudy(study_name=study_name), Finished, Held)

    async def replay(self, study_name: str) -> Replayed | Failed:
        """Compute a finished study again on the next free worker; raises as `run`."""
        return await self._request(ReplayStudy(study_name=study_name), Replayed)

    async def challenge(self, study_name: str, rival: RivalRun) -> Challenged | Failed:
        """Compare a finished study's winner with a rival on the next free worker; raises as `run`."""
        return await self._request(ChallengeStudy(study_name=study_name, rival=rival), Challenged)

    async def tabulate(self, study_name: str, table: ResultTable, file: Path) -> Tabulated | Failed:
        """Write a table of a finished study's winner on the next free worker; raises as `run`."""
        return await self._request(TabulateStudy(study_name=study_name, table=table, file=file), Tabulated)

    async def play(self, plays: Sequence[Play]) -> Played | Failed:
        """Play what was forecast on the next free worker; raises as `run`."""
        first = plays[0].parts[0].part.study_name
        return await self._request(PlayForecasts(study_name=first, plays=tuple(plays)), Played)

    async def forecast(self, parts: Sequence[UnseenPart], of: ForecastOf) -> Forecasted | Failed:
        """Forecast sets from their unseen days on the next free worker; raises as `run`."""
        first = parts[0].played.part.study_name
        return await self._request(ForecastParts(study_name=first, of=of, parts=tuple(parts)), Forecasted)

    def is_busy_with(self, study_name: str) -> bool:
        """True while a worker has the study."""
        return study_name in self._busy

    def end_worker_of(self, study_name: str) -> bool:
        """End the process of a study, whose `run` then raises WorkerDied; False when there is none."""
        worker = self._busy.get(study_name)
        if worker is not None:
            worker.end()
        return worker is not None

    async def stop(self) -> None:
        """End every worker, busy or not."""
        for task in list(self._starting):
            task.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        await asyncio.gather(*(worker.stop() for worker in self._all))
        self._all.clear()
        self._ready.clear()

    async def _request(self, request: StudyRequest, *success: type[_Success]) -> _Success | Failed:
        worker = await self._next()
        if isinstance(request, RunStudy):
            self._busy[request.study_name] = worker
        try:
            answer = decode_answer(await worker.request(encode(request)))
        except ChildDied as death:
            log.warning("worker_died pid=%s request=%s study=%s", worker.pid, request.kind, request.study_name)
            hung = await worker.exit_code() == -TOO_LATE
            self._replace(worker)
            raise WorkerDied(hung=hung) from death
        except asyncio.CancelledError:
            # A worker that was interrupted is not used again: its answer would be taken for the next study's.
            self._replace(worker)
            raise
        finally:
            if isinstance(request, RunStudy):
                self._busy.pop(request.study_name, None)
        self._idle.put_nowait(worker)
        assert isinstance(answer, (*success, Failed))
        return cast("_Success | Failed", answer)

    async def _next(self) -> ChildProcess:
        assert self.size, "a program that starts no worker would wait for one for ever"
        while True:
            found = await self._idle.get()
            if isinstance(found, Unavailable):
                if self._ready:  # another worker lives, and will be free
                    continue
                self._idle.put_nowait(found)
                raise found
            if not found.has_ended:
                return found
            # It died of something else than a study, such as want of memory.
            log.warning("worker_died pid=%s request=none", found.pid)
            self._replace(found)

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = begin_alone(work, name="worker_start")
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    def _replace(self, worker: ChildProcess) -> None:
        self._ready.discard(worker)
        self._in_background(self._refill(worker))

    async def _refill(self, worker: ChildProcess) -> None:
        await self._let_go(worker)
        await self._fill(await self._spawn())

    async def _fill(self, worker: ChildProcess | None) -> None:
        """Start workers in place of one until one is ready; None: it could not be started."""
        n_failed = 0
        while worker is None or not await self._admit(worker):
            n_failed += 1
            starts = _STARTS if self._has_worked else _FIRST_STARTS
            self._n_stuck += n_failed == _FIRST_STARTS
            if n_failed >= starts and not self._ready:
                # Waiting callers get an error instead of waiting for ever.
                self._give_up()
            await asyncio.sleep(min(0.25 * 2.0**n_failed, _LONGEST_PAUSE))
            worker = await self._spawn()
        self._n_stuck -= n_failed >= _FIRST_STARTS

    async def _admit(self, worker: ChildProcess) -> bool:
        assert self._config is not None
        try:
            answer = decode_answer(await worker.request(encode(self._config)))
            while isinstance(answer, Loading):
                self._loaded = max(self._loaded, (answer.n, answer.total))
                answer = decode_answer(await worker.hear())
        except ChildDied:
            log.error("worker_did_not_start pid=%s", worker.pid)
            await self._let_go(worker)
            return False
        self._ready.add(worker)
        self._has_worked = True
        self._idle.put_nowait(worker)
        return True

    def _give_up(self) -> None:
        if self._idle.empty():
            self._idle.put_nowait(
                Unavailable(
                    what=Phrase("a_worker"), reason=Phrase("ended_while_starting"), remedy=Phrase("log_says_why")
                )
            )

    async def _spawn(self) -> ChildProcess | None:
        """Start a process; None when the system refuses one, for want of memory or descriptors."""
        try:
            worker = await ChildProcess.spawn(self._module)
        except OSError as failure:
            log.error("worker_not_started reason=%s", failure)
            return None
        self._all.add(worker)
        return worker

    async def _let_go(self, worker: ChildProcess) -> None:
        await worker.stop()
        self._all.discard(worker)
