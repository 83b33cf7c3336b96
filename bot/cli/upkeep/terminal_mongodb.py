"""The database of a command in a terminal that needs no other service of the bot."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from bot.runtime.processes import HomeInUse, lock_home
from bot.runtime.settings import Settings
from optimizer.storage.embedded_mongo import find_mongod, running_uri, start_mongod
from optimizer.storage.mongo import kept_ready
from optimizer.supervisor import Supervisor


@asynccontextmanager
async def open_beside(settings: Settings, verb: str) -> AsyncIterator[str]:
    """Yield the database's address: from the settings, the running bot's embedded server, or one started here."""
    if settings.mongodb_address is not None:
        yield settings.mongodb_address
        return
    async with AsyncExitStack() as stack:
        try:
            uri = await stack.enter_async_context(open_alone(settings, verb))
        except HomeInUse:
            found = running_uri(settings.home)
            if found is None:  # its owner is just starting or ending
                raise
            uri = found
        yield uri


@asynccontextmanager
async def open_alone(settings: Settings, verb: str) -> AsyncIterator[str]:
    """Yield the database's address while this command owns the data directory. Raises HomeInUse."""
    with lock_home(settings.home, verb):
        if settings.mongodb_address is not None:
            yield settings.mongodb_address
            return
        async with open_embedded(settings) as uri:
            yield uri


@asynccontextmanager
async def open_embedded(settings: Settings) -> AsyncIterator[str]:
    """Yield the address of the embedded server, which is started for the block."""
    server = start_mongod(find_mongod(os.environ), settings.home)
    async with kept_ready(server, Supervisor()) as uri:
        yield uri
