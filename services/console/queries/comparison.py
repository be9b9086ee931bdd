"""Asking the services of a connection to compare now, and hearing what each of them found.

The wish is a resource, so it is idempotent and outlives a service that is down; the answers are activity that bears its
id. A service that has not answered is named: half an answer is never taken for the whole.
"""

import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from operator import attrgetter

from kafka import TopicPartition

from schemas.activity import Activity
from schemas.connection_state import BreakerState
from schemas.record import UndecodableError
from schemas.resources import Connection
from schemas.resources.base import Metadata
from schemas.resources.reconciliation import RECONCILIATION_COUNTS_MS, Reconciliation, ReconciliationSpec
from services.console.queries.states import at_length, read_states, states_of
from services.console.resources.operations import Operations, select
from services.console.resources.store import Snapshot
from services.runtime.clock import now_ms
from services.runtime.kafka import clients
from services.runtime.kafka.bulk_read import poll
from services.runtime.settings import Settings

FOUND = frozenset({"drift", "strays", "many_strays"})
"""Codes of activity that lists what a comparison found."""

Progress = Callable[[int, int], None]
"""Told how many services have answered, of how many."""


class NothingToCompareError(Exception):
    """No service compares anything of this connection."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was asked for, and what services answered: `found` lists what they told one by one meanwhile."""

    id: str
    services: Sequence[str]
    answers: Sequence[Activity] = ()
    found: Sequence[Activity] = ()
    missing: Sequence[str] = ()
    why: Sequence[str] = field(default=())
    """What those that have not answered last said of the connection, where they are in trouble."""


def reconcile(
    settings: Settings,
    name: str,
    *,
    by: str,
    wait_s: float = 0.0,
    progress: Progress = lambda _done, _of: None,
) -> Comparison:
    """Ask, and wait so long for the answers.

    Raises:
        NotFoundError: there is no such connection.
        NothingToCompareError: it is one of which nothing can be compared.
        FencedError, MovedError: others kept writing at the same time; nothing was asked.
        KafkaError: Kafka does not answer.

    """
    operations = Operations(settings, by)
    on = operations.snapshot()
    (stored,) = select(on, ["Connection"], [name])
    assert isinstance(stored.resource, Connection)
    services = _services(settings, stored.resource, on)
    if not services:
        raise NothingToCompareError(f"nothing of connection {name} can be compared: no service reads or writes it")
    asked = _made(name, by)
    activity = TopicPartition(settings.topics.activity.name, 0)
    with closing(clients.consumer(settings)) as reader:
        reader.assign([activity])
        reader.seek_to_end(activity)
        reader.position(activity)  # seeking is lazy: where the end is must be known before the question is out
        operations.reconcile(asked)
        told = []
        left = list(services)
        until = time.monotonic() + wait_s
        progress(0, len(services))
        while left and time.monotonic() < until:
            for record in poll(reader, activity, 200):
                if (said := _read(record.value)) is None or said.connection != name:
                    continue
                told.append(said)
                if said.request == asked.spec.id and said.service in left:
                    left.remove(said.service)
                    progress(len(services) - len(left), len(services))
    answers = sorted((said for said in told if said.request == asked.spec.id), key=attrgetter("service"))
    found = [said for said in told if said.code in FOUND and said.service in services]
    why = _trouble(settings, stored.resource, left) if left and wait_s else []
    return Comparison(asked.spec.id, services, answers, found, left, why)


def _made(name: str, by: str) -> Reconciliation:
    now = now_ms()
    spec = ReconciliationSpec(id=secrets.token_hex(8), at=now, until=now + RECONCILIATION_COUNTS_MS, by=by)
    return Reconciliation(metadata=Metadata(name=name, created=now), spec=spec)


def _services(settings: Settings, connection: Connection, on: Snapshot) -> list[str]:
    """Those that should answer: who reads the connection, and who has something to write to it, or ever said so."""
    known = {state.service for state in states_of(connection, read_states(settings))}
    if puller := connection.puller:
        known.add(puller)
    is_destination = any(sharing.spec.destination == connection.name for sharing in on.policy.sharings.values())
    if is_destination and (pusher := connection.pusher):
        known.add(pusher)
    return sorted(known)


def _trouble(settings: Settings, connection: Connection, missing: Sequence[str]) -> list[str]:
    return [
        f"{state.service}: {at_length(state)}"
        for state in states_of(connection, read_states(settings))
        if state.service in missing and state.state is not BreakerState.CLOSED
    ]


def _read(value: bytes | None) -> Activity | None:
    try:
        return None if value is None else Activity.decode(value)
    except UndecodableError:
        return None  # of a newer version; it answers nothing that was asked here
