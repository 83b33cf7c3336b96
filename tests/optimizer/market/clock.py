"""A clock for tests of sources."""


class Clock:
    """A clock that moves only when someone waits."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        """Wait, and remember for how long."""
        self.waits.append(seconds)
        self.now += seconds
