"""A requested drift check: reads every URL list and profile once, and reports the result.

File-hash lists cannot be read.
"""

from collections.abc import Collection

from schemas.desired import AppliedState
from schemas.resources.reconciliation import ReconciliationSpec
from schemas.vendors.netskope import DestinationProfile, UrlList
from services.runtime.observability.metrics import DRIFT, counted
from services.runtime.reconciling.status_writer import StatusWriter


class Comparison:
    """The latest requested drift check of one connection."""

    def __init__(self, writer: StatusWriter) -> None:
        self._writer = writer
        self._asked: ReconciliationSpec | None = None
        self._left: set[str] = set()
        self._lists = 0
        self._missing = 0.0

    def begin(self) -> Collection[str]:
        """Start a new request. Returns the lists to read now; none if there is no new request.

        Raises:
            ProducerError: the answer cannot be published.

        """
        request = self._writer.asked
        if request is None or request == self._asked:
            return ()
        store = self._writer.store
        self._left = {name for name, entries in store.entries.items() if entries and self._is_readable(name)}
        self._asked, self._lists, self._missing = request, len(self._left), self._count()
        self._answer()
        return tuple(self._left)

    def looked_at(self, target_id: str) -> None:
        """Note that a list was read, or failed: then its entries say why. Raises like `begin`."""
        self._left.discard(target_id)
        self._answer()

    def _answer(self) -> None:
        if self._asked is None or self._left or self._writer.asked != self._asked:
            return
        missing = round(self._count() - self._missing)
        failed = self._writer.store.states[AppliedState.FAILED]
        lists = f"{self._lists} URL lists and profiles (file-hash lists cannot be read)"
        text = f"compared {lists}: {missing} lost, {failed} failing"
        self._writer.answer(self._asked, text, {"lost": missing, "failing": failed})

    def _is_readable(self, target_id: str) -> bool:
        return isinstance(self._writer.store.targets.get(target_id), UrlList | DestinationProfile)

    def _count(self) -> float:
        return counted(DRIFT, connection=self._writer.connection.name, kind="lost")
