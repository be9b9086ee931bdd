"""Retries rejected entries although they did not change: asks the router to write the desired entries again."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from schemas.desired import entry_key
from schemas.partitions import partition_of
from schemas.request import MAX_ENTRIES, MAX_LINES, RequestVerb, entry_name, split_entry_name
from services.console.ingest.raw_items import BadBodyError
from services.console.queries.requests import TIMEOUT_S, Answer, Question, ask
from services.runtime.chunks import bounded_chunks
from services.runtime.settings import Settings

_BYTES = 500_000
"""Bytes of names in one request: half of what Kafka takes in a record."""


class Unasked(StrEnum):
    """Why an entry is not tried again. Stable codes."""

    NOT_WANTED = "not_wanted"
    NO_ANSWER = "no_answer"


_TEXTS = {
    Unasked.NOT_WANTED: "it is not desired there: no source asserts it any more, or no sharing takes it",
    Unasked.NO_ANSWER: "no router answered for it; is one running? Try again",
}


@dataclass(frozen=True, slots=True)
class Retried:
    """The result for one entry: its pusher tries it again, or `why` it does not."""

    id: str
    why: Unasked | None = None

    @property
    def detail(self) -> str:
        """The reason as text; empty if the entry is retried."""
        return _TEXTS[self.why] if self.why else ""


def retry(settings: Settings, names: Iterable[str], *, by: str, timeout_s: float = TIMEOUT_S) -> list[Retried]:
    """Have these entries written again, each at its own target only.

    Raises:
        BadBodyError: a name is invalid.
        UnansweredError, KafkaError: the router or Kafka does not answer.

    """
    names = list(dict.fromkeys(names))
    for name in names:
        check_name(name)
    found: list[Retried] = []
    for part in _parts(names):
        question = Question(RequestVerb.SYNC, entries=part, lines=MAX_LINES)
        found += _results(part, ask(settings, question, by=by, timeout_s=timeout_s), settings.partitions)
    return found


def check_name(name: str) -> tuple[str, str]:
    """Destination with target, and indicator id, of an entry's name.

    Raises:
        BadBodyError: the name is invalid.

    """
    try:
        return split_entry_name(name)
    except ValueError as error:
        raise BadBodyError(f"{error}; `ioc-bridge rejected list -o name` lists the names") from error


def _parts(names: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Names in groups that fit one request."""
    return bounded_chunks(names, MAX_ENTRIES, _BYTES, lambda name: len(name.encode()))


def _results(names: Sequence[str], answer: Answer, partitions: int) -> Iterator[Retried]:
    sent = {entry_name(line.destination, entry_key(line.target, line.indicator)) for line in answer.lines}
    for name in names:
        if name in sent:
            yield Retried(name)
        elif partition_of(split_entry_name(name)[1], partitions) in answer.missing:
            yield Retried(name, Unasked.NO_ANSWER)
        else:
            yield Retried(name, Unasked.NOT_WANTED)
