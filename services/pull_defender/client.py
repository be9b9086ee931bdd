"""Listing a Defender tenant's indicators, whole or not at all."""

from services.runtime.vendors.defender import DefenderSession
from services.runtime.vendors.defender_rows import ROUTE, id_of, read_listing
from services.runtime.vendors.errors import BrokenAnswerError


class DefenderClient:
    """The one call that a puller makes."""

    def __init__(self, session: DefenderSession) -> None:
        self._session = session

    def listing(self) -> list[object]:
        """Every active indicator, each once, as it came.

        Raises:
            VendorError: as `read_listing`.
            BrokenAnswerError: none of its rows has an id: that is no listing, and must not withdraw what was listed.

        """
        rows = read_listing(self._session)
        if rows and not any(map(id_of, rows)):
            raise BrokenAnswerError(self._session.name, ROUTE, "no row of the listing has an id", kind="unexpected")
        return rows

    def close(self) -> None:
        """Close the connections."""
        self._session.close()
