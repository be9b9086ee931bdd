"""The state of each connection in each service, as last published. A stopped service's state remains."""

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
    BreakerState.CLOSED: "the tenant is called normally",
    BreakerState.HALF_OPEN: "the next call is a trial",
    BreakerState.OPEN: "the tenant is not called except for single trials",
}
States = Mapping[str, Sequence[ConnectionState]]
"""States by connection name."""


def read_states(settings: Settings) -> dict[str, list[ConnectionState]]:
    """The states of each connection, sorted by service. Ignores records of a newer version."""
    topic = settings.topics.connections.name
    with closing(consumer(settings)) as reader:
        if not reader.partitions_for_topic(topic):
            return {}  # an older installation before its next `topics apply`
    found: dict[str, list[ConnectionState]] = {}
    for value in latest(settings, topic).values():
        try:
            state = ConnectionState.decode(value)
        except UndecodableError:
            continue
        found.setdefault(state.connection, []).append(state)
    return {name: sorted(states, key=attrgetter("service")) for name, states in found.items()}


def states_of(connection: Connection, states: States) -> list[ConnectionState]:
    """The states of a connection, without a puller's state if the connection is not polled any more."""
    return [
        state for state in states.get(connection.name, ())
        if connection.polls or not state.service.startswith("pull_")
    ]  # fmt: skip


def in_short(connection: Connection, states: States) -> str:
    """The troubles of a connection, one a line; "closed" if there are none, "-" if no service has a state."""
    found = states_of(connection, states)
    return "\n".join(troubles(found)) or (BreakerState.CLOSED if found else "-")


def troubles(states: Iterable[ConnectionState]) -> list[str]:
    """One line for each service whose worker fails or whose breaker is not closed."""
    found = list(states)
    failing = [f"{one.service} restarting: {one.failure}" for one in found if one.failure]
    return failing + [
        f"{one.service} {one.state}: {one.reason}" for one in found if one.state is not BreakerState.CLOSED
    ]


def at_length(state: ConnectionState) -> str:
    """One state as a sentence: since when, why, and what to do."""
    parts = [
        f"failed {state.failures} times in a row since {show(state.failing_since)}: {state.failure}; restarting"
        if state.failure
        else None,
        f"{state.state} since {show(state.since)} ({_MEANS[state.state]})",
        state.reason,
        f"do: {state.remedy}" if state.remedy else None,
    ]
    return "; ".join(part for part in parts if part)
