"""Operations on the policy, shared by the command line and the HTTP API.

Concurrency is optimistic: a change is planned on a snapshot and written only if the policy has not changed since.
Otherwise it is planned again, which may end in a conflict for its author to resolve.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Literal

from schemas.hold import Hold
from schemas.policy import Policy
from schemas.resources import Reconciliation, resource_key
from services.console.audit import ASKED_RECONCILE, CHANGED, entries
from services.console.manifests.documents import Document
from services.console.manifests.places import Mistake, Path, in_order
from services.console.manifests.validation import Id, check, identify, subject
from services.console.queries.progress import read_progress
from services.console.resources.deletion import expired, verdict
from services.console.resources.planning import (
    Change,
    NotFoundError,
    Plan,
    RefusedError,
    plan_apply,
    plan_delete,
    plan_put,
)
from services.console.resources.store import NoPolicyError, PolicyStore, Snapshot, Stored, competing
from services.runtime.clock import now_ms
from services.runtime.kafka import clients
from services.runtime.kafka.errors import KAFKA_ERRORS
from services.runtime.kafka.topics import TopicState, apply_topics, check_topics
from services.runtime.settings import Settings

_UNKNOWN: tuple[type[Exception], ...] = (*KAFKA_ERRORS, NoPolicyError)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done, or in a dry run would be done: to resources, and to topics of destinations."""

    changes: tuple[Change, ...]
    topics: tuple[TopicState, ...] = ()


class Operations:
    """Operations on one installation's policy, in the name of `by`, which the activity log shows.

    Every method may raise KafkaError and NoPolicyError.
    """

    def __init__(self, settings: Settings, by: str) -> None:
        self._settings = settings
        self._by = by
        self._store = PolicyStore(settings)

    def snapshot(self) -> Snapshot:
        """The current policy."""
        return self._store.read()

    def plan(self, documents: Sequence[Document], mistakes: Sequence[Mistake] = ()) -> Plan:
        """What `apply` would do. Raises RefusedError like `apply`."""
        checked, wrong = check(list(documents))
        return plan_apply(self._store.read(), checked, [*mistakes, *wrong], now_ms())

    def apply(
        self, documents: Sequence[Document], mistakes: Sequence[Mistake] = (), *, dry_run: bool = False
    ) -> Outcome:
        """Create or change resources as in the documents, all or none, and create missing topics of destinations.

        Raises:
            RefusedError: with every mistake in the documents, and `mistakes` from reading them.
            FencedError, MovedError: other writers kept interfering; nothing was changed.

        """
        checked, wrong = check(list(documents))
        found = [*mistakes, *wrong]
        try:
            return self._carry_out(lambda on: plan_apply(on, checked, found, now_ms()), dry_run=dry_run, topics=True)
        except _UNKNOWN as error:
            if found:  # these are mistakes whatever the policy holds
                raise RefusedError(in_order(found)) from error
            raise

    def delete(self, ids: Iterable[Id], *, dry_run: bool = False, keep: bool = False) -> Outcome:
        """Delete resources, all or none. Topics stay, so that a mistake does not lose the state of a tenant.

        Entries that only a deleted sharing desired are withdrawn, or with `keep` released.

        Raises:
            NotFoundError: a resource does not exist.
            RefusedError: another resource refers to one, or one is built in.
            FencedError, MovedError: other writers kept interfering; nothing was changed.

        """
        ids = tuple(ids)
        return self._carry_out(
            lambda on: plan_delete(on, ids, self._by, now_ms(), keep=keep), dry_run=dry_run, topics=False
        )

    def _carry_out(
        self, plan: Callable[[Snapshot], Plan], *, dry_run: bool, topics: bool, code: str = CHANGED
    ) -> Outcome:
        states: tuple[TopicState, ...] = ()
        for attempt in competing():
            with attempt:
                planned = plan(self._store.read())
                states = states or (self._topics(planned.policy, dry_run=dry_run) if topics else ())
                if planned.writes and not dry_run:
                    activity = entries(
                        self._settings, code, _summary(planned.changes, self._by), _items(planned.changes)
                    )
                    self._store.write(
                        [*planned.writes, *self._expired_deletions(planned)], planned.on.version, activity
                    )
        return Outcome(planned.changes, states)

    def judge(self, hold: Hold, decision: Literal["confirm", "reject"]) -> Outcome:
        """Confirm or reject a hold.

        Raises:
            FencedError, MovedError: other writers kept interfering; nothing was changed.

        """
        decided = verdict(hold.connection, hold.subject, hold.kind, decision, now=now_ms(), by=self._by)
        return self._carry_out(lambda on: plan_put(on, decided), dry_run=False, topics=False)

    def reconcile(self, request: Reconciliation) -> Outcome:
        """Request a drift check of a connection. Raises like `judge`."""
        return self._carry_out(lambda on: plan_put(on, request), dry_run=False, topics=False, code=ASKED_RECONCILE)

    def _expired_deletions(self, planned: Plan) -> list[tuple[str, bytes | None]]:
        """Deletions of expired resources, to be written with another change."""
        written = {key for key, _ in planned.writes}
        ended = any(found.resource.metadata.ended for found in planned.on.stored.values())
        progress = read_progress(self._settings) if ended else {}
        return [
            (key, None)
            for found in expired(planned.on, progress, now_ms())
            if (key := resource_key(found)) not in written
        ]  # fmt: skip

    def _topics(self, policy: Policy, *, dry_run: bool) -> tuple[TopicState, ...]:
        names = self._settings.topics
        wanted = [topic for name in policy.destinations for topic in (names.desired(name), names.applied(name))]
        if not wanted:
            return ()
        with closing(clients.admin(self._settings)) as admin:
            if dry_run:
                return tuple(check_topics(admin, wanted))
            return tuple(apply_topics(admin, wanted, self._settings.replication))


def _summary(changes: Sequence[Change], by: str) -> str:
    done = [change for change in changes if change.what != "unchanged"]
    first = ", ".join(f"{subject(change.id)} {change.what}" for change in done[:3])
    return f"{by}: {first}{f' and {len(done) - 3} more' if len(done) > 3 else ''}"


def _items(changes: Sequence[Change]) -> list[tuple[str, str]]:
    return [(subject(change.id), change.what) for change in changes if change.what != "unchanged"]


def identify_all(documents: Iterable[Document]) -> list[Id]:
    """The ids of the resources in documents; other fields are not checked.

    Raises:
        RefusedError: a document has no valid kind or name.

    """
    ids: list[Id] = []
    mistakes: list[Mistake] = []
    for document in documents:
        id_, wrong = identify(document)
        mistakes += wrong
        if id_:
            ids.append(id_)
        elif not wrong:
            path: Path = ("metadata", "name")
            mistakes.append(Mistake("is missing", document.place(path), path=path))
    if mistakes:
        raise RefusedError(in_order(mistakes))
    return ids


def select(on: Snapshot, kinds: Sequence[str], names: Sequence[str] = ()) -> list[Stored]:
    """Resources of some kinds, by kind and name; with `names` only those, in that order.

    Raises:
        NotFoundError: a name does not exist.

    """
    if not names:
        return [stored for kind in kinds for (of, _), stored in sorted(on.listed.items()) if of == kind]
    if missing := [name for name in names if not any((kind, name) in on.listed for kind in kinds)]:
        raise NotFoundError("\n".join(f"there is no {' or '.join(kinds)} named {name}" for name in missing))
    return [on.listed[kind, name] for name in dict.fromkeys(names) for kind in kinds if (kind, name) in on.listed]
