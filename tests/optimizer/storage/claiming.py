"""A process that claims studies: `python -m tests.optimizer.storage.claiming URI NAME…` prints those that it got."""

import asyncio
import sys
from collections.abc import Sequence

from optimizer.storage.documents import OptimizationStudy
from optimizer.storage.leases import Claimant, claim
from optimizer.storage.mongo import open_documents


async def claimed(uri: str, names: Sequence[str]) -> list[str]:
    """Wait for the parent's word, and claim each study."""
    async with open_documents(uri, (OptimizationStudy,)):
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        claimant = Claimant(pool=str(id(names)) + str(asyncio.get_running_loop().time()))
        return [name for name in names if await claim(name, claimant) is not None]


if __name__ == "__main__":
    print(" ".join(asyncio.run(claimed(sys.argv[1], sys.argv[2:]))))
