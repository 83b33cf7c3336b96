"""Charts and HTML reports, drawn in a process of their own so that the event loop never waits for one."""

import asyncio
from pathlib import Path

from optimizer.child import Child, ChildDied
from optimizer.errors import Unavailable

_MODULE = "reports"


class Reporter:
    """One warm process that draws; it is started again when it died."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._child: Child | None = None
        self._turn = asyncio.Lock()

    async def prepare(self) -> None:
        """Start the process; its imports overlap with everything else."""
        self._child = await Child.spawn(_MODULE)

    def folder_of(self, study_name: str) -> Path:
        """Where a study's charts and report are."""
        return self._folder / study_name

    async def draw(self, study_name: str, facts_file: Path, language: str) -> list[Path]:
        """Write charts and report of the facts in a file; returns the files, those for the thread first."""
        question = {"facts": str(facts_file), "folder": str(self.folder_of(study_name)), "language": language}
        async with self._turn:
            if self._child is None:
                await self.prepare()
            assert self._child is not None
            try:
                answer = await self._child.ask(question)
            except ChildDied as death:
                self._child = None
                raise Unavailable(
                    what="The chart process", reason="it ended while drawing", remedy="The text result stands."
                ) from death
        return [Path(name) for name in answer["files"]]

    async def stop(self) -> None:
        """End the process."""
        if self._child is not None:
            await self._child.stop()
