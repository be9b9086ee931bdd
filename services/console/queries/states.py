"""How services get on with connections, as each of them said last: a service that has ended says nothing new."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from operator import attrgetter

from schemas.connection_state import BreakerState, ConnectionState
from schemas.record import UndecodableError
from schemas.resources import Connection
from services.console.cli.output.when import show
from services.runtime.kafka.bulk_read import latest
from services.runtime.kafka.clients import consumer
from services.runtime.settings import Settings

_MEANS = {
    BreakerState.CLOSED: "the tenant is called as ever",
    BreakerState.HALF_OPEN: "the next call is a try",
    BreakerState.OPEN: "the tenant is left alone, but for single tries",
}
States = Mapping[str, Sequence[ConnectionState]]
"""By connection."""


def read_states(settings: Settings) -> dict[str, list[ConnectionState]]:
    """What was said of each connection, by service. What a newer version says is left to that."""
    topic = settings.topics.connections.name
    with closing(consumer(settings)) as reader:
        if not reader.partitions_for_topic(topic):
            return {}  # it is made by the next `topics apply`; nobody has said anything before that
    found: dict[str, list[ConnectionState]] = {}
    for value in latest(settings, topic).values():
        try:
            state = ConnectionState.decode(value)
        except UndecodableError:
            continue
        found.setdefault(state.connection, []).append(state)
    return {name: sorted(states, key=attrgetter("service")) for name, states in found.items()}


def states_of(connection: Connection, states: States) -> list[ConnectionState]:
    """Those of the services that work for a connection now; one that is polled no longer was polled once."""
    return [
        state for state in states.get(connection.name, ())
        if connection.polls or not state.service.startswith("pull_")
    ]  # fmt: skip


def in_short(connection: Connection, states: States) -> str:
    """A line each: all is well, or what is not; nothing where no service has said anything."""
    found = states_of(connection, states)
    return "\n".join(troubles(found)) or (BreakerState.CLOSED if found else "-")


def troubles(states: Iterable[ConnectionState]) -> list[str]:
    """A line for each service whose worker fails, or whose calls do not go through."""
    found = list(states)
    failing = [f"{one.service} restarting: {one.failure}" for one in found if one.failure]
    return failing + [
        f"{one.service} {one.state}: {one.reason}" for one in found if one.state is not BreakerState.CLOSED
    ]


def at_length(state: ConnectionState) -> str:
    """One state with since when, why and what to do."""
    parts = [
        f"failed {state.failures} times in a row since {show(state.failing_since)}: {state.failure}; restarting"
        if state.failure
        else None,
        f"{state.state} since {show(state.since)} ({_MEANS[state.state]})",
        state.reason,
        f"do: {state.remedy}" if state.remedy else None,
    ]
    return "; ".join(part for part in parts if part)
