"""The rows of a Defender tenant's listing, complete or not at all, each row as received.

Microsoft: List Indicators API, which documents `$top` and `$skip`. Whether `@odata.nextLink` is ever sent is
unconfirmed; only the query of such a link is used, never its host.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit
from zlib import crc32

from services.runtime.vendors.defender import LIST, DefenderSession
from services.runtime.vendors.errors import BrokenAnswerError
from services.runtime.vendors.http import Params
from services.runtime.vendors.lenient import row_id
from services.runtime.vendors.paging import Listing, Page

PAGE: Final = 10_000
ROUTE: Final = "list"


def read_listing(session: DefenderSession) -> list[object]:
    """Return every active indicator once, as received.

    Raises:
        VendorError: a page could not be read; the listing is incomplete.
        BrokenAnswerError: an answer has no list of rows, which differs from an empty one.

    """

    def read(skip: int) -> Page[object]:
        return read_page(session, {"$top": PAGE, "$skip": skip})

    def follow(link: str) -> Page[object]:
        return read_page(session, _query(session.name, link))

    rows = Listing(session.name, ROUTE, read, follow, _key, PAGE).whole()
    session.listed(len(rows))
    return rows


def read_page(session: DefenderSession, params: Params) -> Page[object]:
    """Read one page of the listing. Raises as `read_listing`."""
    answer = session.call("GET", "/api/indicators", route=ROUTE, bucket=LIST, params=params)
    found = answer.get("value") if isinstance(answer, Mapping) else None
    if not isinstance(answer, Mapping) or not isinstance(found, list):
        raise BrokenAnswerError(session.name, ROUTE, "the listing has no rows to read", kind="unexpected")
    more = answer.get("@odata.nextLink")
    return Page(found, more if isinstance(more, str) else "")


def id_of(row: object) -> str:
    """Return the id of a row, or "" if it has no usable one."""
    return row_id(row.get("id")) if isinstance(row, Mapping) else ""


def _key(row: object) -> str:
    """Return what identifies a row: its id, or else a checksum of its content."""
    if found := id_of(row):
        return found
    try:
        return f"row {crc32(repr(row).encode('utf-8', 'replace')):08x}"
    except RecursionError:
        return "row nested too deeply"


def _query(connection: str, link: str) -> dict[str, Any]:
    try:
        query = dict(parse_qsl(urlsplit(link).query, keep_blank_values=True))
    except ValueError:
        query = {}
    if not query:
        text = "the link to the next page of the listing has no query to follow"
        raise BrokenAnswerError(connection, ROUTE, text, kind="unexpected")
    return query
