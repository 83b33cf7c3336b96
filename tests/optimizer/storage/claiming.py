"""A process that claims studies: `python -m tests.optimizer.storage.claiming URI NAME…` prints what it got, in JSON.

It prints the names of the studies, and the seconds that each refusal took.
"""

import asyncio
import json
import sys
import time
from collections.abc import Sequence

from optimizer.domain.study_results import StudyState
from optimizer.storage.documents import OptimizationStudy
from optimizer.storage.leases import Claimant, claim
from optimizer.storage.mongo import open_documents
from tests.optimizer.storage.test_tries import study


async def claimed_by_eight(uri: str, rounds: int) -> tuple[list[str], list[float]]:
    """Let eight processes claim so many new studies at once; returns what was granted, and how long refusals took."""
    names = [f"opt-{n:04x}" for n in range(rounds)]
    for name in names:
        await study(name).model_copy(update={"status": StudyState.QUEUED}).insert()
    command = (sys.executable, "-m", "tests.optimizer.storage.claiming", uri, *names)
    pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
    processes = [await asyncio.create_subprocess_exec(*command, **pipes) for _ in range(8)]
    for process in processes:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
    said = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
    answers = [json.loads(output) for output, _ in said]
    return (
        [name for each in answers for name in each["names"]],
        [seconds for each in answers for seconds in each["seconds"]],
    )


async def _claimed(uri: str, names: Sequence[str]) -> dict[str, list[str] | list[float]]:
    """Wait for the parent's word, and claim each study."""
    async with open_documents(uri, (OptimizationStudy,)):
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        claimant = Claimant(pool=str(id(names)) + str(asyncio.get_running_loop().time()))
        granted, seconds = list[str](), list[float]()
        for name in names:
            began = time.perf_counter()
            if await claim(name, claimant) is not None:
                granted.append(name)
            else:
                seconds.append(time.perf_counter() - began)
        return {"names": granted, "seconds": seconds}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_claimed(sys.argv[1], sys.argv[2:]))))
