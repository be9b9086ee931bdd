"""What tests of the pushers stand on: desired entries, and a pusher's part of the loop run by hand over its books."""

import secrets
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

from schemas.activity import ActivityItem
from schemas.canonical import canonicalise
from schemas.connection_state import ConnectionState
from schemas.desired import Applied, AppliedState, Desired, entry_key
from schemas.hold import Hold
from schemas.level import Level
from schemas.note import RESERVED
from schemas.policy import Policy
from schemas.resources import AnyResource, Connection, resource
from schemas.targets import Target
from schemas.types import IndicatorType, Severity
from schemas.vendors.defender import DefenderAction
from schemas.vendors.netskope import FileHashList, UrlList
from services.runtime.holds import Holds
from services.runtime.kafka.transactional_producer import OutgoingRecord
from services.runtime.observability.health import Health
from services.runtime.reconciling.change_guard import ChangeGuard
from services.runtime.reconciling.entry import Entry
from services.runtime.reconciling.entry_store import EntryStore
from services.runtime.reconciling.notes import Notes
from services.runtime.reconciling.pusher import Pusher
from services.runtime.reconciling.status_writer import StatusWriter
from services.runtime.settings import Settings
from services.runtime.vendors.pace import Pace

BLOCK = DefenderAction(kind="defender-action", action="Block")
AUDIT = DefenderAction(kind="defender-action", action="Audit", generate_alert=True)
LIST = UrlList(kind="url-list", name="blocked", subdomains="exact")
"""A list in which an indicator is one entry; `COVERING` is as lists are where nobody says otherwise."""
COVERING = UrlList(kind="url-list", name="covering")
HASHES = FileHashList(kind="file-hash-list", name="bad files")
NAME = "destination"


def desired_entry(
    value: str,
    target: Target = BLOCK,
    *,
    type: IndicatorType | None = None,  # noqa: A002  # the field's name
    content: str = "c1",
    severity: Severity = Severity.HIGH,
    reputation: int = 5,
    comments: str = "",
    expires_at: int | None = None,
    reported_at: int = 1_000,
    resend_at: int | None = None,
    released: bool = False,
) -> tuple[str, Desired]:
    """Key and record of a desired entry."""
    found = canonicalise(value, type)
    record = Desired(
        target=target,
        type=found.type,
        value=found.value,
        severity=severity,
        reputation=reputation,
        comments=comments,
        expires_at=expires_at,
        sources=("source",),
        sharings=("share",),
        content=content,
        reported_at=reported_at,
        resend_at=resend_at,
        released=released,
    )
    return entry_key(target.id, found.id), record


def entry(value: str, target: Target = BLOCK, **details: Any) -> Entry:
    """An entry that is desired and of which nothing else is known."""
    store = EntryStore()
    key, record = desired_entry(value, target, **details)
    store.desire(key, record)
    return next(iter(store))


def defender(url: str, tenant: str, app: str, **spec: object) -> Connection:
    found = resource(
        "Connection",
        NAME,
        {
            "type": "defender",
            "tenantId": tenant,
            "appId": app,
            "appSecret": {"env": "PUSH_TEST_SECRET"},
            "apiUrl": url,
            "loginUrl": url,
            **spec,
        },
    )
    assert isinstance(found, Connection)
    return found


def netskope(url: str, **spec: object) -> Connection:
    tokens = {"v2Token": {"env": "PUSH_TEST_V2"}, "v1Token": {"env": "PUSH_TEST_V1"}}
    found = resource("Connection", NAME, {"type": "netskope", "tenantUrl": url, **tokens, **spec})
    assert isinstance(found, Connection)
    return found


class Told:
    """Keeps what an activity log would have published."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []
        self.entries: list[ActivityItem] = []
        self.answers: list[str] = []
        """Ids of the requests that were answered, and `found` what was counted for them."""
        self.found: list[Mapping[str, int]] = []

    def tell(
        self, _: Level, code: str, message: str, *, items: Sequence[ActivityItem] = (), request: str | None = None,
        counts: Mapping[str, int] | None = None, **__: object,
    ) -> None:  # fmt: skip
        self.said.append((code, message))
        self.entries += items
        if request is not None:
            self.answers.append(request)
            self.found.append(counts or {})

    def skipped(self, _: str, items: Iterable[ActivityItem]) -> None:
        self.tell(Level.INFO, "skipped", "", items=list(items))


class Written:
    """The applied topic, and that of holds, as compacted logs would leave them."""

    def __init__(self) -> None:
        self.latest: dict[str, Applied] = {}
        self.holds: dict[str, Hold] = {}
        self.notes: dict[bytes, bytes] = {}
        self.connection: ConnectionState | None = None
        self.writes = 0

    def write(self, entries: Iterable[OutgoingRecord]) -> None:
        holds = Settings().topics.holds.name
        for entry in entries:
            assert entry.key is not None
            if entry.topic == Settings().topics.connections.name:
                self.connection = ConnectionState.decode(entry.value or b"")
                continue
            if entry.key.startswith(RESERVED):
                self.notes[entry.key] = entry.value or b""
                if entry.value is None:
                    del self.notes[entry.key]
                continue
            self.writes += 1
            key, is_hold = entry.key.decode(), entry.topic == holds
            kept: dict[str, Any] = self.holds if is_hold else self.latest
            if entry.value is None:
                kept.pop(key, None)
            else:
                kept[key] = (Hold if is_hold else Applied).decode(entry.value)


class Tenure:
    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.name = connection.name
        self.stop = threading.Event()

    def check(self) -> None:
        """It is ours."""


class View:
    """The policy of the moment: without guards, unless a test says otherwise."""

    def __init__(self) -> None:
        self.view = Policy()


class Context:
    def __init__(self, told: Told, policy: View | None = None) -> None:
        self.settings = Settings()
        self.service = "test"
        self.health = Health()
        self.activity = told
        self.policy = policy or View()


def reconciliation(connection: str, id_: str) -> AnyResource:
    """A wish to compare that counts for long."""
    return resource("Reconciliation", connection, {"id": id_, "at": 0, "until": 2**45})


class PusherHarness:
    """A pusher's part with its books, without Kafka: desired entries go in by hand, units are done by hand.

    `restart` begins anew from what was published, as a fresh process would.
    """

    def __init__(self, connection: Connection, make: Callable[[StatusWriter], Pusher]) -> None:
        self.connection = connection
        self.told = Told()
        self.written = Written()
        self.desired: dict[str, Desired] = {}
        self._make = make
        self._pusher: Pusher | None = None
        self.policy = View()
        self._open()

    def _open(self) -> None:
        self.store = EntryStore()
        for key, applied in self.written.latest.items():
            self.store.know(key, applied)
        for key, desired in self.desired.items():
            self.store.desire(key, desired)
        lease, context = Tenure(self.connection), Context(self.told, self.policy)
        pace = Pace(first_failed_s=0.001, longest_failed_s=0.002)
        notes = Notes(self.connection.name)
        for reserved, note in self.written.notes.items():
            notes.take(reserved, note)
        self.writer = StatusWriter(
            cast("Any", context), cast("Any", lease), cast("Any", self.written), self.store, notes=notes, pace=pace,
            process=secrets.token_hex(4),
        )  # fmt: skip
        if self.written.connection:
            self.writer.status.recall(self.written.connection)
        holds = Holds(cast("Any", context), self.connection.name, self.written.write, self.written.holds)
        self._pusher = ChangeGuard(self.writer, holds, self.policy, self._make(self.writer))

    def restart(self) -> None:
        self.close()
        self._open()

    def close(self) -> None:
        if self._pusher:
            self._pusher.close()

    def want(self, value: str, target: Target = BLOCK, **details: Any) -> str:
        key, record = desired_entry(value, target, **details)
        self.desired[key] = record
        self.store.desire(key, record)
        return key

    def drop(self, *keys: str) -> None:
        for key in keys:
            self.desired.pop(key, None)
            self.store.desire(key, None)

    @property
    def pusher(self) -> Pusher:
        assert self._pusher
        return self._pusher

    def reconcile_once(self) -> float:
        return self.pusher.reconcile_once()

    def work(self, units: int = 100) -> None:
        """Do units until there is nothing more to do now. Raises what a unit raises."""
        for _ in range(units):
            if self.reconcile_once() > 0:
                return
        raise AssertionError(f"still at work after {units} units")

    def ask(self, id_: str) -> None:
        """Ask for a comparison, as `ioc-bridge reconcile` does."""
        self.policy.view = Policy.of([*self.policy.view, reconciliation(self.connection.name, id_)])

    def states(self) -> dict[str, AppliedState]:
        """The published states, by indicator id."""
        return {key.partition("/")[2]: applied.state for key, applied in self.written.latest.items()}

    def reasons(self) -> dict[str, str]:
        """The published reason codes, by indicator id."""
        return {key.partition("/")[2]: a.reason.code for key, a in self.written.latest.items() if a.reason}
