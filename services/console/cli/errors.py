"""Handles expected errors: one line each on standard error, and an exit code by kind of error."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from schemas.canonical import Refused
from services.console.cli.editor import NoEditorError
from services.console.cli.output.when import NotATimeError
from services.console.cli.remote import RemoteError
from services.console.deadletters.edits import UnfitError
from services.console.ingest.raw_items import BadBodyError
from services.console.queries.comparison import NothingToCompareError
from services.console.queries.requests import UnansweredError
from services.console.resources.kinds import UnknownKindError
from services.console.resources.planning import NotFoundError, RefusedError
from services.console.resources.store import MovedError, NoPolicyError
from services.runtime.exits import EXIT_AGAIN, EXIT_CONFIG
from services.runtime.kafka import clients
from services.runtime.kafka.errors import KAFKA_ERRORS
from services.runtime.kafka.transactional_producer import FencedError, ProducerError
from services.runtime.settings import SettingsError

EXIT_REFUSED = 1
EXIT_USAGE = 2
EXIT_NOT_FOUND = 3

_CODES: dict[type[Exception], int] = {
    UnknownKindError: EXIT_USAGE, NotATimeError: EXIT_USAGE, NotFoundError: EXIT_NOT_FOUND, SettingsError: EXIT_CONFIG,
    NoPolicyError: EXIT_REFUSED, UnansweredError: EXIT_REFUSED, Refused: EXIT_REFUSED, BadBodyError: EXIT_REFUSED,
    UnfitError: EXIT_REFUSED, NoEditorError: EXIT_REFUSED, NothingToCompareError: EXIT_REFUSED,
}  # fmt: skip
"""Exit codes of errors whose own text says what to do."""


@contextmanager
def guarded() -> Iterator[None]:
    """End the process after an expected error, with the exit codes that `ioc-bridge --help` lists.

    Raises:
        typer.Exit: with the exit code.

    """
    logging.getLogger("kafka").addHandler(logging.NullHandler())  # its clients' warnings are not for a terminal
    _tell(logging.getLogger(clients.__name__))
    try:
        yield
    except RefusedError as error:
        _end(EXIT_REFUSED, str(error), "")
    except RemoteError as error:
        _end(EXIT_AGAIN if error.again else EXIT_REFUSED, str(error))
    except FileNotFoundError as error:
        _end(EXIT_REFUSED, f"{error.filename}: {error.strerror}")
    except tuple(_CODES) as error:
        _end(next(code for kind, code in _CODES.items() if isinstance(error, kind)), str(error))
    except (FencedError, MovedError):
        _end(EXIT_AGAIN, "others keep changing things at the same time; check what was done, and try again")
    except ProducerError as error:
        _end(EXIT_AGAIN, f"{error}; it is unknown whether the change was made: check, and try again")
    except KAFKA_ERRORS as error:
        _end(EXIT_AGAIN, f"Kafka does not answer: {error!r}; is IOC_BRIDGE_KAFKA_BOOTSTRAP right?")


class _Terminal(logging.Handler):
    """Prints our log lines for a person who waits."""

    def emit(self, record: logging.LogRecord) -> None:
        complain(record.getMessage())


def _tell(logger: logging.Logger) -> None:
    if not logger.handlers:
        logger.addHandler(_Terminal())
        logger.propagate = False


def complain(line: str) -> None:
    """Print a line on standard error."""
    print(f"ioc-bridge: {line}", file=sys.stderr)  # noqa: T201  # for a person


def _end(code: int, text: str, prefix: str = "ioc-bridge: ") -> None:
    for line in text.splitlines():
        print(f"{prefix}{line}", file=sys.stderr)  # noqa: T201
    raise typer.Exit(code) from None
