"""What a tenant was found not to accept, remembered across restarts and asked again now and then.

Invariant: what is remembered is noted before anything is left out because of it. A tenant that has learnt to accept a
kind is noticed: one entry of it is tried again after `AGAIN_S`, or when a person asks, and its answer is believed.
"""

from collections.abc import Callable, Iterable
from typing import Final

from schemas.record import Reason
from schemas.refusal import Refusal
from services.runtime.clock import now_ms

AGAIN_S: Final = 86_400.0
"""How long a refusal is believed."""
NOT_ACCEPTED: Final = "not_accepted_by_tenant"
"""Reason code of an entry of a kind that the tenant does not accept."""


class LearnedRefusals:
    """The refusals of one tenant. `note` publishes a note, `forget` that it is none any more. Used by one thread."""

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
        """Why an entry of a kind is left out; None where it is not."""
        found = self._known.get(kind)
        return None if found is None else Reason(code=NOT_ACCEPTED, detail=f"{kind}: the tenant said: {found.text}")

    def refused(self, kind: str, text: str) -> bool:
        """The tenant does not accept a kind. Returns whether that is news. Raises as `note`."""
        refusal = Refusal(kind=kind, tenant=self._tenant, text=text, at=now_ms())
        self._note(refusal)
        news = kind not in self._known
        self._known[kind] = refusal
        return news

    def accepted(self, kind: str) -> bool:
        """The tenant accepts a kind. Returns whether that is news. Raises as `note`."""
        refusal = self._known.get(kind)
        if refusal is None:
            return False
        self._forget(refusal)
        del self._known[kind]
        return True

    def doubt(self) -> None:
        """Ask again about every kind: a person wants to know."""
        self._known = {kind: found.model_copy(update={"at": 0}) for kind, found in self._known.items()}

    def due(self) -> list[str]:
        """The kinds to be asked about again."""
        return [kind for kind, wait in self.waits().items() if wait <= 0]

    def waits(self) -> dict[str, float]:
        """In how many seconds each kind is to be asked about again."""
        now = now_ms()
        return {kind: max(0.0, found.at + self._again_ms - now) / 1000 for kind, found in self._known.items()}
