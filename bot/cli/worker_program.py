"""`optimize-bot worker`: runs studies of the bot's database on this machine, until it is stopped."""

import argparse
import asyncio
import importlib.util
import sys
from contextlib import AsyncExitStack

from bot.runtime.processes import ChildProcesses, identity_of, start_children
from bot.runtime.settings import MissingSetting, Settings
from optimizer.errors import Phrase, UserError
from optimizer.storage.documents import DOCUMENTS
from optimizer.storage.mongo import open_documents
from optimizer.storage.outage import ends_process
from optimizer.studies.code_version import code_version
from optimizer.studies.running.broker import CELERY, Bells
from optimizer.studies.running.remote_worker import RemoteWorker
from optimizer.studies.worker_messages import Configure
from optimizer.supervisor import Supervisor
from reports.render import renderer_of
from reports.text.terminal import unmarked

#: Folder of a worker program inside the data directory: a bot on the same machine has one of its own.
_FOLDER = "worker"


class CeleryMissing(UserError):
    """`--celery` without the package. No facts."""


async def run(options: argparse.Namespace, settings: Settings, children: ChildProcesses | None) -> int:
    """Run studies until the program is stopped. Raises MissingSetting, CeleryMissing and MongoUnavailable."""
    uri = _require(settings, with_celery=options.celery)
    chosen = {"home": settings.home / _FOLDER, "workers": options.count or settings.workers}
    own = settings.model_copy(update=chosen)
    renderer = renderer_of(settings.language)

    def tell(study: str, what: Phrase | UserError) -> None:
        line = unmarked(renderer.phrase(what))
        sys.stdout.write(f"{study}: {line}\n" if study else f"{line}\n")
        sys.stdout.flush()

    async with AsyncExitStack() as stack:
        started = await stack.enter_async_context(start_children(own, verb="worker"))
        await stack.enter_async_context(open_documents(uri, DOCUMENTS))
        pool, version = started.pool, code_version()
        config = Configure(mongodb_uri=uri, snapshots=own.snapshots, pool=identity_of(own.home), code_version=version)
        pool.configure(config)
        tell("", Phrase("worker_begins", n=own.workers, version=version))
        worker, supervisor = RemoteWorker(pool, version, tell), Supervisor(is_fatal=ends_process)
        await stack.enter_async_context(worker.run(supervisor))
        if options.celery:
            assert settings.broker is not None
            bells = Bells(settings.broker.get_secret_value(), own.workers, worker.ring, tell)
            await stack.enter_async_context(supervisor.repeat("celery", bells.listen, every=1.0))
        tell("", Phrase("worker_ready", n=await pool.ready(), machine=worker.machine))
        await asyncio.Event().wait()
    return 0


def _require(settings: Settings, *, with_celery: bool) -> str:
    """Return the address of the bot's MongoDB; raises for what is missing."""
    if settings.mongodb_address is None:
        raise MissingSetting(name="MONGODB_URI", remedy=Phrase("share_mongodb"))
    if with_celery and settings.broker is None:
        raise MissingSetting(name="OPTIMIZE_BOT_BROKER", remedy=Phrase("name_a_broker"))
    if with_celery and importlib.util.find_spec(CELERY) is None:
        raise CeleryMissing
    return settings.mongodb_address
