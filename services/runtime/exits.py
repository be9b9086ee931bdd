"""Exit codes: which error ends a process with which code, and the log line that says so.

| code | meaning |
|---|---|
| 0 | asked to leave, and left |
| 75 | lost its ownership or its footing, or Kafka is away: a fresh process must take over |
| 78 | the settings, or the records, cannot be used: a fresh process would end the same way |
| 1 | an unforeseen error, or a task that ended while it was to go on |
"""

from typing import NamedTuple

from services.runtime.deadletters import TooManyDeadLettersError
from services.runtime.kafka.errors import KAFKA_ERRORS
from services.runtime.kafka.leases import LeaseLostError
from services.runtime.kafka.transactional_producer import ProducerError
from services.runtime.settings import SettingsError

EXIT_UNFORESEEN = 1
EXIT_AGAIN = 75
EXIT_CONFIG = 78


class LostFootingError(Exception):
    """What this process believes about Kafka cannot be trusted any more; a fresh one must take over."""


class Exit(NamedTuple):
    """How a process ends: its exit code, and the log line for it."""

    code: int
    line: str


_EXITS: tuple[tuple[tuple[type[BaseException], ...], Exit], ...] = (
    ((LeaseLostError, ProducerError, LostFootingError), Exit(EXIT_AGAIN, "must start afresh")),
    ((SettingsError,), Exit(EXIT_CONFIG, "the settings cannot be used")),
    ((TooManyDeadLettersError,), Exit(EXIT_CONFIG, "stopping")),
    (KAFKA_ERRORS, Exit(EXIT_AGAIN, "Kafka does not answer as it should")),
    ((OSError,), Exit(EXIT_AGAIN, "cannot run")),
)


def exit_of(error: BaseException) -> Exit:
    """How a process ends that fails with this error."""
    for kinds, found in _EXITS:
        if isinstance(error, kinds):
            return found
    return Exit(EXIT_UNFORESEEN, "an unforeseen error ends this process")
