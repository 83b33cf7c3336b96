"""Studies through a broker that is there already: `python -m tests.chaos.any_broker amqp://USER:PASSWORD@HOST:PORT//`.

RabbitMQ brings Erlang along, which is why no test starts one; this program prints one row for docs/workers.md.
"""

import asyncio
import statistics
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from optimizer.domain.study_results import StudyState
from optimizer.storage.documents import DOCUMENTS, OptimizationStudy
from optimizer.storage.mongo import open_documents
from optimizer.studies.running.broker import BrokerBell, fault_of
from optimizer.studies.service import OptimizationService
from tests.chaos.mongo import mongod_in
from tests.chaos.workers import service_in, spec_of
from tests.worker_process import worker_process

_N_STUDIES, _N_TRIALS = 10, 200


async def _waits(broker: str, home: Path) -> list[timedelta]:
    """How long each study waited from its request until a worker program had claimed it."""
    async with mongod_in(home) as server, open_documents(server.uri, DOCUMENTS), service_in(home) as bot:
        with worker_process(home / "there", server.uri, "count=1", "--celery", OPTIMIZE_BOT_BROKER=broker) as worker:
            await worker.until_said("connected to the broker")
            await worker.until_said("1 ready on")
            bell = BrokerBell(broker)
            waits = [await _wait(bot, bell, seed) for seed in range(_N_STUDIES)]
            bell.stop()
            assert "Traceback" not in worker.said.read_text()
            return waits


async def _wait(bot: OptimizationService, bell: BrokerBell, seed: int) -> timedelta:
    study = await bot.create_study(spec_of(seed, _N_TRIALS), created_by="U1")
    bell.ring(study.study_name)
    async with asyncio.timeout(120):
        while True:
            now = await OptimizationStudy.get(study.id)
            assert now is not None
            assert now.status is not StudyState.FAILED
            if now.status is StudyState.COMPLETE:
                assert now.started_at is not None
                return now.started_at - now.created_at
            await asyncio.sleep(0.1)


def _refusals(broker: str) -> str:
    """What is said of a wrong password, and of a port where nobody listens."""
    parts = urlsplit(broker)
    wrong = broker.replace(f":{parts.password}@", ":wrong@")
    nobody = broker.replace(f":{parts.port}", ":1")
    found = [fault.key if (fault := fault_of(one)) else "nothing" for one in (broker, wrong, nobody)]
    return f"said of it: {found[0]}; of a wrong password: {found[1]}; of a port where nobody listens: {found[2]}"


def main(broker: str) -> None:
    """Print the row."""
    refusals = _refusals(broker)
    with tempfile.TemporaryDirectory(prefix="broker-", ignore_cleanup_errors=True) as folder:
        waits = [wait.total_seconds() * 1e3 for wait in asyncio.run(_waits(broker, Path(folder)))]
    what = f"{_N_STUDIES} studies of {_N_TRIALS} trials through {urlsplit(broker).scheme}"
    found = (
        f"{len(waits)} complete; claimed {statistics.median(waits):.0f} ms after the request, at most {max(waits):.0f}"
    )
    sys.stdout.write(f"| {what} | {len(waits)} complete; {found}; {refusals} |\n")


if __name__ == "__main__":
    main(sys.argv[1])
