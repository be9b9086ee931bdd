"""Makes and checks tokens. Only hashes are stored; a token is shown once, when it is made.

Checking a hash is slow on purpose, so digests of right tokens are cached in memory. A check takes the same time whether
the name exists or not. Checks run one at a time, so a flood of wrong tokens cannot occupy the machine.
"""

import secrets
import threading
from hashlib import sha256

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
"""OWASP Password Storage Cheat Sheet: Argon2id with 19 MiB and two passes."""
_REMEMBERED = 10_000


def make(name: str) -> tuple[str, str]:
    """A new token for `name`, and its hash."""
    token = f"{name}.{secrets.token_urlsafe(32)}"
    return token, _HASHER.hash(token)


def name_of(token: str) -> str:
    """The name that a token claims."""
    return token.partition(".")[0]


class Verifier:
    """Checks tokens against hashes, with a cache. Safe to use from any thread."""

    def __init__(self) -> None:
        self._right: dict[bytes, None] = {}
        self._lock = threading.Lock()
        self._nobody = _HASHER.hash(secrets.token_urlsafe(32))

    def is_right(self, token: str, hash_: str | None) -> bool:
        """Whether `hash_` was made of `token`; False for a hash of None."""
        digest = sha256(f"{hash_}\x1f{token}".encode("utf-8", "replace")).digest()
        if digest in self._right:
            return True
        with self._lock:
            if not self._matches(token, hash_ or self._nobody) or hash_ is None:
                return False
            if len(self._right) >= _REMEMBERED:
                self._right.clear()
            self._right[digest] = None
            return True

    @staticmethod
    def _matches(token: str, hash_: str) -> bool:
        try:
            return _HASHER.verify(hash_, token.encode("utf-8", "replace"))
        except (VerificationError, InvalidHashError):
            return False
