"""Requests a drift check from the services of a connection, and collects their answers.

The request is a resource: it is idempotent and survives a service that is down. Answers are activity with its id.
Services that have not answered are listed.
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
"""Activity codes that list the differences found."""

Progress = Callable[[int, int], None]
"""Called with the number of services that have answered, and of all."""


class NothingToCompareError(Exception):
    """No service reads or writes this connection, so there is nothing to compare."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The services asked and their answers. `found` is the activity that lists differences one by one."""

    id: str
    services: Sequence[str]
    answers: Sequence[Activity] = ()
    found: Sequence[Activity] = ()
    missing: Sequence[str] = ()
    why: Sequence[str] = field(default=())
    """States of the connection in services that have not answered and whose breaker is not closed."""


def reconcile(
    settings: Settings,
    name: str,
    *,
    by: str,
    wait_s: float = 0.0,
    progress: Progress = lambda _done, _of: None,
) -> Comparison:
    """Request a drift check of connection `name`, and wait up to `wait_s` seconds for the answers.

    Raises:
        NotFoundError: there is no such connection.
        NothingToCompareError: no service reads or writes it.
        FencedError, MovedError: other writers kept interfering; nothing was requested.
        KafkaError: Kafka does not answer.

    """
    operations = Operations(settings, by)
    on = operations.snapshot()
    (stored,) = select(on, ["Connection"], [name])
    assert isinstance(stored.resource, Connection)
    services = _services(settings, stored.resource, on)
    if not services:
        raise NothingToCompareError(f"nothing of connection {name} can be compared: no service reads or writes it")
    request = _reconciliation(name, by)
    activity = TopicPartition(settings.topics.activity.name, 0)
    with closing(clients.consumer(settings)) as reader:
        reader.assign([activity])
        reader.seek_to_end(activity)
        reader.position(activity)  # seek_to_end is lazy: fix the position before the request is written
        operations.reconcile(request)
        seen = []
        missing = list(services)
        until = time.monotonic() + wait_s
        progress(0, len(services))
        while missing and time.monotonic() < until:
            for record in poll(reader, activity, 200):
                if (reported := _read(record.value)) is None or reported.connection != name:
                    continue
                seen.append(reported)
                if reported.request == request.spec.id and reported.service in missing:
                    missing.remove(reported.service)
                    progress(len(services) - len(missing), len(services))
    answers = sorted((one for one in seen if one.request == request.spec.id), key=attrgetter("service"))
    found = [one for one in seen if one.code in FOUND and one.service in services]
    why = _trouble(settings, stored.resource, missing) if missing and wait_s else []
    return Comparison(request.spec.id, services, answers, found, missing, why)


def _reconciliation(name: str, by: str) -> Reconciliation:
    now = now_ms()
    spec = ReconciliationSpec(id=secrets.token_hex(8), at=now, until=now + RECONCILIATION_COUNTS_MS, by=by)
    return Reconciliation(metadata=Metadata(name=name, created=now), spec=spec)


def _services(settings: Settings, connection: Connection, on: Snapshot) -> list[str]:
    """The services that should answer: those that read or write the connection, or have published a state of it."""
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
        return None  # written by a newer version, so no answer to this request
