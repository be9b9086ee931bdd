"""Converges the lists and profiles of one Netskope tenant: what has come up for one of them goes out together.

Invariant: trouble with one list holds up no other. What the vendor says against a list becomes the reason of its
entries, and the list is tried again after a while; what may pass by itself is left to the loop.
"""

import time
from collections.abc import Callable, Collection

from schemas.desired import AppliedState
from schemas.record import Reason
from schemas.resources.connection import NetskopeTenant
from schemas.targets import DestinationProfile, FileHashList, UrlList
from services.push_netskope.client import NetskopeClient
from services.push_netskope.hashlists import HashLists
from services.push_netskope.profileclient import ProfileClient
from services.push_netskope.profiles import Profiles
from services.push_netskope.render import give_form
from services.push_netskope.round import Round
from services.push_netskope.spread import Spread
from services.push_netskope.urllists import UrlLists
from services.runtime.book import Book, Pace
from services.runtime.converging import FOREVER, Converger
from services.runtime.fleet import Tenure
from services.runtime.lifecycle import Context
from services.runtime.retry import RetryPolicy
from services.runtime.standing import Item, Outcome, Place
from services.runtime.vendors.errors import (
    ForbiddenError,
    MisconfiguredError,
    RefusedError,
    ThrottledError,
    UnauthorizedError,
    VendorError,
)
from services.runtime.vendors.netskope import POLICY, V1, NetskopeSession

READ_TIMEOUT_S = 120.0

_CHANGED = (Place.PUT, Place.WITHDRAW)
_UNSETTLED = (*_CHANGED, Place.WAITING)

ONCE = RetryPolicy(attempts=1)
"""The loop is what repeats: so ownership is checked before every request, and new wishes are heard in between."""


class NetskopePusher:
    """The vendor's part of the loop. It takes over and closes the client."""

    def __init__(
        self,
        book: Book,
        client: NetskopeClient,
        *,
        pace: Pace | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        spec = book.connection.spec
        if not isinstance(spec, NetskopeTenant):
            raise TypeError(f"connection {book.connection.name} is of type {spec.type}, not netskope")
        self._book = book
        self._client = client
        self._pace = pace or Pace()
        self._reconcile_s = spec.reconcile.interval.total_seconds()
        self._clock = clock
        repairs, along = spec.reconcile.mode == "repair", spec.deploy.others_pending == "deploy"
        self._url_lists = Spread(book, UrlLists(book, client, repairs=repairs, along=along))
        self._hash_lists = HashLists(book, client)
        self._profiles = Profiles(book, ProfileClient(client), repairs=spec.reconcile.mode == "repair")
        self._failures: dict[str, int] = {}
        self._not_before: dict[str, float] = {}
        self._check_at: dict[str, float] = {}
        self._round = Round(book)
        self._barred: dict[str, VendorError] = {}
        """By quota bucket, which is by token: what was said against the token last, until it is taken again."""

    def unit(self) -> float:
        """Converge the first list that has something to do and may be written. See `Pusher`."""
        self._check_at |= dict.fromkeys(self._round.begin(), 0.0)
        waits = []
        for target_id, due in self._with_work().items():
            wait = max(due - self._clock(), self._client.seconds_until_free(self._bucket(target_id)))
            if wait <= 0:
                try:
                    self._converge(target_id)
                except ThrottledError as error:
                    waits.append(error.retry_after)
                    continue
                self._round.looked_at(target_id)
                self._check_tokens()
                return 0.0
            waits.append(wait)
        return min(waits, default=FOREVER)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _with_work(self) -> dict[str, float]:
        """When each list is due: those with changes as soon as may be, then those to be looked at from time to time."""
        standing = self._book.standing
        changed = {item.target_id for place in _CHANGED for item in standing.places[place]}
        due = {name: self._not_before.get(name, 0.0) for name in sorted(changed)}
        for name, items in standing.items.items():
            if items and name not in changed and isinstance(standing.targets[name], UrlList | DestinationProfile):
                due[name] = self._check_at.get(name, 0.0)
        return due

    def _bucket(self, target_id: str) -> str:
        return V1 if isinstance(self._book.standing.targets[target_id], FileHashList) else POLICY

    def _check_tokens(self) -> None:
        """Raise what is said against the tokens where none of those of use is taken: no list can be written."""
        of_use = {self._bucket(target_id) for target_id, items in self._book.standing.items.items() if items}
        if of_use and of_use <= self._barred.keys():
            raise self._barred[min(of_use)]

    def _converge(self, target_id: str) -> None:
        standing = self._book.standing
        target, now = standing.targets[target_id], self._clock()
        changed = [item for place in _CHANGED for item in standing.places[place] if item.target_id == target_id]
        for item in changed:
            give_form(item, target)
        try:
            done = True
            self._skip(changed)
            if isinstance(target, UrlList):
                done = self._url_lists.converge(target, changed=bool(changed))
            elif isinstance(target, FileHashList):
                done = self._hash_lists.converge(target)
            elif isinstance(target, DestinationProfile):
                self._profiles.converge(target)
        except (RefusedError, MisconfiguredError) as error:
            reason = Reason(code=_code(error), detail=error.text)
            unsettled = [item for place in _UNSETTLED for item in standing.places[place] if item.target_id == target_id]
            self._book.record([Outcome(item, AppliedState.FAILED, item.remote_id, reason) for item in unsettled])
            done = False
            if isinstance(error, MisconfiguredError | UnauthorizedError | ForbiddenError):
                self._barred[self._bucket(target_id)] = error
        else:
            self._barred.pop(self._bucket(target_id), None)
        failures = 0 if done else self._failures.get(target_id, 0) + 1
        self._failures[target_id] = failures
        self._not_before[target_id] = now + self._pace.lasting(failures - 1) if failures else now
        # What is held is not among what changed, so a list that could not be dealt with is looked at before long.
        self._check_at[target_id] = self._not_before[target_id] if failures else now + self._reconcile_s

    def _skip(self, items: Collection[Item]) -> None:
        """What cannot be in the list is done with, whether the list can be written or not."""
        self._book.record(
            [
                Outcome(item, AppliedState.SKIPPED, None, item.form)
                for item in items
                if item.place is Place.PUT and isinstance(item.form, Reason) and not item.present
            ]
        )


def _code(error: VendorError) -> str:
    match error:
        case UnauthorizedError():
            return "unauthorized"
        case ForbiddenError():
            return "forbidden"
        case MisconfiguredError():
            return "misconfigured"
        case _:
            return "refused"


def hire(context: Context, tenure: Tenure, pace: Pace | None = None) -> Converger:
    """The worker for one connection."""

    def make(book: Book) -> NetskopePusher:
        session = NetskopeSession(tenure.connection, tenure.stop, policy=ONCE, read_timeout_s=READ_TIMEOUT_S)
        return NetskopePusher(book, NetskopeClient(session, book.check, tenure.stop), pace=pace)

    return Converger(context, tenure, make, detailed=False, pace=pace)
