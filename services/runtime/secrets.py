"""Secrets: read from where a connection says they are, and hidden from every log line.

A file is read again when it has changed, so a rotated secret needs no restart.
"""

import os
from datetime import UTC, datetime, time
from pathlib import Path

from schemas.connections import SecretRef
from services.runtime.observability import log
from services.runtime.observability.metrics import SECRET_EXPIRES
from services.runtime.vendors.errors import SecretMissingError

_Stamp = tuple[int, int, int]


class Secret:
    """One secret of one connection. `field` is its place in the resource, for example `spec.appSecret`."""

    def __init__(self, ref: SecretRef, connection: str, field: str) -> None:
        self._ref = ref
        self._connection = connection
        self._field = field
        self._stamp: _Stamp | None = None
        self._value = ""
        if ref.expires:
            SECRET_EXPIRES.labels(connection, field).set(datetime.combine(ref.expires, time(), UTC).timestamp())

    def read(self) -> str:
        """Return the present secret without surrounding white space.

        Raises:
            SecretMissingError: the secret is missing, empty, or not one line of printable ASCII.

        """
        return self._from_env(self._ref.env) if self._ref.env is not None else self._from_file(self._ref.file or "")

    def _from_env(self, name: str) -> str:
        value = os.environ.get(name)
        if value is None:
            raise self._missing(f"environment variable {name} is not set for this service; set it and restart")
        return self._checked(value, f"environment variable {name}")

    def _from_file(self, name: str) -> str:
        path = Path(name)
        try:
            found = path.stat()
            stamp = found.st_mtime_ns, found.st_size, found.st_ino
            if stamp != self._stamp:
                self._value = self._checked(path.read_text("utf-8"), f"file {name}")
                self._stamp = stamp
        except OSError as error:
            raise self._missing(
                f"file {name} cannot be read ({error.strerror}); mount it where the service runs and can read it"
            ) from error
        except UnicodeDecodeError as error:
            raise self._missing(f"file {name} is not text; put the secret there, and nothing else") from error
        return self._value

    def _checked(self, raw: str, place: str) -> str:
        value = raw.strip()
        if not value:
            raise self._missing(f"{place} is empty; put the secret there")
        log.hide(value)
        # A header holds nothing else, and two lines are mostly a faulty paste.
        if not (value.isascii() and value.isprintable()):
            raise self._missing(f"{place} is not one line of printable ASCII; put the secret there, and nothing else")
        return value

    def _missing(self, text: str) -> SecretMissingError:
        return SecretMissingError(self._connection, "secret", f"{self._field}: {text}")
