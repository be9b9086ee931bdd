"""Reconciles one destination profile: read, plan, write ahead, write, deploy, record.

Invariant: an outcome is recorded only after an answer confirms that it is applied. A profile with pending changes takes
no write, so it is deployed, including other people's pending changes, and then read and planned again.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

from schemas.vendors.netskope import DestinationProfile
from services.push_netskope.missing import record_missing
from services.push_netskope.profiles import plan as profile_plan
from services.push_netskope.profiles.client import Profile, ProfileClient, ProfileListing, is_locked, refused_values
from services.push_netskope.profiles.plan import ProfilePlan, Step
from services.push_netskope.render import form_of
from services.push_netskope.sizes import show_values
from services.push_netskope.url_lists.outcomes import rejections, unwritten
from services.runtime.reconciling.entry import Entry, SyncState
from services.runtime.reconciling.halving import by_halves
from services.runtime.reconciling.status_writer import StatusWriter
from services.runtime.vendors.errors import RefusedError

_ROUNDS: Final = 20
_OF_VALUES: Final = frozenset({400, 422})


@dataclass(slots=True)
class _Course:
    """State of the writes. `whole`: writes of all values are not refused; `sure`: an answer confirmed: nothing pending.

    `present`: values that are or may be there, in the form in which they are compared.
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

    def __init__(self, writer: StatusWriter, client: ProfileClient, *, repairs: bool) -> None:
        self._writer = writer
        self._client = client
        self._repairs = repairs

    def converge(self, target: DestinationProfile) -> None:
        """Bring a profile to its desired content, and record the outcomes of its entries.

        Raises:
            RefusedError: the vendor refuses a write; nothing is lost.
            VendorError, StoppedError: raised by the client.

        """
        entries, course = self._entries(target), _Course()
        for round_ in count(1):
            listing = self._client.listing(target.name)
            there = listing.there
            course.present = profile_plan.folded(there.values if there else (), target)
            missing = record_missing(self._writer, entries, course.present, repairs=self._repairs)
            if missing and not self._repairs and not _changed(entries):
                return
            planned = self._plan(target, entries, listing)
            steps = profile_plan.steps(planned, exists=there is not None, whole=course.whole, sure=course.sure)
            self._writer.write_ahead(unwritten(entries, frozenset(planned.add)))
            refused = self._write(target, there, steps, course)
            if refused is None:
                break
            if round_ == _ROUNDS:
                raise refused.error
            self._heed(entries, there, refused, course)
        if there and not steps and not course.sure and (planned.again or planned.doubt):
            self._client.deploy(there.id)  # no write of all values could confirm that nothing is pending
        size = len(planned.values) if steps else len(there.values) if there else 0
        show_values(self._writer.connection.name, target, size, profile_plan.capacity_in(target, listing))
        self._writer.record(planned.outcomes)

    def _entries(self, target: DestinationProfile) -> list[Entry]:
        entries = list(self._writer.store.entries[target.id].values())
        for entry in entries:
            if entry.form is None and entry.wanted is not None:
                entry.form = form_of(entry, target)
        return entries

    def _plan(self, target: DestinationProfile, entries: Collection[Entry], listing: ProfileListing) -> ProfilePlan:
        if listing.there and listing.there.type != target.match:
            return profile_plan.plan_mismatch(entries, target, listing.there)
        return profile_plan.plan_profile(entries, target, listing)

    def _write(
        self, target: DestinationProfile, there: Profile | None, steps: Sequence[Step], course: _Course
    ) -> _Refused | None:
        """Make the writes in order. Returns the first refused one; None if all succeed."""
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
            course.present |= profile_plan.folded(step.values, target)
            self._settle(profile_id, course, waits=waits)
        return None

    def _settle(self, profile_id: str, course: _Course, *, waits: bool) -> None:
        course.sure = False
        if waits:
            self._client.deploy(profile_id)
        course.sure = True

    def _heed(self, entries: Collection[Entry], there: Profile | None, refused: _Refused, course: _Course) -> None:
        """React to a refusal: unlock the profile, reject the values it names, or find the values by halving.

        Raises:
            RefusedError: the refusal has another cause.

        """
        step, error = refused.step, refused.error
        if there and is_locked(error):
            self._client.deploy(there.id)
            course.sure = True
            return
        named = refused_values(error, step.values)
        if self._reject(entries, course, named or {}):
            return
        if error.status not in _OF_VALUES or step.operation == "remove" or (named is not None and not named):
            raise error
        if step.operation != "append" and course.whole:
            course.whole = False
            return
        if step.operation != "append":
            self._single_out(entries, course, step, error)
            return
        if there is None:
            return  # it was just created; the next round reads it and singles out the value

        def append(part: Sequence[str]) -> None:
            waits = self._client.operate(there.id, "append", part)
            course.present |= frozenset(part)
            self._settle(there.id, course, waits=waits)

        for part in by_halves(step.values, append, _OF_VALUES):
            if not part.is_tried:
                raise part.error
            self._single_out(entries, course, Step("append", tuple(part.members)), part.error)

    def _single_out(self, entries: Collection[Entry], course: _Course, step: Step, error: RefusedError) -> None:
        """Reject the only value of a write. Raises RefusedError if it belongs to no entry."""
        if not self._reject(entries, course, {step.values[0]: error.message or error.text}):
            raise error

    def _reject(self, entries: Collection[Entry], course: _Course, reasons: dict[str, str]) -> bool:
        """Reject the entries with one of these values. Returns whether there are any."""
        outcomes = rejections(entries, course.present, reasons)
        self._writer.record(outcomes)
        return bool(outcomes)


def _changed(entries: Collection[Entry]) -> bool:
    return any(entry.sync_state in (SyncState.PUT, SyncState.WITHDRAW) for entry in entries)
