"""A study has one worker at a time, and one that lost it writes nothing more."""

import asyncio
from datetime import timedelta

import pytest

from optimizer.clock import utc_now
from optimizer.domain.study_results import StudyState, TrialRecord, TrialState
from optimizer.errors import WorkerLost, error_of
from optimizer.storage.documents import OptimizationStudy, OptimizationTrial, StudyLease, new_document
from optimizer.storage.driver import collection_of
from optimizer.storage.leases import (
    Claimant,
    HeldStudy,
    LeaseLost,
    claim,
    give_back,
    next_claimable,
    release_pool,
    settle_for,
    take_away,
)
from optimizer.storage.study_store import store_trials
from optimizer.studies.running.deaths import record_death
from optimizer.studies.running.reaper import Reaper
from tests.optimizer.storage.claiming import claimed_by_eight
from tests.optimizer.storage.test_tries import NOW, study

pytestmark = pytest.mark.usefixtures("documents")

ONE = Claimant(pool="one")
OTHER = Claimant(pool="other")
#: A worker on another machine, which takes studies of its own version only.
REMOTE = Claimant(pool="remote", code_version="test")


async def stored(**fields: object) -> OptimizationStudy:
    queued = {"summary": None, "rank": None, "status": StudyState.QUEUED, "code_version": "test"}
    one = study("opt-1").model_copy(update={**queued, **fields})
    await one.insert()
    return one


async def now() -> OptimizationStudy:
    found = await OptimizationStudy.find_one(OptimizationStudy.study_name == "opt-1")
    assert found is not None
    return found


async def held_by(claimant: Claimant) -> HeldStudy:
    held = await claim("opt-1", claimant)
    assert held is not None
    return held


def trial(number: int) -> TrialRecord:
    return TrialRecord(number=number, params={"fast": number}, value=1.0, values=(1.0,), state=TrialState.COMPLETE)


async def test_of_many_claims_at_once_one_is_granted() -> None:
    await stored()
    for n in range(20):
        claims = await asyncio.gather(*(claim("opt-1", Claimant(pool=f"{n}-{i}")) for i in range(8)))
        (held,) = [one for one in claims if one is not None]
        await held.settle(status=StudyState.QUEUED)

    lease = (await now()).lease
    assert lease is not None
    assert (lease.owner, lease.token) == (None, 20)


async def test_only_a_first_claim_finds_a_study_that_is_not_begun() -> None:
    await stored()
    await collection_of(OptimizationStudy).update_one({}, {"$set": {"started_at": None, "trials_completed": 0}})
    assert not (await held_by(ONE)).is_begun
    assert (await held_by(ONE)).is_begun  # as after a worker that died before it stored anything

    await collection_of(OptimizationStudy).update_one({}, {"$set": {"started_at": None, "trials_completed": 3}})
    assert (await held_by(ONE)).is_begun  # as one that is given more trials


async def test_a_new_study_is_stored_as_the_model_reads_it() -> None:
    await stored()
    study = await now()

    assert OptimizationStudy.model_validate(new_document(study) | {"_id": study.id}) == study
    await collection_of(OptimizationStudy).replace_one({}, new_document(study))
    assert await now() == study


async def test_study_of_an_earlier_version_has_no_lease_and_can_be_claimed() -> None:
    await stored()
    await collection_of(OptimizationStudy).update_one({}, {"$unset": {"lease": "", "needs_bot": ""}})
    await held_by(REMOTE)

    found = await now()
    assert found.status is StudyState.RUNNING
    assert found.started_at is not None
    assert found.lease is not None
    assert found.lease.claimed_at is not None
    expected = StudyLease(owner=REMOTE.owner, pool="remote", machine=REMOTE.machine, token=1)
    assert found.lease.model_copy(update={"claimed_at": None}) == expected


async def taken_in_turn(n: int) -> list[str]:
    """Names of the next studies of a single worker, which ends each before the next."""
    names = []
    for _ in range(n):
        name = await next_claimable(REMOTE)
        assert name is not None
        held = await claim(name, REMOTE)
        assert held is not None
        await held.settle(status=StudyState.COMPLETE)
        names.append(name)
    return names


async def queued(name: str, by: str, n: int, **fields: object) -> None:
    one = study(name).model_copy(
        update={
            "status": StudyState.QUEUED,
            "code_version": "test",
            "created_by": by,
            "created_at": NOW + timedelta(hours=n),
            **fields,
        }
    )
    await one.insert()


async def test_one_worker_serves_people_in_turn() -> None:
    for n in range(5):
        await queued(f"opt-a{n}", "alice", n)
    for n in range(2):
        await queued(f"opt-b{n}", "bob", n)
    assert await taken_in_turn(2) == ["opt-a0", "opt-b0"]
    await queued("opt-c0", "carol", 9)
    assert await taken_in_turn(4) == ["opt-c0", "opt-a1", "opt-b1", "opt-a2"]


async def test_study_under_which_workers_died_waits_for_its_persons_others_and_for_nobody_elses() -> None:
    await queued("opt-a0", "alice", 0, deaths=1)
    await queued("opt-a1", "alice", 1)
    for n in range(3):
        await queued(f"opt-b{n}", "bob", n)
    assert await taken_in_turn(5) == ["opt-a1", "opt-b0", "opt-a0", "opt-b1", "opt-b2"]


async def test_who_lost_its_lease_writes_no_trial_and_no_field() -> None:
    await stored()
    old = await held_by(ONE)
    await store_trials(old, [trial(0)], n_done=1, best=trial(0))
    assert await release_pool("one") == 1
    new = await held_by(OTHER)
    await store_trials(new, [trial(1)], n_done=2, best=trial(1))
    before = await collection_of(OptimizationStudy).find_one({})

    with pytest.raises(LeaseLost):
        await old.beat()
    with pytest.raises(LeaseLost):
        await store_trials(old, [trial(2)], n_done=3, best=trial(2))
    with pytest.raises(LeaseLost):
        await old.update(trials_completed=9)
    with pytest.raises(LeaseLost):
        await old.settle(status=StudyState.COMPLETE)

    assert await collection_of(OptimizationStudy).find_one({}) == before
    assert await OptimizationTrial.find_all().count() == 2


async def test_settlement_whose_answer_was_lost_is_recognised() -> None:
    await stored()
    held = await held_by(ONE)
    await held.settle(status=StudyState.COMPLETE)
    await held.settle(status=StudyState.COMPLETE)  # as `patiently` repeats it
    assert await claim("opt-1", OTHER) is None


async def test_pool_takes_its_own_lease_back_and_no_other() -> None:
    await stored()
    first = await held_by(ONE)
    assert await claim("opt-1", OTHER) is None
    await held_by(Claimant(pool="one"))
    with pytest.raises(LeaseLost):
        await first.beat()
    assert not await settle_for("other", "opt-1", {"status": StudyState.FAILED})
    await give_back("one")
    await held_by(OTHER)


@pytest.mark.parametrize(
    "fields", [{"code_version": "newer"}, {"needs_bot": True}, {"wanted": StudyState.PAUSED}], ids=str
)
async def test_what_only_the_bot_can_run_is_left_to_it(fields: dict[str, object]) -> None:
    await stored(**fields)
    assert await claim("opt-1", REMOTE) is None
    await held_by(ONE)


@pytest.mark.parametrize("state", [StudyState.PAUSED, StudyState.COMPLETE, StudyState.CANCELLED, StudyState.FAILED])
async def test_study_that_waits_for_nobody_is_not_claimed(state: StudyState) -> None:
    await stored(status=state)
    assert await claim("opt-1", ONE) is None


async def test_error_is_stored_as_it_is_whatever_it_contains() -> None:
    await stored()
    failure = {"kind": "SomethingBroke", "facts": {"reference": "$lease.owner", "$add": [1, "$$ROOT"]}}
    assert await settle_for("one", "opt-1", {"status": StudyState.FAILED, "failure": failure})
    assert (await now()).failure == failure


async def test_reaper_takes_only_what_stood_still_for_long_enough() -> None:
    await stored()
    held, freed = await held_by(OTHER), list[str]()

    async def note(name: str) -> None:
        freed.append(name)

    reaper = Reaper("one", on_free=note, expiry=0.2, every=0.05)
    for _ in range(8):
        await reaper.look()
        await held.beat()
        await asyncio.sleep(0.05)
    assert not freed

    while not freed:
        await reaper.look()
        await asyncio.sleep(0.05)
    with pytest.raises(LeaseLost):
        await held.beat()
    assert ((await now()).deaths, freed) == (1, ["opt-1"])


async def test_gap_in_the_reapers_own_looking_costs_nobody_a_lease() -> None:
    await stored()
    await held_by(OTHER)
    reaper = Reaper("one", expiry=0.1, every=0.01)
    await reaper.look()
    await asyncio.sleep(1.2)  # MongoDB was away, for both
    await reaper.look()
    assert (await now()).deaths == 0


@pytest.mark.parametrize("minutes", [-10, 10])
async def test_machine_whose_clock_is_off_keeps_and_loses_its_lease_like_any_other(minutes: int) -> None:
    """Of its clock only the times that it writes are seen."""
    await stored()
    held, off = await held_by(OTHER), utc_now() + timedelta(minutes=minutes)
    written = {"started_at": off, "heartbeat_at": off}
    reaper = Reaper("one", expiry=0.2, every=0.05)
    for _ in range(8):
        await held.update(**written)
        await held.beat()
        await reaper.look()
        await asyncio.sleep(0.05)
    lease = (await now()).lease
    assert lease is not None
    assert lease.claimed_at is not None
    assert abs(lease.claimed_at - utc_now()) < timedelta(minutes=5)
    assert (lease.token, (await now()).deaths) == (1, 0)

    await collection_of(OptimizationStudy).update_one({}, {"$set": written})
    while not (await now()).deaths:
        await reaper.look()
        await asyncio.sleep(0.05)
    await held_by(ONE)


async def test_reaper_leaves_its_own_pool_alone() -> None:
    await stored()
    held = await held_by(ONE)
    reaper = Reaper("one", expiry=0.0)
    for _ in range(3):
        await reaper.look()
    await held.beat()


async def test_beat_in_the_last_moment_keeps_the_lease() -> None:
    await stored()
    held = await held_by(OTHER)
    await held.beat()
    assert not await take_away("opt-1", 1, 0)
    assert await take_away("opt-1", 1, 1)


async def test_third_death_fails_a_study_with_its_reason() -> None:
    await stored(deaths=2)
    await held_by(OTHER)
    reaper = Reaper("one", expiry=0.05, every=0.05)
    while (await now()).status is StudyState.RUNNING:
        await reaper.look()
        await asyncio.sleep(0.05)

    failed = await now()
    assert failed.status is StudyState.FAILED
    assert failed.failure is not None
    assert isinstance(error_of(failed.failure), WorkerLost)


async def test_one_death_is_counted_once_however_often_it_is_recorded() -> None:
    one = await stored()
    await record_death(one, "one")
    await record_death(one, "one")
    assert (await now()).deaths == 1


@pytest.mark.slow
async def test_of_eight_processes_that_claim_the_same_studies_each_study_has_one(mongodb_uri: str) -> None:
    """Two hundred rounds, in each of which seven are refused."""
    granted, refusals = await claimed_by_eight(mongodb_uri, 200)
    assert sorted(granted) == [f"opt-{n:04x}" for n in range(200)]
    assert len(refusals) == 7 * 200
