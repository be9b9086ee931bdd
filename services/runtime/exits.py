"""Exit codes: which error ends a process with which code and log line.

| code | meaning |
|---|---|
| 0 | stopped by a signal |
| 75 | lost its ownership or its view of Kafka, or Kafka is unreachable: start a new process |
| 78 | the settings or the records are unusable: a new process would end the same way |
| 1 | an unforeseen error, or a task that ended too early |
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
    """The state that this process holds no longer matches Kafka; a new process must take over."""


class Exit(NamedTuple):
    """An exit code and its log line."""

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
    """Return the exit of a process that fails with `error`."""
    for kinds, found in _EXITS:
        if isinstance(error, kinds):
            return found
    return Exit(EXIT_UNFORESEEN, "an unforeseen error ends this process")
