"""Netskope's URL lists (API v2) and file-hash lists (API v1), as far as a pusher needs them. Nothing is decided here.

Invariant: right before every call it is made sure that the call may still be made. Sources: Netskope, "URL Lists"
(REST API v2), "Update a File Hash List" (REST API v1); answers' shapes beyond those are seen in connectors.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from pydantic import BaseModel, TypeAdapter

from services.runtime.vendors.answers import as_documented
from services.runtime.vendors.echo import own_words
from services.runtime.vendors.errors import BrokenAnswerError, NotFoundError, RefusedError
from services.runtime.vendors.lenient import Count, OptionalText, Text, Texts, Truth, read_rows
from services.runtime.vendors.netskope import POLICY, NetskopeSession

_LISTS: Final = "/api/v2/policy/urllist"
_NO_CHANGE: Final = "duplicate request"
_MISSING: Final = re.compile(r"not exist|not found|no such|unknown", re.IGNORECASE)
_PENDING: Final = re.compile(r"pending", re.IGNORECASE)


class _Data(BaseModel):
    urls: Texts = ()
    type: Text = "exact"


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
    """A URL list with a change that waits for a deploy, and who made it, if the vendor says so.

    Other people's lists are among them, so what is odd in one does not matter; only whether a change waits must not be
    missed: what is not plainly no counts as yes.
    """

    id: Count = 0
    name: Text = ""
    pending: Truth = False
    modify_by: OptionalText = None


@dataclass(frozen=True, slots=True)
class UrlList:
    """A URL list as it will be after the next deploy. `pending`: it differs from what policy applies."""

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
    """There is no file-hash list of that name; only a person can make one."""


class HashListPendingError(Exception):
    """A change of the list waits to be applied in the console; until then it takes no other."""


_RESOURCE, _NAMED, _PENDING_LIST = TypeAdapter(_Resource), TypeAdapter(_Named), TypeAdapter(PendingList)
_SIZED = TypeAdapter(_Sized)
_T = TypeVar("_T")


class NetskopeClient:
    """Calls for one connection."""

    def __init__(self, session: NetskopeSession) -> None:
        self._session = session

    @property
    def name(self) -> str:
        """The connection's."""
        return self._session.name

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def seconds_until_free(self, bucket: str) -> float:
        """Seconds until a call of this bucket may leave."""
        return self._session.budget.seconds_until_free(bucket)

    def find_url_list(self, name: str) -> int | None:
        """The id of the list of this name."""
        answer = self.policy("GET", _LISTS, "urllist_find", params={"field": "id,name"})
        found = self.rows(_NAMED, _listed(answer), "urllist_find")
        return next((list_entry.id for list_entry in found if list_entry is not None and list_entry.name == name), None)

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
        """The lists that the next deploy would change, whoever left them there."""
        answer = self.policy("GET", _LISTS, "urllist_pending", params={"field": "id,name,pending,modify_by"})
        found = self.rows(_PENDING_LIST, _listed(answer), "urllist_pending")
        return [row for row in found if row is not None and row.pending]

    def url_list(self, list_id: int) -> UrlList | None:
        """The list, as it will be after the next deploy; None when there is none of this id."""
        try:
            answer = self.policy("GET", f"{_LISTS}/{list_id}", "urllist_read")
        except NotFoundError:
            return None
        found = self.parsed(_RESOURCE, answer, "urllist_read")
        return UrlList(found.id, found.name, found.data.urls, found.data.type, found.pending)

    def create_url_list(self, name: str, urls: Sequence[str], type_: str) -> None:
        """Make a list. It waits for a deploy.

        Raises:
            RefusedError: an entry is not valid (see `refused_entries`), or the name is taken.

        """
        body = {"name": name, "data": data_of(urls, type_)}
        self.policy("POST", _LISTS, "urllist_create", json=body, repeatable=False)

    def append(self, list_id: int, urls: Sequence[str], type_: str) -> None:
        """Add entries. The change waits for a deploy. Raises RefusedError as `create_url_list`."""
        self._patch(list_id, "append", urls, type_)

    def replace(self, list_id: int, urls: Sequence[str], type_: str) -> None:
        """Replace all entries. The change waits for a deploy. Raises RefusedError as `create_url_list`."""
        self._patch(list_id, "replace", urls, type_)

    def deploy(self) -> None:
        """Apply all changes of URL lists that wait, whoever made them: there is no other deploy."""
        self.policy("POST", f"{_LISTS}/deploy", "urllist_deploy")

    def replace_hashes(self, name: str, hashes: Sequence[str]) -> None:
        """Replace the whole of a file-hash list, which cannot be read back.

        Raises:
            HashListMissingError, HashListPendingError: what a person must do something about.
            RefusedError: anything else that the vendor says against it.

        """
        body = {"name": name, "list": ",".join(hashes)}
        try:
            self._session.call_v1("POST", "/api/v1/updateFileHashList", route="hashlist_replace", json=body)
        except RefusedError as error:
            said = own_words(f"{error.code} {error.message}", [name], quoted=True)
            if _NO_CHANGE in said:
                return
            if error.status == 200 and _PENDING.search(said):
                raise HashListPendingError(error.message) from error
            if error.status == 200 and _MISSING.search(said):
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
        """One call of API v2 beside the iterators; `route` names it in metrics and texts. Raises as `call_v2` does."""
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
        """Each row of a listing, in order; None for one of other people's that cannot be read: it is counted.

        Raises:
            BrokenAnswerError: it is no list.

        """
        if not isinstance(answer, list):
            text = "the answer is not as documented: it is no list"
            raise BrokenAnswerError(self._session.name, route, text, kind="unexpected")
        return read_rows(kind, answer, self._session.name, route)

    def parsed(self, kind: TypeAdapter[_T], answer: object, route: str) -> _T:
        """An answer as what it should be. Raises BrokenAnswerError when it is something else."""
        return as_documented(kind, answer, self._session.name, route)


def refused_entries(error: RefusedError) -> dict[str, str]:
    """The entries a refusal is about, with the vendor's reasons; empty when it does not name any.

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
    """A bare array as a rule; some clients reckon with one that is wrapped."""
    for name in ("data", "urllists"):
        if isinstance(answer, Mapping) and name in answer:
            answer = answer[name]
    return answer
