"""Members of a group share out the connections; who leaves or oversleeps loses them to the others."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from schemas.partitions import partition_of
from services.runtime.kafka import clients
from services.runtime.kafka.leases import LeaseLostError, Leases
from services.runtime.kafka.topics import apply_topics
from services.runtime.settings import Settings
from tests.routing import settings_for
from tests.waiting import eventually

NAMES = [f"tenant-{number}" for number in range(60)]

Join = Callable[[], Leases]


@pytest.fixture
def settings(bootstrap: str, prefix: str) -> Settings:
    settings = settings_for(bootstrap, prefix)
    with closing(clients.admin(settings)) as admin:
        apply_topics(admin, [settings.topics.leases], replication=1)
    return settings


@pytest.fixture
def join(settings: Settings) -> Iterator[Join]:
    with ExitStack() as stack:

        def one() -> Leases:
            leases = Leases(settings, "pull_some", lambda: None)
            stack.callback(leases.close)
            return leases

        yield one


def owned(leases: Leases) -> set[str]:
    return {name for name in NAMES if leases.owns(name)}


def schedule(*members: Leases) -> None:
    for member in members:
        member.poll(0.05)


def owns_all(leases: Leases) -> Callable[[], bool]:
    def condition() -> bool:
        schedule(leases)
        return owned(leases) == set(NAMES)

    return condition


def test_names_spread_over_all_partitions(settings: Settings) -> None:
    count = settings.topics.leases.partitions
    assert {partition_of(name, count) for name in NAMES} == set(range(count))


def test_two_share_and_when_one_leaves_the_other_has_all(join: Join) -> None:
    first = join()
    eventually(owns_all(first), "one alone owns all", every_s=0)
    first.check(NAMES[0])
    second = join()

    def shared() -> bool:
        schedule(first, second)
        return bool(owned(second)) and owned(first) | owned(second) == set(NAMES)

    eventually(shared, "both own some, together all", every_s=0)
    assert not owned(first) & owned(second)
    theirs = min(owned(second))
    with pytest.raises(LeaseLostError, match=f"{theirs} belongs to another process now"):
        first.check(theirs)
    second.close()
    eventually(owns_all(first), "the one that stayed owns all", every_s=0)


def test_partitions_asked_back_are_gone_before_the_owner_hears_of_it(settings: Settings, join: Join) -> None:
    heard: list[set[str]] = []
    first = Leases(settings, "pull_some", lambda: heard.append(owned(first)))
    with closing(first):
        eventually(owns_all(first), "one alone owns all", every_s=0)
        heard.clear()
        second = join()

        def asked() -> bool:
            schedule(first, second)
            return bool(heard)

        eventually(asked, "it was asked to give some back", every_s=0)
        assert len(heard[0]) < len(NAMES)


def test_who_slept_past_the_session_timeout_knows_before_anything_else(join: Join) -> None:
    sleeper = join()
    eventually(owns_all(sleeper), "it owns all", every_s=0)
    slept_through(sleeper)
    with pytest.raises(LeaseLostError, match=r"leases lost after .* of silence"):
        sleeper.check(NAMES[0])
    with pytest.raises(LeaseLostError):
        sleeper.poll(0.05)
    sleeper.close()
    successor = join()
    eventually(owns_all(successor), "another one takes over", every_s=0)


def slept_through(leases: Leases) -> None:
    """As if it had been paused: its last sign of life lies a session timeout back."""
    leases._alive = time.monotonic() - 6
