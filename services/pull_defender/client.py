"""Listing a Defender tenant's indicators, whole or not at all.

Microsoft: List Indicators API. Whether the endpoint ever answers with `@odata.nextLink` is unconfirmed, so it is not
depended on: pages are skipped over.
"""

from collections.abc import Callable
from typing import Any

from services.runtime.vendors.defender import LIST, DefenderSession
from services.runtime.vendors.errors import BrokenAnswerError
from services.runtime.vendors.paging import whole_listing

PAGE = 10_000
Row = dict[str, Any]


class DefenderClient:
    """The one call that a puller makes. `ready` waits for quota and checks the ownership, right before each request."""

    def __init__(self, session: DefenderSession, ready: Callable[[str], None]) -> None:
        self._session = session
        self._ready = ready

    def listing(self) -> list[Row]:
        """Every active indicator, each once.

        Raises:
            VendorError: a page could not be had; what came before it is no listing.
            BrokenAnswerError: an answer without rows, which is not the same as one with none.

        """
        rows = whole_listing(self._page, lambda row: str(row["id"]), connection=self._session.name, route="list")
        self._session.listed(len(rows))
        return rows

    def _page(self, skip: int) -> list[Row]:
        self._ready(LIST)
        params = {"$top": PAGE, "$skip": skip}
        answer = self._session.call("GET", "/api/indicators", route="list", bucket=LIST, params=params)
        found = answer.get("value") if isinstance(answer, dict) else None
        if not isinstance(found, list) or not all(isinstance(row, dict) and row.get("id") for row in found):
            raise BrokenAnswerError(self._session.name, "list", "the listing has no rows to read", kind="unexpected")
        return found

    def close(self) -> None:
        """Close the connections."""
        self._session.close()
