"""Fetching the pinned jars.

Invariant: a jar is used only if its SHA-256 is the pinned one, whatever an interrupted download left behind.
"""

import hashlib
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import stamina
from jgo.env import LockedDependency, LockFile
from jgo.maven import Artifact, MavenContext, PythonResolver
from requests import RequestException

from services.sandbox.kafka.errors import DownloadFailed
from services.sandbox.kafka.progress import DownloadProgress

LOCK = Path(__file__).with_name("kafka.lock.toml")


class _MismatchError(Exception):
    """What arrived is not what was pinned."""


def fetch_jars(repository: Path) -> list[Path]:
    """Return the pinned jars as files below `repository` (laid out as Maven does), downloading what is missing.

    Raises `DownloadFailed` for the first jar that cannot be had after three attempts.
    """
    lock = LockFile.load(LOCK)
    # jgo's own words about a checksum or a retry would stand between the lines of progress.
    logging.getLogger("jgo").setLevel(logging.ERROR)
    with (
        DownloadProgress(f"Downloading {lock.environment_name}", len(lock.dependencies)) as progress,
        ThreadPoolExecutor(8) as pool,
    ):
        context = MavenContext(
            resolver=PythonResolver(progress_callback=progress.receiving), repo_cache=repository, timeout=30
        )
        return list(pool.map(lambda pin: _fetch(context, pin, progress.jar_done), lock.dependencies))


def _fetch(context: MavenContext, pin: LockedDependency, done: Callable[[], None]) -> Path:
    artifact = context.project(pin.groupId, pin.artifactId).at_version(pin.version).artifact()
    path = context.repo_cache / artifact.component.path_prefix / artifact.cached_filename
    try:
        # jgo tells of a refused download by RuntimeError.
        for attempt in stamina.retry_context(
            on=(RequestException, RuntimeError, _MismatchError), attempts=3, timeout=None, wait_max=5
        ):
            with attempt:
                _obtain(artifact, path, pin)
    except (RequestException, RuntimeError, _MismatchError) as error:
        raise DownloadFailed(path.name, _reason(error)) from error
    done()
    return path


def _obtain(artifact: Artifact, path: Path, pin: LockedDependency) -> None:
    if _is_pinned(path, pin):
        return
    # Half a file of an interrupted run would be taken for the whole.
    path.unlink(missing_ok=True)
    artifact.resolve()
    if not _is_pinned(path, pin):
        raise _MismatchError("its SHA-256 is not the pinned one")


def _is_pinned(path: Path, pin: LockedDependency) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == pin.sha256


def _reason(error: Exception) -> str:
    root: BaseException = error
    while cause := (root.__cause__ or root.__context__):
        root = cause
    return f"{type(root).__name__}: {root}"
