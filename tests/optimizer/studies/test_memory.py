"""Memory that was freed goes back to the system."""

import psutil

from optimizer.studies.running.memory import give_memory_back


def test_freed_memory_is_given_back() -> None:
    blocks = [bytes(5000) for _ in range(20_000)]
    kept, full = (
        blocks[-1],
        psutil.Process().memory_info().rss,
    )  # above the others: they would not go back by themselves
    del blocks

    give_memory_back()

    assert psutil.Process().memory_info().rss < full - 50_000_000
    assert len(kept) == 5000
