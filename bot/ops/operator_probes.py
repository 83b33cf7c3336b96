"""Probes of what an operator sets up around the bot: database server, clock, shared files, address, sweeps."""

import asyncio
import socket
import ssl
import statistics
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from pymongo.errors import PyMongoError

from bot.ops.health_checks import Probe, bad, clock_probe, doubtful, good
from bot.ops.retention import last_sweep
from bot.runtime.services import Services
from bot.runtime.settings import Settings
from optimizer.clock import Clock, utc_now
from optimizer.errors import Phrase
from optimizer.storage.copies.shared_snapshots import try_bucket
from optimizer.storage.documents import OptimizationStudy
from optimizer.storage.driver import database_of
from optimizer.storage.embedded_mongo import last_day
from optimizer.storage.leases import time_claim

_N_CLAIMS = 5
#: Milliseconds of a claim from which on people notice that studies wait.
SLOW_CLAIM_MS = 250.0
#: Days that a certificate is still valid from which on it is to be renewed.
RENEW_DAYS = 14
_CONNECT_SECONDS = 5.0
#: A sweep is due every night.
_SWEEP_OVERDUE = timedelta(days=2)


async def probe_operation(services: Services) -> list[Probe]:
    """Run every probe of this module but for the port, which a running bot has itself."""
    return [
        await probe_server(services.settings),
        *await probe_server_clock(services.settings),
        await probe_claims(),
        *await probe_shared_files(services.settings),
        *await probe_certificate(services.settings),
        await probe_sweeps(services.clock),
    ]


async def probe_server(settings: Settings) -> Probe:
    """Tell which MongoDB the server is, and whether its makers still repair it."""
    version = str((await database_of(OptimizationStudy).client.admin.command("buildInfo"))["version"])
    end, is_own = last_day(version), settings.mongodb_address is not None
    if end is None or end >= utc_now().date():
        return good("mongodb_program", Phrase("mongodb_version", version=version))
    ended = Phrase("own_mongodb_ended" if is_own else "mongodb_ended", version=version, end=end.isoformat())
    return doubtful("mongodb_program", ended, Phrase("update_mongodb" if is_own else "newer_mongodb"))


async def probe_server_clock(settings: Settings) -> list[Probe]:
    """Compare the clock of a server of one's own with this machine's."""
    if settings.mongodb_address is None:
        return []
    theirs: datetime = (await database_of(OptimizationStudy).client.admin.command("hello"))["localTime"]
    return [clock_probe("MongoDB", theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC), utc_now())]


async def probe_claims() -> Probe:
    """Time how long a worker needs to claim a study: one that nobody has, so that nothing changes."""
    times = [await time_claim() * 1e3 for _ in range(_N_CLAIMS)]
    took = Phrase("claim_takes", ms=f"{statistics.median(times):.0f}")
    slow = statistics.median(times) >= SLOW_CLAIM_MS
    return doubtful("claims", took, Phrase("mongodb_nearer")) if slow else good("claims", took)


async def probe_shared_files(settings: Settings) -> list[Probe]:
    """Store, read and delete a file where other machines get their bars from; nothing where none is to."""
    if not settings.shares_snapshots:
        return []
    try:
        began = time.perf_counter()
        is_same = await try_bucket()
    except PyMongoError as failure:
        reason = Phrase("as_written", text=type(failure).__name__)
        return [bad("shared_files", Phrase("files_not_shared", reason=reason), Phrase("allow_files"))]
    if not is_same:
        differs = Phrase("files_not_shared", reason=Phrase("another_hash"))
        return [bad("shared_files", differs, Phrase("allow_files"))]
    return [good("shared_files", Phrase("files_shared", ms=f"{(time.perf_counter() - began) * 1e3:.0f}"))]


async def probe_certificate(settings: Settings) -> list[Probe]:
    """Open the address that people use, and look at its certificate; nothing without one."""
    address = urlsplit(settings.public_url)
    if address.scheme != "https" or not address.hostname:
        return []
    try:
        end = await asyncio.to_thread(_valid_until, address.hostname, address.port or 443)
    except ssl.SSLCertVerificationError as failure:
        refused = Phrase("certificate_refused", host=address.hostname, reason=failure.verify_message)
        return [bad("address", refused, Phrase("renew_certificate"))]
    except OSError as failure:
        reason = failure.strerror or type(failure).__name__
        away = Phrase("address_away", host=address.netloc, reason=reason)
        return [doubtful("address", away, Phrase("check_public_url"))]
    days = (end - utc_now()).days
    valid = Phrase("certificate_valid", host=address.hostname, n=days)
    return [doubtful("address", valid, Phrase("renew_certificate")) if days < RENEW_DAYS else good("address", valid)]


def _valid_until(host: str, port: int) -> datetime:
    context = ssl.create_default_context()
    with (
        socket.create_connection((host, port), timeout=_CONNECT_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=host) as closed,
    ):
        certificate = closed.getpeercert() or {}
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)


def probe_port(settings: Settings) -> Probe:
    """Tell whether the bot can listen where it is to, while it does not."""
    place = f"{settings.host}:{settings.port}"
    try:
        with socket.create_server((settings.host, settings.port)):
            return good("port", Phrase("port_free", place=place))
    except OSError as failure:
        reason = failure.strerror or type(failure).__name__
        return doubtful("port", Phrase("port_not_free", place=place, reason=reason), Phrase("choose_port"))


async def probe_sweeps(clock: Clock) -> Probe:
    """Tell when what is kept for a time was last deleted."""
    last = await last_sweep()
    if last is None:
        return good("sweeps", Phrase("never_swept"))
    swept = Phrase("swept", at=f"{last.ended_at:%Y-%m-%d %H:%M}", n=sum(last.deleted.values()))
    if clock() - last.ended_at > _SWEEP_OVERDUE:
        return doubtful("sweeps", swept, Phrase("sweep_overdue"))
    return good("sweeps", swept)
