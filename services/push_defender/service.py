"""Converges one Defender tenant: withdrawals first, since they make room; then what is new or changed, by rank.

Invariant: a call is followed by its record before the next call. Every call may be repeated: an import updates in
place, and what is deleted already counts as deleted. A quota that is used up keeps back its own kind of call only.
"""

import time
from collections.abc import Callable
from contextlib import closing

from schemas.marker import owner
from schemas.refusal import Refusal
from schemas.resources.connection import DefenderTenant
from schemas.spent import Spent
from services.push_defender.accepting import Accepting
from services.push_defender.client import DefenderClient
from services.push_defender.evicting import Evicting
from services.push_defender.putting import Putting
from services.push_defender.reconciling import Reconciling
from services.push_defender.room import Room
from services.push_defender.withdrawing import Withdrawing
from services.runtime.book import Book, Pace
from services.runtime.converging import Converger
from services.runtime.fleet import Tenure
from services.runtime.kafka import admin
from services.runtime.lifecycle import Context
from services.runtime.refusals import Refusals
from services.runtime.retry import RetryPolicy
from services.runtime.vendors.defender import DefenderSession
from services.runtime.vendors.errors import ThrottledError

PROBE_S = 300.0
"""How often one entry is tried although the tenant is full."""
READ_TIMEOUT_S = 120.0

ONCE = RetryPolicy(attempts=1)
"""The loop is what repeats: so ownership is checked before every request, and new wishes are heard in between."""


class DefenderPusher:
    """The vendor's part of the loop. It takes over and closes the client."""

    def __init__(
        self,
        book: Book,
        client: DefenderClient,
        owner_name: str,
        *,
        probe_s: float = PROBE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        spec = book.connection.spec
        if not isinstance(spec, DefenderTenant):
            raise TypeError(f"connection {book.connection.name} is of type {spec.type}, not defender")
        self._client = client
        room = Room(clock, probe_s)
        self._withdrawing = Withdrawing(book, client, room, owner_name)
        refusals = Refusals(book.note, book.forget, _tenant(spec), book.notes.of(Refusal))
        self._book = book
        self._heard = ""
        self._accepting = accepting = Accepting(book, refusals)
        self._putting = Putting(
            book, client, room, accepting, owner=owner_name, ioc_source=spec.ioc_source, clock=clock
        )
        self._evicting = Evicting(book, client, room, probe_s, clock)
        self._reconciling = Reconciling(book, client, owner_name, spec.reconcile, clock)

    def unit(self) -> float:
        """One unit of work of the first kind that has any and may call. See `Pusher`."""
        if (asked := self._book.asked) and asked.id != self._heard:
            self._heard = asked.id
            self._accepting.doubt()
            self._reconciling.hurry()
        waits = []
        for kind in (self._withdrawing, self._putting, self._evicting, self._reconciling):
            try:
                wait = kind.unit()
            except ThrottledError as error:
                wait = error.retry_after
            if wait <= 0:
                return 0.0
            waits.append(wait)
        return min(waits)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _tenant(spec: DefenderTenant) -> str:
    return f"{spec.tenant_id} at {spec.api_url or spec.region}"


def hire(context: Context, tenure: Tenure, pace: Pace | None = None) -> Converger:
    """The worker for one connection."""

    def make(book: Book) -> DefenderPusher:
        with closing(admin(context.settings)) as client:
            cluster = str(client.describe_cluster().get("cluster_id"))
        session = DefenderSession(tenure.connection, tenure.stop, policy=ONCE, read_timeout_s=READ_TIMEOUT_S)
        book.spending.restore(book.notes.of(Spent), session.budget)
        name = owner(cluster, context.settings.topic_prefix, tenure.name)
        return DefenderPusher(book, DefenderClient(session, book.check, tenure.stop, book.spending.note), name)

    return Converger(context, tenure, make, detailed=True, pace=pace)
