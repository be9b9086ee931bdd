"""Lists a Defender tenant's indicators, completely or not at all."""

from services.runtime.vendors.defender import DefenderSession
from services.runtime.vendors.defender_rows import ROUTE, id_of, read_listing
from services.runtime.vendors.errors import BrokenAnswerError


class DefenderClient:
    """The one call that a puller makes."""

    def __init__(self, session: DefenderSession) -> None:
        self._session = session

    def listing(self) -> list[object]:
        """Return every active indicator once, as received.

        Raises:
            VendorError: as `read_listing`.
            BrokenAnswerError: no row has an id, so this is no listing and must not cause withdrawals.

        """
        rows = read_listing(self._session)
        if rows and not any(map(id_of, rows)):
            raise BrokenAnswerError(self._session.name, ROUTE, "no row of the listing has an id", kind="unexpected")
        return rows

    def close(self) -> None:
        """Close the connections."""
        self._session.close()
