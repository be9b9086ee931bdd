"""Fetching the pinned jars.

Invariant: a jar is used only if its SHA-256 is the pinned one, whatever an interrupted download left behind.
"""

import hashlib
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from jgo.env import LockedDependency, LockFile
from jgo.maven import MavenContext, PythonResolver
from requests import RequestException
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from services.sandbox.kafka.cache import LOCK
from services.sandbox.kafka.errors import DownloadFailed
from services.sandbox.kafka.progress import DownloadProgress


class _MismatchError(Exception):
    """A downloaded file differs from the pinned one."""


def fetch_jars(
    repository: Path, pins: Path = LOCK, remotes: dict[str, str] | None = None, seconds: int = 30
) -> list[Path]:
    """Return the jars of the lock file `pins` as files below `repository` (laid out as Maven does).

    What is missing is downloaded from `remotes` (jgo's default, Maven Central, if None); no answer may take longer
    than `seconds`. Raises `DownloadFailed` for the first jar that cannot be had after three attempts.
    """
    lock = LockFile.load(pins)
    wanted = {repository.joinpath(*_place(pin)): pin for pin in lock.dependencies}
    missing = [(path, pin) for path, pin in wanted.items() if not _is_pinned(path, pin)]
    if missing:
        # jgo's messages about checksums would mix with the lines of progress; the pins decide.
        logging.getLogger("jgo").setLevel(logging.ERROR)
        title = f"Downloading {lock.environment_name}"
        with DownloadProgress(title, len(missing)) as progress, ThreadPoolExecutor(8) as pool:
            resolver = PythonResolver(progress_callback=progress.receiving)
            context = MavenContext(resolver, repository, remote_repos=remotes, timeout=seconds)
            for _ in pool.map(lambda jar: _fetch(context, *jar), missing):
                progress.jar_done()
    return list(wanted)


def _place(pin: LockedDependency) -> tuple[str, ...]:
    return (*pin.groupId.split("."), pin.artifactId, pin.version, f"{pin.artifactId}-{pin.version}.jar")


def _fetch(context: MavenContext, path: Path, pin: LockedDependency) -> None:
    # jgo tells of a refused download by RuntimeError.
    failures = (RequestException, RuntimeError, _MismatchError)
    attempts = Retrying(
        retry=retry_if_exception_type(failures),
        stop=stop_after_attempt(3),
        wait=wait_random_exponential(multiplier=0.2, max=5),
        reraise=True,
    )
    try:
        attempts(_obtain, context, path, pin)
    except failures as error:
        raise DownloadFailed(path.name, _reason(error)) from error


def _obtain(context: MavenContext, path: Path, pin: LockedDependency) -> None:
    # Half a file of an interrupted run would be taken for the whole.
    path.unlink(missing_ok=True)
    context.project(pin.groupId, pin.artifactId).at_version(pin.version).artifact().resolve()
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
