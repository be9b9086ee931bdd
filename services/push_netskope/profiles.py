"""Brings one destination profile to what it should hold: read, plan, note, write, deploy what waits, record.

Invariant: nothing is recorded before an answer has told that it is applied. A profile that waits for a deploy takes no
write, so it is deployed, with what other people left waiting in it, and then read and planned anew.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

from schemas.desired import AppliedState
from schemas.record import Reason
from schemas.targets import DestinationProfile
from services.push_netskope import plan, profileplan
from services.push_netskope.drift import note_lost
from services.push_netskope.profileclient import Profile, ProfileClient, Shelf, is_locked, refused_values
from services.push_netskope.profileplan import ProfilePlan, Step
from services.push_netskope.render import form_of
from services.push_netskope.sizes import show_values
from services.runtime.book import Book
from services.runtime.halving import in_halves
from services.runtime.standing import Item, Outcome, Place
from services.runtime.vendors.errors import RefusedError

_ROUNDS: Final = 20
_OF_VALUES: Final = frozenset({400, 422})


@dataclass(slots=True)
class _Course:
    """How writing goes. `whole`: writes of all values are not refused; `sure`: an answer told that nothing waits.

    `present` is what was there before the latest write, as entries are compared.
    """

    whole: bool = True
    sure: bool = False
    present: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Refused:
    step: Step
    error: RefusedError


class Profiles:
    """The destination profiles of one connection."""

    def __init__(self, book: Book, client: ProfileClient, *, repairs: bool) -> None:
        self._book = book
        self._client = client
        self._repairs = repairs

    def converge(self, target: DestinationProfile) -> None:
        """Bring a profile to what it should hold, and record what that made of the entries.

        Raises:
            RefusedError: the vendor will not have it; nothing is lost.
            VendorError, StoppedError: as the client does.

        """
        items, course = self._items(target), _Course()
        for round_ in count(1):
            shelf = self._client.shelf(target.name)
            there = shelf.there
            course.present = profileplan.folded(there.values if there else (), target)
            lost = note_lost(self._book, items, course.present, repairs=self._repairs)
            if lost and not self._repairs and not _changed(items):
                return
            planned = self._plan(target, items, shelf)
            steps = profileplan.steps(planned, exists=there is not None, whole=course.whole, sure=course.sure)
            self._book.intend(plan.unwritten(items, frozenset(planned.add)))
            refused = self._write(target, there, steps, course)
            if refused is None:
                break
            if round_ == _ROUNDS:
                raise refused.error
            self._heed(items, there, refused, course)
        if there and not steps and not course.sure and (planned.again or planned.doubt):
            self._client.deploy(there.id)  # it cannot be written at once, which would tell
        size = len(planned.values) if steps else len(there.values) if there else 0
        show_values(self._book.connection.name, target, size, profileplan.room_in(target, shelf))
        self._book.record(planned.outcomes)

    def _items(self, target: DestinationProfile) -> list[Item]:
        items = list(self._book.standing.items[target.id].values())
        for item in items:
            if item.form is None and item.wanted is not None:
                item.form = form_of(item, target)
        return items

    def _plan(self, target: DestinationProfile, items: Collection[Item], shelf: Shelf) -> ProfilePlan:
        if shelf.there and shelf.there.type != target.match:
            return profileplan.plan_mismatch(items, target, shelf.there)
        return profileplan.plan_profile(items, target, shelf)

    def _write(
        self, target: DestinationProfile, there: Profile | None, steps: Sequence[Step], course: _Course
    ) -> _Refused | None:
        """Take the steps one after the other. Returns the first one that is refused, None when all are taken."""
        type_ = there.type if there else target.match
        profile_id = there.id if there else ""
        for step in steps:
            try:
                if step.operation == "create":
                    profile_id, waits = self._client.create(target.name, target.description, type_, step.values)
                elif step.operation == "replace":
                    waits = self._client.replace(profile_id, type_, step.values)
                else:
                    waits = self._client.operate(profile_id, step.operation, step.values)
            except RefusedError as error:
                return _Refused(step, error)
            self._settle(profile_id, course, waits=waits)
        return None

    def _settle(self, profile_id: str, course: _Course, *, waits: bool) -> None:
        course.sure = False
        if waits:
            self._client.deploy(profile_id)
        course.sure = True

    def _heed(self, items: Collection[Item], there: Profile | None, refused: _Refused, course: _Course) -> None:
        """Do what a refusal asks for: open the profile, reject the values it is about, or find out which those are.

        Raises:
            RefusedError: it is about something else.

        """
        step, error = refused.step, refused.error
        if there and is_locked(error):
            self._client.deploy(there.id)
            course.sure = True
            return
        named = refused_values(error, step.values)
        if self._reject(items, course, named or {}):
            return
        if error.status not in _OF_VALUES or step.operation == "remove" or (named is not None and not named):
            raise error
        if step.operation != "append" and course.whole:
            course.whole = False
            return
        if step.operation != "append":
            self._single_out(items, course, step, error)
            return
        if there is None:
            return  # it was made just now: it is read, and then looked at more closely
        in_halves(
            step.values,
            lambda part: self._settle(there.id, course, waits=self._client.operate(there.id, "append", part)),
            lambda value, refusal: self._single_out(items, course, Step("append", (value,)), refusal),
            _untried,
            _OF_VALUES,
        )

    def _single_out(self, items: Collection[Item], course: _Course, step: Step, error: RefusedError) -> None:
        """Reject the one value that was sent alone. Raises RefusedError when it is none of ours."""
        if not self._reject(items, course, {step.values[0]: error.message or error.text}):
            raise error

    def _reject(self, items: Collection[Item], course: _Course, reasons: dict[str, str]) -> bool:
        """What is there already stays ours, so that the next plan takes it out. Returns whether any is ours."""
        behind = [(item, entry) for item in items if (entry := plan.entry_of(item)) is not None and entry in reasons]

        def rejected(item: Item, entry: str) -> Outcome:
            remote_id = item.remote_id if item.remote_id in course.present else None
            reason = Reason(code="vendor_rejected", detail=reasons[entry])
            return Outcome(item, AppliedState.REJECTED, remote_id, reason)

        self._book.record([rejected(item, entry) for item, entry in behind])
        return bool(behind)


def _untried(_: Sequence[str], refusal: RefusedError) -> None:
    raise refusal


def _changed(items: Collection[Item]) -> bool:
    return any(item.place in (Place.PUT, Place.WITHDRAW) for item in items)
