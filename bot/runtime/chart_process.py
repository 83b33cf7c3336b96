"""Charts and HTML reports, drawn in a process of their own so that the event loop never waits for one."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from optimizer.errors import Phrase, Unavailable
from optimizer.studies.child_process import DRAWING, ChildDied, ChildProcess
from optimizer.supervisor import begin_alone
from reports.charts.draw_request import Draw, DrawRequest, Written, write_draw_request
from reports.languages import Language

#: A process with nothing to draw for so long is ended: it keeps a hundred megabytes and more.
IDLE_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class DrawnFiles:
    """Files that were drawn for a study."""

    folder: Path
    files: tuple[Path, ...]  # charts and report
    for_thread: tuple[Path, ...]  # the charts that matter for the verdict


class ChartProcess:
    """One process that draws, started when it is needed, and ended when it is not for a while."""

    def __init__(
        self,
        folder: Path,
        trials_of: Callable[[str], Awaitable[bytes]],
        *,
        idle_seconds: float = IDLE_SECONDS,
        child: ChildProcess | None = None,
    ) -> None:
        """`child` is a drawing process that runs already."""
        self._folder = folder
        self._trials_of = trials_of
        self._idle_seconds = idle_seconds
        self._child = child
        self._lock = asyncio.Lock()
        self._rest: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Process id; None while there is no process."""
        return None if self._child is None else self._child.pid

    async def warm(self) -> None:
        """Start the process, which imports for a second before it can draw."""
        async with self._lock:
            await self._ensure_child()
            self._rest_later()

    async def _ensure_child(self) -> ChildProcess:
        if self._child is None:
            self._child = await ChildProcess.spawn(DRAWING)
        return self._child

    def _rest_later(self) -> None:
        """End the process after a while in which nothing is asked of it."""
        self._stay()
        self._rest = asyncio.get_running_loop().call_later(self._idle_seconds, self._end_child)

    def _stay(self) -> None:
        if self._rest is not None:
            self._rest.cancel()

    def _end_child(self) -> None:
        if self._child is not None and not self._lock.locked():  # else what is under way waits again at its end
            self._ending = begin_alone(self._child.stop(), name="drawing")
            self._child = None

    def folder_of(self, study_name: str) -> Path:
        """Return the folder of a study's files that have no language."""
        return self._folder / study_name

    def drawn_folder_of(self, study_name: str, language: Language) -> Path:
        """Return the folder of a study's charts and report in a language."""
        return self._folder / f"{study_name}.{language}"

    async def draw(self, request: DrawRequest) -> DrawnFiles:
        """Write charts and report; raises Unavailable when that fails."""
        folder = self.drawn_folder_of(request.facts.study_name, request.language)
        async with self._lock:  # concurrent requests for one study must not overwrite what is being read
            packed = await self._trials_of(request.facts.study_name)
            await asyncio.to_thread(write_draw_request, request, packed, folder)
            try:
                answer = await (await self._ensure_child()).request(Draw(folder=folder).model_dump_json())
            except ChildDied as death:
                self._child = None
                raise Unavailable(
                    what=Phrase("chart_process"),
                    reason=Phrase("ended_while_drawing"),
                    remedy=Phrase("text_result_stands"),
                ) from death
            finally:
                self._rest_later()
        written = Written.model_validate_json(answer)
        return DrawnFiles(
            folder=folder,
            files=tuple(folder / name for name in written.files),
            for_thread=tuple(folder / name for name in written.for_thread),
        )

    async def stop(self) -> None:
        """End the process."""
        self._stay()
        if self._child is not None:
            await self._child.stop()
        if self._ending is not None:
            await self._ending
