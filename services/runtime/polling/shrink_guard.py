"""Holds the withdrawals of a listing that shrank abnormally: an empty or partial answer must not empty block lists.

Invariant: held indicators were listed before, are not listed now, and stay in the snapshot until a person confirms or
the listing is no longer abnormal.
"""

from collections.abc import Collection, Iterable
from typing import Final

from schemas.activity import ActivityItem
from schemas.hold import LISTING, HoldKind
from services.runtime.change_limits import exceeded, listing_limits
from services.runtime.clock import now_ms
from services.runtime.holds import CONFIRMED, RECOVERED, Finding, verdict_on
from services.runtime.polling.puller import SourceContext

_KIND: Final = HoldKind.LISTING_SHRANK
REASON: Final = "vanished"
"""Reason code of held withdrawals."""


class ListingGuard:
    """The guard of one source's listing."""

    def __init__(self, source_context: SourceContext) -> None:
        self._source_context = source_context
        self._why = RECOVERED

    def held(self, known: Iterable[Collection[str]], listed: Collection[str]) -> frozenset[str]:
        """Return the known indicators, given in parts, that are not listed and whose withdrawal is held.

        Raises:
            ProducerError: the hold could not be published.

        """
        before = {key for part in known for key in part}
        vanished = sorted(before.difference(listed))
        policy, name = self._source_context.policy.view, self._source_context.name
        there = self._source_context.holds.base(_KIND, LISTING, len(before))
        limit = exceeded(listing_limits(policy, name), len(vanished), there)
        if limit is None:
            self._why = RECOVERED
            return frozenset()
        word = verdict_on(policy, name, LISTING, _KIND, now_ms())
        if word == "confirm":
            self._why = CONFIRMED
            return frozenset()
        sample = (ActivityItem(subject=key, reason=REASON) for key in vanished)
        self._source_context.holds.keep(Finding(_KIND, LISTING, len(vanished), there, limit), sample, word)
        return frozenset(vanished)

    def over(self) -> None:
        """End the hold. Call it after the withdrawals are published. Raises as `held`."""
        self._source_context.holds.over(_KIND, LISTING, self._why)
