"""The state of one connection in one service, as published in `ioc.connections` by the connection's owner.

Invariant: the topic has one record per connection and service, written when it changes. A new process continues from
it: it does not report known errors again, and reports their end.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from schemas.connection_state import ConnectionState, state_key
from schemas.level import Level
from schemas.policy import Policy
from schemas.record import UndecodableError
from schemas.resources.reconciliation import ReconciliationSpec
from services.runtime.clock import now_ms
from services.runtime.kafka.bulk_read import read_everything
from services.runtime.kafka.transactional_producer import OutgoingRecord
from services.runtime.lifecycle import Context


class Status:
    """The record of one connection in this service. `write` publishes as its owner. Used by one thread."""

    def __init__(self, context: Context, connection: str, write: Callable[[Iterable[OutgoingRecord]], None]) -> None:
        self._activity = context.activity
        self._topic = context.settings.topics.connections.name
        self._write = write
        self.latest = ConnectionState(connection=connection, service=context.service, since=now_ms())
        """The record as published last."""

    def recall(self, known: ConnectionState | None) -> None:
        """Continue from the record of a former process, or publish the first one.

        Raises:
            ProducerError: the record could not be published.

        """
        if known is None:
            self._write([OutgoingRecord(self._topic, self.latest.key(), self.latest.encode())])
        else:
            self.latest = known

    def say(self, **changes: Any) -> None:  # noqa: ANN401  # fields of the record, which checks them
        """Publish the record with these fields if that changes it.

        Raises:
            ProducerError: the record could not be published.

        """
        changed = ConnectionState.model_validate({**self.latest.model_dump(), **changes})
        if changed != self.latest:
            self._write([OutgoingRecord(self._topic, changed.key(), changed.encode())])
            self.latest = changed

    def recovered(self) -> None:
        """Publish that the worker works again. Raises as `say`."""
        self.say(failure=None, failures=None, failing_since=None)

    def asked(self, policy: Policy) -> ReconciliationSpec | None:
        """Return a person's request to reconcile if it is still valid and not yet answered."""
        found = policy.reconciliations.get(self.latest.connection)
        if found is None or found.spec.until <= now_ms() or found.spec.id == self.latest.answered:
            return None
        return found.spec

    def answer(self, asked: ReconciliationSpec, found: str, counts: Mapping[str, int]) -> None:
        """Report the result of a request to reconcile. Raises as `say`."""
        name = self.latest.connection
        self._activity.tell(Level.INFO, "reconciled", found, connection=name, counts=counts, request=asked.id)
        self.say(answered=asked.id)


def known_state(context: Context, connection: str) -> ConnectionState | None:
    """Read the last record of a connection in this service. Only its owner may rely on the result.

    Raises:
        TooManyDeadLettersError: too many records are undecodable.

    """
    topic, key, found = context.settings.topics.connections.name, state_key(connection, context.service), None
    context.deadletters.limit.begin(topic, 0)
    for record in read_everything(context.settings, topic):
        if record.key != key:
            continue
        try:
            found = ConnectionState.decode(record.value) if record.value else None
        except UndecodableError as error:
            context.deadletters.set_aside(topic, 0, record, error)
    return found
