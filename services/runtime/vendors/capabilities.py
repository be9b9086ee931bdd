"""Kinds of entries that a tenant has refused as a whole, kept across restarts and tried again from time to time.

Invariant: a refusal is published before any entry is skipped because of it. One entry of the kind is tried again after
`AGAIN_S` or when a person requests it; the tenant's answer then decides.
"""

from collections.abc import Callable, Iterable
from typing import Final

from schemas.record import Reason
from schemas.refusal import Refusal
from services.runtime.clock import now_ms

AGAIN_S: Final = 86_400.0
"""How long a refusal counts, seconds."""
NOT_ACCEPTED: Final = "not_accepted_by_tenant"
"""Reason code of an entry of a kind that the tenant does not accept."""


class LearnedRefusals:
    """The refusals of one tenant. `note` publishes a refusal, `forget` removes it. Used by one thread."""

    def __init__(
        self,
        note: Callable[[Refusal], None],
        forget: Callable[[Refusal], None],
        tenant: str,
        known: Iterable[Refusal] = (),
        again_s: float = AGAIN_S,
    ) -> None:
        self._note = note
        self._forget = forget
        self._tenant = tenant
        self._again_ms = again_s * 1000
        self._known = {refusal.kind: refusal for refusal in known if refusal.tenant == tenant}

    def __contains__(self, kind: str) -> bool:
        return kind in self._known

    def why(self, kind: str) -> Reason | None:
        """Return why entries of a kind are skipped, or None if they are not."""
        found = self._known.get(kind)
        return None if found is None else Reason(code=NOT_ACCEPTED, detail=f"{kind}: the tenant said: {found.text}")

    def refused(self, kind: str, text: str) -> bool:
        """Record that the tenant refuses a kind. Returns whether that is new. Raises as `note`."""
        refusal = Refusal(kind=kind, tenant=self._tenant, text=text, at=now_ms())
        self._note(refusal)
        news = kind not in self._known
        self._known[kind] = refusal
        return news

    def accepted(self, kind: str) -> bool:
        """Record that the tenant accepts a kind. Returns whether that is new. Raises as `note`."""
        refusal = self._known.get(kind)
        if refusal is None:
            return False
        self._forget(refusal)
        del self._known[kind]
        return True

    def doubt(self) -> None:
        """Make every kind due for another try."""
        self._known = {kind: found.model_copy(update={"at": 0}) for kind, found in self._known.items()}

    def due(self) -> list[str]:
        """Return the kinds that are due for another try."""
        return [kind for kind, wait in self.waits().items() if wait <= 0]

    def waits(self) -> dict[str, float]:
        """Return the seconds until each kind is due for another try."""
        now = now_ms()
        return {kind: max(0.0, found.at + self._again_ms - now) / 1000 for kind, found in self._known.items()}
