"""Sends a command's request to the router, and prints the answer."""

from collections.abc import Sequence

import typer

from services.console.audit import user
from services.console.cli.errors import complain
from services.console.cli.output.forms import Form
from services.console.cli.output.rows import Listing, write
from services.console.cli.progress import progress_bar
from services.console.manifests.files import read_files
from services.console.queries import requests
from services.console.queries.answers import answered
from services.console.queries.requests import Answer, Question
from services.console.resources.operations import Operations
from services.console.resources.planning import NotFoundError
from services.runtime.exits import EXIT_AGAIN
from services.runtime.settings import Settings

_EFFECTS = Listing(
    ("destination", "target", "effect", "type", "reason", "count", "bytes"), (),
    lambda row: f"{row['destination']}/{row['target']}",
)  # fmt: skip
_LISTS = ("url-list:", "file-hash-list:")
"""Targets whose capacity is in bytes; the capacity of all others is in entries."""
_LINES = Listing(
    ("effect", "destination", "target", "indicator", "reason"), (),
    lambda row: f"{row['destination']}/{row['target']}/{row['indicator']}", title="one by one",
)  # fmt: skip


def records_of(settings: Settings, files: Sequence[str]) -> dict[str, str]:
    """The records that applying files would write.

    Raises:
        RefusedError: the files have mistakes; it has all of them, as for `apply`.

    """
    if not files:
        return {}
    documents, mistakes = read_files(files)
    planned = Operations(settings, user()).plan(documents, mistakes)
    return {key: value.decode() if value else "" for key, value in planned.writes}


def ask_router(settings: Settings, question: Question, timeout_s: float) -> Answer:
    """Ask every partition of the router, with a progress bar. Raises NotFoundError if the sharing does not exist."""
    try:
        with progress_bar("partitions of the router that answered") as progress:
            return requests.ask(settings, question, by=user(), timeout_s=timeout_s, progress=progress)
    except requests.UnansweredError as error:
        known = Operations(settings, user()).snapshot().policy.sharings
        if question.sharing is None or question.sharing in known:
            raise
        raise NotFoundError(str(error)) from error


def report_answer(answer: Answer, form: Form) -> None:
    """Print an answer. Raises typer.Exit if some partitions have not answered."""
    whole = answered(answer)
    effects, lines = whole["effects"], whole["lines"]
    if form in (Form.TABLE, Form.WIDE):
        sized = [{**one, "bytes": one["size"] if one["target"].startswith(_LISTS) else None} for one in effects]
        write(sized, _EFFECTS, form)
        if lines:
            write(lines, _LINES, form)
        more = f", {answer.more_lines} more not listed" if lines and answer.more_lines else ""
        complain(f"looked at {answer.examined} indicators{more}")
    else:
        write(lines if form is Form.NAME else effects, _LINES if form is Form.NAME else _EFFECTS, form, whole)
    complain_of_missing(answer.missing)


def complain_of_missing(missing: Sequence[int]) -> None:
    """Print which partitions are missing from an answer.

    Raises:
        typer.Exit: some partitions have not answered.

    """
    if missing:
        numbers = ", ".join(map(str, missing))
        complain(f"no answer from partition {numbers}: is a router running? The answer above is incomplete; try again")
        raise typer.Exit(EXIT_AGAIN)
