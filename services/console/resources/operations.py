"""What can be done to the policy, for whoever asks: the command line now, an HTTP API as well.

Writers compete openly: a change is planned on what was read and written only if that still holds; otherwise it is read
and planned again, which may well turn it into a conflict that its author has to look at.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Literal

from kafka.errors import KafkaError

from schemas.hold import Hold
from schemas.policy import Policy
from schemas.resources import Reconciliation, resource_key
from services.console.audit import ASKED_RECONCILE, CHANGED, entries
from services.console.manifests.documents import Document
from services.console.manifests.places import Mistake, Path, in_order
from services.console.manifests.validation import Id, check, identify, subject
from services.console.queries.progress import read_progress
from services.console.resources.deletion import over, verdict
from services.console.resources.planning import (
    Change,
    NotFoundError,
    Plan,
    RefusedError,
    plan_apply,
    plan_delete,
    plan_word,
)
from services.console.resources.store import NoPolicyError, PolicyStore, Snapshot, Stored, competing
from services.runtime.clock import now_ms
from services.runtime.kafka import clients
from services.runtime.kafka.topics import TopicState, apply_topics, check_topics
from services.runtime.settings import Settings


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done, or in a dry run what would be: to the resources, and to the topics of the destinations."""

    changes: tuple[Change, ...]
    topics: tuple[TopicState, ...] = ()


class Operations:
    """The verbs on one installation's policy, for one person or program (`by`), which the activity log names.

    Every method may raise KafkaError and NoPolicyError.
    """

    def __init__(self, settings: Settings, by: str) -> None:
        self._settings = settings
        self._by = by
        self._store = PolicyStore(settings)

    def snapshot(self) -> Snapshot:
        """Everything as it stands."""
        return self._store.read()

    def plan(self, documents: Sequence[Document], mistakes: Sequence[Mistake] = ()) -> Plan:
        """What `apply` would do. Raises RefusedError as it does."""
        checked, wrong = check(list(documents))
        return plan_apply(self._store.read(), checked, [*mistakes, *wrong], now_ms())

    def apply(
        self, documents: Sequence[Document], mistakes: Sequence[Mistake] = (), *, dry_run: bool = False
    ) -> Outcome:
        """Make the stored resources as the documents say, all or none, and the topics of all destinations exist.

        Raises:
            RefusedError: with every mistake of all documents, and `mistakes`, those of reading them.
            FencedError, MovedError: others kept writing at the same time; nothing was changed.

        """
        checked, wrong = check(list(documents))
        found = [*mistakes, *wrong]
        try:
            return self._carry_out(lambda on: plan_apply(on, checked, found, now_ms()), dry_run=dry_run, topics=True)
        except (KafkaError, NoPolicyError) as error:
            if found:  # these are mistakes whatever is stored
                raise RefusedError(in_order(found)) from error
            raise

    def delete(self, ids: Iterable[Id], *, dry_run: bool = False, keep: bool = False) -> Outcome:
        """Delete resources, all or none. Topics stay: what they say of a tenant is not to be lost by a slip.

        What only a deleted sharing wanted is withdrawn, or with `keep` stays at the vendors and is none of ours.

        Raises:
            NotFoundError: some do not exist.
            RefusedError: others refer to one, or one is built in.
            FencedError, MovedError: others kept writing at the same time; nothing was changed.

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
                    told = entries(self._settings, code, _said(planned.changes, self._by), _items(planned.changes))
                    self._store.write([*planned.writes, *self._swept(planned)], planned.on.version, told)
        return Outcome(planned.changes, states)

    def judge(self, hold: Hold, said: Literal["confirm", "reject"]) -> Outcome:
        """Let through what a guard holds, or keep it back.

        Raises:
            FencedError, MovedError: others kept writing at the same time; nothing was changed.

        """
        word = verdict(hold.connection, hold.subject, hold.kind, said, now=now_ms(), by=self._by)
        return self._carry_out(lambda on: plan_word(on, word), dry_run=False, topics=False)

    def reconcile(self, asked: Reconciliation) -> Outcome:
        """Have the services of a connection compare. Raises as `judge`."""
        return self._carry_out(lambda on: plan_word(on, asked), dry_run=False, topics=False, code=ASKED_RECONCILE)

    def _swept(self, planned: Plan) -> list[tuple[str, bytes | None]]:
        """Deletions of what is over, on the occasion of another change."""
        written = {key for key, _ in planned.writes}
        ended = any(found.resource.metadata.ended for found in planned.on.stored.values())
        progress = read_progress(self._settings) if ended else {}
        return [
            (key, None)
            for found in over(planned.on, progress, now_ms())
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


def _said(changes: Sequence[Change], by: str) -> str:
    done = [change for change in changes if change.what != "unchanged"]
    first = ", ".join(f"{subject(change.id)} {change.what}" for change in done[:3])
    return f"{by}: {first}{f' and {len(done) - 3} more' if len(done) > 3 else ''}"


def _items(changes: Sequence[Change]) -> list[tuple[str, str]]:
    return [(subject(change.id), change.what) for change in changes if change.what != "unchanged"]


def identify_all(documents: Iterable[Document]) -> list[Id]:
    """The resources that documents are about, whatever else is in them.

    Raises:
        RefusedError: of some it cannot be told.

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
    """Resources of some kinds, by kind and name; only those named, in that order, if any are.

    Raises:
        NotFoundError: there is none of a name.

    """
    if not names:
        return [stored for kind in kinds for (of, _), stored in sorted(on.listed.items()) if of == kind]
    if missing := [name for name in names if not any((kind, name) in on.listed for kind in kinds)]:
        raise NotFoundError("\n".join(f"there is no {' or '.join(kinds)} named {name}" for name in missing))
    return [on.listed[kind, name] for name in dict.fromkeys(names) for kind in kinds if (kind, name) in on.listed]
