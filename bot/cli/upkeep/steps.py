"""Progress of a command that takes long: one line that changes, or in a log a line for each part."""

from types import TracebackType

from bot.cli.screen import Screen
from reports.render import Renderer
from reports.text.terminal import terminal_text


class Steps:
    """Shows which part is being done, and how much of it is."""

    def __init__(self, screen: Screen, renderer: Renderer) -> None:
        self._console = screen.console
        self._renderer = renderer
        self._status = screen.console.status("")
        self._last: tuple[str, int] | None = None

    def __enter__(self) -> "Steps":
        if self._console.is_terminal:
            self._status.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._status.stop()
        if self._last is not None and not self._console.is_terminal:
            self._print(*self._last)

    def tell(self, part: str, n: int) -> None:
        """Show how much of a part is done; from any thread."""
        if self._console.is_terminal:
            self._status.update(self._words(part, n))
        elif self._last is not None and self._last[0] != part:
            self._print(*self._last)
        self._last = (part, n)

    def _print(self, part: str, n: int) -> None:
        self._console.print(self._words(part, n), markup=False, overflow="ignore", crop=False)

    def _words(self, part: str, n: int) -> str:
        return terminal_text([self._renderer.notice("step", part=part, n=n)])
