"""The calls of Netskope's URL lists (API v2) and file-hash lists (API v1) that the pusher needs. Takes no decisions.

Invariant: right before every call the session checks that it may still be made. Sources: Netskope, "URL Lists" (REST
API v2), "Update a File Hash List" (REST API v1); other shapes of answers are seen in connectors.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from pydantic import BaseModel, TypeAdapter

from services.runtime.vendors.answers import as_documented
from services.runtime.vendors.echo import own_words
from services.runtime.vendors.errors import BrokenAnswerError, NotFoundError, RefusedError
from services.runtime.vendors.lenient import Count, OptionalText, Text, Texts, Truth, expect_rows, read_rows
from services.runtime.vendors.netskope import POLICY, NetskopeSession

_LISTS: Final = "/api/v2/policy/urllist"
_NO_CHANGE: Final = "duplicate request"
_MISSING: Final = re.compile(r"not exist|not found|no such|unknown", re.IGNORECASE)
_PENDING: Final = re.compile(r"pending", re.IGNORECASE)


class _Data(BaseModel):
    urls: Texts = ()
    type: Text = "exact"


_LISTING_ROUTES = ("urllist_find", "urllist_sizes", "urllist_pending")
"""Routes whose answers are read row by row."""


class _Resource(BaseModel):
    id: int
    name: Text = ""
    data: _Data = _Data()
    pending: Truth = False


class _Named(BaseModel):
    id: int
    name: Text = ""


class _Sized(BaseModel):
    name: Text = ""
    data: _Data = _Data()


class PendingList(BaseModel, frozen=True):
    """A URL list with a pending change, and its author if the vendor names one.

    It may be other people's list, so unexpected values are accepted. Only `pending` must not be missed: anything but a
    plain no counts as yes.
    """

    id: Count = 0
    name: Text = ""
    pending: Truth = False
    modify_by: OptionalText = None


@dataclass(frozen=True, slots=True)
class UrlList:
    """A URL list as it will be after the next deploy. `pending`: it differs from what is in effect."""

    id: int
    name: str
    urls: tuple[str, ...]
    type: str
    pending: bool


@dataclass(frozen=True, slots=True)
class ListSize:
    """The type of a URL list, and how many entries it has."""

    type: str
    entries: int


class HashListMissingError(Exception):
    """There is no file-hash list of that name; only a person can create one."""


class HashListPendingError(Exception):
    """A pending change blocks the list until a person applies or discards it in Netskope's console."""


_RESOURCE, _NAMED, _PENDING_LIST = TypeAdapter(_Resource), TypeAdapter(_Named), TypeAdapter(PendingList)
_SIZED = TypeAdapter(_Sized)
_T = TypeVar("_T")


class NetskopeClient:
    """The API client of one connection."""

    def __init__(self, session: NetskopeSession) -> None:
        self._session = session
        for route in _LISTING_ROUTES:
            expect_rows(session.name, route)

    @property
    def name(self) -> str:
        """The name of the connection."""
        return self._session.name

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def seconds_until_free(self, bucket: str) -> float:
        """Seconds until a call of this bucket may leave."""
        return self._session.budget.seconds_until_free(bucket)

    def find_url_list(self, name: str) -> int | None:
        """The id of the list with this name; None if there is none."""
        answer = self.policy("GET", _LISTS, "urllist_find", params={"field": "id,name"})
        found = self.rows(_NAMED, _listed(answer), "urllist_find")
        return next((row.id for row in found if row is not None and row.name == name), None)

    def url_list_sizes(self) -> dict[str, ListSize]:
        """The size of every list of the tenant, by name. Of two copies of a list, the larger one counts."""
        answer = self.policy("GET", _LISTS, "urllist_sizes", params={"field": "name,data"})
        found = dict[str, ListSize]()
        for row in self.rows(_SIZED, _listed(answer), "urllist_sizes"):
            if row is not None:
                size = ListSize(row.data.type, len(row.data.urls))
                found[row.name] = max(size, found.get(row.name, size), key=lambda one: one.entries)
        return found

    def pending_url_lists(self) -> list[PendingList]:
        """The lists that the next deploy would change, of any author."""
        answer = self.policy("GET", _LISTS, "urllist_pending", params={"field": "id,name,pending,modify_by"})
        found = self.rows(_PENDING_LIST, _listed(answer), "urllist_pending")
        return [row for row in found if row is not None and row.pending]

    def url_list(self, list_id: int) -> UrlList | None:
        """The list as it will be after the next deploy; None if there is no list with this id."""
        try:
            answer = self.policy("GET", f"{_LISTS}/{list_id}", "urllist_read")
        except NotFoundError:
            return None
        found = self.parsed(_RESOURCE, answer, "urllist_read")
        return UrlList(found.id, found.name, found.data.urls, found.data.type, found.pending)

    def create_url_list(self, name: str, urls: Sequence[str], type_: str) -> None:
        """Create a list. It is pending until the next deploy.

        Raises:
            RefusedError: an entry is invalid (see `refused_entries`), or the name is taken.

        """
        body = {"name": name, "data": data_of(urls, type_)}
        self.policy("POST", _LISTS, "urllist_create", json=body, repeatable=False)

    def append(self, list_id: int, urls: Sequence[str], type_: str) -> None:
        """Add entries. The change is pending until the next deploy. Raises RefusedError like `create_url_list`."""
        self._patch(list_id, "append", urls, type_)

    def replace(self, list_id: int, urls: Sequence[str], type_: str) -> None:
        """Replace all entries. The change is pending until the next deploy. Raises like `create_url_list`."""
        self._patch(list_id, "replace", urls, type_)

    def deploy(self) -> None:
        """Apply all pending changes of URL lists, of any author: Netskope has no other deploy."""
        self.policy("POST", f"{_LISTS}/deploy", "urllist_deploy")

    def replace_hashes(self, name: str, hashes: Sequence[str]) -> None:
        """Replace a whole file-hash list, which cannot be read back.

        Raises:
            HashListMissingError, HashListPendingError: a person must act.
            RefusedError: the vendor refuses it for another reason.

        """
        body = {"name": name, "list": ",".join(hashes)}
        try:
            self._session.call_v1("POST", "/api/v1/updateFileHashList", route="hashlist_replace", json=body)
        except RefusedError as error:
            text = own_words(f"{error.code} {error.message}", [name], quoted=True)
            if _NO_CHANGE in text:
                return
            if error.status == 200 and _PENDING.search(text):
                raise HashListPendingError(error.message) from error
            if error.status == 200 and _MISSING.search(text):
                raise HashListMissingError(error.message) from error
            raise

    def _patch(self, list_id: int, action: str, urls: Sequence[str], type_: str) -> None:
        path, body = f"{_LISTS}/{list_id}/{action}", {"data": data_of(urls, type_)}
        self.policy("PATCH", path, f"urllist_{action}", json=body, repeatable=action == "replace")

    def policy(
        self,
        method: str,
        path: str,
        route: str,
        *,
        params: Mapping[str, str] | None = None,
        json: object = None,
        repeatable: bool = True,
    ) -> object:
        """One call of API v2 other than iterators. `route` names it in metrics and texts. Raises like `call_v2`."""
        return self._session.call_v2(
            method,
            path,
            route=route,
            bucket=POLICY,
            params=params,
            json=json,
            repeatable=repeatable,
            empty_ok=method != "GET",
        )

    def rows(self, kind: TypeAdapter[_T], answer: object, route: str) -> list[_T | None]:
        """The rows of a listing, in order; None for a row that cannot be read, which is counted.

        Raises:
            BrokenAnswerError: the answer is no list.

        """
        if not isinstance(answer, list):
            text = "the answer is not as documented: it is no list"
            raise BrokenAnswerError(self._session.name, route, text, kind="unexpected")
        return read_rows(kind, answer, self._session.name, route)

    def parsed(self, kind: TypeAdapter[_T], answer: object, route: str) -> _T:
        """The parsed answer. Raises BrokenAnswerError if it has another form."""
        return as_documented(kind, answer, self._session.name, route)


def refused_entries(error: RefusedError) -> dict[str, str]:
    """The entries that a refusal names, with the vendor's reasons; empty if it names none.

    Two shapes: `{"errors": [[entry, reason], …]}`, as documented, and `{"statusCode": 400, "message": [[entry, reason],
    …]}`, which vendor-written code reads.
    """
    found = {}
    for name in ("errors", "message"):
        pairs = error.body.get(name) if isinstance(error.body, Mapping) else None
        for pair in pairs if isinstance(pairs, list) else ():
            if isinstance(pair, list) and pair and isinstance(pair[0], str):
                found[pair[0]] = "; ".join(str(part) for part in pair[1:]) or "no reason given"
    return found


def data_of(urls: Sequence[str], type_: str) -> dict[str, object]:
    """The entries of a list as requests carry them."""
    return {"urls": list(urls), "type": type_}


def _listed(answer: object) -> object:
    """The array in an answer. It is usually bare; some clients also accept a wrapped one."""
    for name in ("data", "urllists"):
        if isinstance(answer, Mapping) and name in answer:
            answer = answer[name]
    return answer
