"""Whose turn it is on a program's own workers."""

import asyncio
from collections.abc import Sequence

from optimizer.studies.running.turns import Turns


class Line:
    """People who want a place, each until it is told to leave."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._leave: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.begun: list[str] = []

    async def come(self, *names: str) -> None:
        """One after the other; the first letter of a name is the person's."""
        for name in names:
            self.tasks[name] = asyncio.create_task(self._stay(name))
            await asyncio.sleep(0)

    async def _stay(self, name: str) -> None:
        self._leave[name] = asyncio.Event()
        async with self._turns.of(name[0]):
            self.begun.append(name)
            await self._leave[name].wait()

    def tell(self, name: str) -> None:
        """Tell it to leave."""
        self._leave[name].set()

    async def leave(self, *names: str) -> None:
        """Tell one after the other, and wait until it has left."""
        for name in names:
            self.tell(name)
            await self.tasks[name]
            await asyncio.sleep(0)

    async def finish(self, names: Sequence[str]) -> None:
        """Everybody leaves in the order in which they began."""
        for n in range(len(names)):
            await self.leave(self.begun[n])


async def test_a_person_with_hundreds_holds_nobody_up() -> None:
    many = [f"A{n}" for n in range(300)]
    line = Line(Turns(1, per_person=2))
    await line.come(*many, "B0", "C0", "B1")
    await line.finish([*many, "B0", "C0", "B1"])
    assert line.begun[:6] == ["A0", "B0", "C0", "A1", "B1", "A2"]
    assert line.begun[6:] == many[3:]


async def test_places_are_shared_and_one_person_has_a_limit() -> None:
    line = Line(Turns(4, per_person=3))
    await line.come("A0", "A1", "A2", "A3")
    assert line.begun == ["A0", "A1", "A2"]
    await line.come("B0", "B1")
    assert line.begun[3:] == ["B0"]
    await line.leave("A1")
    assert line.begun[4:] == ["B1"]
    await line.leave("A0", "B0")
    assert line.begun[5:] == ["A3"]
    await line.leave("A2", "A3", "B1")


async def test_who_gives_up_leaves_the_place_to_the_next() -> None:
    line = Line(Turns(1, per_person=1))
    await line.come("A0", "B0", "C0")
    line.tasks["B0"].cancel()
    await line.leave("A0", "C0")
    assert line.begun == ["A0", "C0"]


async def test_a_place_that_is_granted_and_cancelled_in_one_moment_is_not_lost() -> None:
    line = Line(Turns(1, per_person=1))
    await line.come("A0", "B0", "C0")
    line.tell("A0")
    while not line.tasks["A0"].done():
        await asyncio.sleep(0)
    line.tasks["B0"].cancel()  # it has been given the place, and has not noticed
    await line.leave("C0")
    assert line.begun == ["A0", "C0"]
