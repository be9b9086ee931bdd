"""The SQLite file of the read model. It is created if missing, and recreated if it cannot be continued.

It cannot be continued if it has another schema or other topics, or is so old that Kafka may have removed tombstones
that it has not read.
"""

import sqlite3
import tempfile
import time
from contextlib import closing
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path

from schemas.topics import DAY_MS, Topics

TRUSTED_FOR_MS = 3 * DAY_MS
"""Less than half of the time that compacted topics keep tombstones."""
_SLOWEST_S = 5.0
_STEPS = 20_000


def _script(name: str) -> str:
    return files("services.console.readmodel").joinpath(name).read_text(encoding="utf-8")


class TooSlowError(Exception):
    """A query took too long and was cancelled; the caller must narrow it."""


class Database:
    """The database file. One thread writes; any number of threads read, each through its own connection."""

    def __init__(self, path: Path | None, topics: Topics) -> None:
        self._folder = None if path else tempfile.TemporaryDirectory(prefix="ioc-bridge-")
        self.path = path or Path(self._folder.name if self._folder else "", "readmodel.sqlite")
        self._stamp = int.from_bytes(
            blake2b(f"{_script('schema.sql')}{topics.prefix}/{topics.partitions}".encode(), digest_size=3).digest()
        )
        self.writer = self._opened()

    def _opened(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.exists() and not self._is_good():
            self.remove()
        found = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None, cached_statements=256)
        found.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536;")
        if not _version(found):
            found.executescript(f"BEGIN; {_script('schema.sql')} PRAGMA user_version = {self._stamp}; COMMIT;")
        return found

    def _is_good(self) -> bool:
        if time.time() * 1000 - self.path.stat().st_mtime * 1000 > TRUSTED_FOR_MS:
            return False
        try:
            with closing(sqlite3.connect(self.path)) as found:
                return _version(found) == self._stamp
        except sqlite3.DatabaseError:
            return False

    def index(self) -> None:
        """Create the missing indexes."""
        self.writer.executescript(f"BEGIN; {_script('indexes.sql')} COMMIT; ANALYZE;")

    def reader(self) -> sqlite3.Connection:
        """A read-only connection, for one thread at a time."""
        uri = f"{self.path.absolute().as_uri()}?mode=ro"
        found = sqlite3.connect(uri, uri=True, check_same_thread=False, isolation_level=None)
        found.row_factory = sqlite3.Row
        found.execute("PRAGMA cache_size = -16384")
        return found

    def clear(self) -> None:
        """Delete all rows, to read the topics again."""
        self.writer.close()
        self.remove()
        self.writer = self._opened()

    def remove(self) -> None:
        """Delete the file."""
        for end in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + end).unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file, and delete it if it is temporary."""
        self.writer.close()
        if self._folder:
            self._folder.cleanup()


def _version(found: sqlite3.Connection) -> int:
    return int(found.execute("PRAGMA user_version").fetchone()[0])


def query(reader: sqlite3.Connection, sql: str, parameters: tuple[object, ...] = ()) -> list[sqlite3.Row]:
    """Run a query to its end.

    Raises:
        TooSlowError: the query took too long and was cancelled.

    """
    until = time.monotonic() + _SLOWEST_S
    reader.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
    try:
        return reader.execute(sql, parameters).fetchall()
    except sqlite3.OperationalError as error:
        if "interrupted" in str(error):
            raise TooSlowError(f"the search took longer than {_SLOWEST_S:.0f} s; narrow it") from error
        raise
    finally:
        reader.set_progress_handler(None, 0)
