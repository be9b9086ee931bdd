"""File hash lists of API v1, which are replaced as a whole and can never be read back.

Invariants: an update of a list either takes every hash or changes nothing; lists are made in the console, never here.
Netskope "Update a File Hash List": the list must exist (case-sensitive), may have no pending change, 8 MB at most,
MD5 or SHA-256. Errors arrive with HTTP 200. Only the text of a repeated request is known (seen in connectors).
"""

import re
from collections.abc import Iterable
from typing import Final

from services.sandbox.netskope.errors import v1_error
from services.sandbox.netskope.switches import NetskopeSwitches

NO_CHANGE: Final = "Duplicate request, no change in file hashes"
_HASH: Final = re.compile(r"[0-9a-f]{32}|[0-9a-f]{64}")


class HashLists:
    """The lists by name: the applied hashes, and the pending change."""

    def __init__(self, switches: NetskopeSwitches, limit_bytes: int) -> None:
        self._switches = switches
        self._limit_bytes = limit_bytes
        self.applied: dict[str, tuple[str, ...]] = {}
        self.pending: dict[str, tuple[str, ...]] = {}

    def update(self, name: object, text: object, *, locked: bool = False) -> int:
        """Replaces the list by the comma-separated hashes in `text`; returns how many it holds then.

        `locked` answers as if another admin had left a change. Raises RefusedError (HTTP 200, `status` error).
        """
        if not isinstance(name, str) or not isinstance(text, str):
            raise v1_error("Invalid Request", "name and list are required")
        if len(text.encode()) > self._limit_bytes:
            raise v1_error("Invalid Request", f"list exceeds {self._limit_bytes} bytes")
        if name not in self.applied:
            raise v1_error("Not Found", f"File hash list {name} does not exist")
        if locked or name in self.pending:
            raise v1_error("Conflict", f"File hash list {name} has a pending change")
        hashes = self._hashes(text)
        if set(hashes) == set(self.applied[name]):
            raise v1_error("Invalid Request", NO_CHANGE)
        (self.applied if self._switches.hash_list_apply == "auto" else self.pending)[name] = hashes
        return len(hashes)

    def apply_pending(self) -> list[str]:
        """What the console's "Apply Changes" does; returns the names it touched."""
        touched = sorted(self.pending)
        self.applied.update(self.pending)
        self.pending.clear()
        return touched

    def seed(self, name: str, hashes: Iterable[str], *, pending: bool) -> None:
        """A list as an admin makes or edits it in the console; a pending one exists, empty, before it applies."""
        kept = tuple(dict.fromkeys(item.lower() for item in hashes))
        if pending:
            self.applied.setdefault(name, ())
            self.pending[name] = kept
        else:
            self.applied[name] = kept

    def _hashes(self, text: str) -> tuple[str, ...]:
        hashes = tuple(dict.fromkeys(item.strip().lower() for item in text.split(",") if item.strip()))
        if not hashes and not self._switches.empty_lists:
            raise v1_error("Invalid Request", "list is empty")
        if wrong := [f"Invalid file hash {item}" for item in hashes if not _HASH.fullmatch(item)]:
            raise v1_error("Invalid Request", *wrong)
        return hashes
