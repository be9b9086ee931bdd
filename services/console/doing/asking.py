"""What the verbs that ask the router do: a question, progress while it is answered, and the answer in a form."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from schemas.request import RequestVerb
from services.console.audit import user
from services.console.cli.errors import EXIT_NOT_FOUND, complain, guarded
from services.console.cli.output.forms import Form
from services.console.cli.output.rows import Listing, write
from services.console.cli.output.when import show
from services.console.cli.output.when import since as moment
from services.console.manifests.files import read_files
from services.console.queries import requests
from services.console.queries.answers import answered, explained
from services.console.queries.explain import Explanation, explain
from services.console.queries.holds import find_hold, read_holds
from services.console.queries.requests import Answer, Question
from services.console.resources.operations import Operations
from services.console.resources.planning import NotFoundError
from services.runtime.exits import EXIT_AGAIN
from services.runtime.settings import Settings, load_settings

EXIT_DIFFERS = 4

_EFFECTS = Listing(
    ("destination", "target", "effect", "type", "reason", "count", "bytes"), (),
    lambda row: f"{row['destination']}/{row['target']}",
)  # fmt: skip
_LISTS = ("url-list:", "file-hash-list:")
"""Targets whose room is counted in bytes; elsewhere entries are counted."""
_LINES = Listing(
    ("effect", "destination", "target", "indicator", "reason"), (),
    lambda row: f"{row['destination']}/{row['target']}/{row['indicator']}", title="one by one",
)  # fmt: skip
_STEPS = Listing(
    ("source", "sharing", "rule", "destination", "target", "verdict", "reason", "detail"), (),
    lambda row: f"{row['sharing']}/{row['verdict']}", title="source by source, sharing by sharing",
    none="no sharing takes from a source that vouches for it",
)  # fmt: skip
_PRESENCES = Listing(
    ("destination", "target", "state", "covers", "reason", "detail", "at"), ("remote_id", "attempts"),
    lambda row: f"{row['destination']}/{row['target']}", title="what became of it",
    none="it is at no target",
)  # fmt: skip
_HOLDS = Listing(
    ("id", "kind", "connection", "subject", "count", "of", "since", "state"), ("limit_percent", "service"),
    lambda row: str(row["id"]),
)  # fmt: skip


def trial(
    sharing: str | None, files: Sequence[str], since: str | None, lines: int, form: Form, *, timeout_s: float
) -> None:
    """What a sharing would send."""
    with guarded():
        settings = load_settings()
        resources = _imagined(settings, files)
        question = Question(RequestVerb.TEST, sharing, since=moment(since), resources=resources, lines=lines)
        _tell(_ask(settings, question, timeout_s), form)


def diff(files: Sequence[str], lines: int, timeout_s: float, form: Form, *, exit_code: bool) -> None:
    """What files would change at each target."""
    with guarded():
        settings = load_settings()
        answer = _ask(
            settings, Question(RequestVerb.DIFF, resources=_imagined(settings, files), lines=lines), timeout_s
        )
        _tell(answer, form)
        if exit_code and answer.tallies:
            raise typer.Exit(EXIT_DIFFERS)


def sync(sharing: str | None, since: str | None, timeout_s: float, form: Form) -> None:
    """Write a window again."""
    with guarded():
        settings = load_settings()
        _tell(_ask(settings, Question(RequestVerb.SYNC, sharing, since=moment(since), lines=0), timeout_s), form)


def explaining(value: str, timeout_s: float, form: Form) -> None:
    """Why an indicator is where it is.

    Raises:
        typer.Exit: not all of the router answered, or no source has reported it.

    """
    with guarded():
        found = explain(load_settings(), value, by=user(), timeout_s=timeout_s)
        whole = explained(found)
        if form in (Form.JSON, Form.YAML):
            write([whole], _STEPS, form, whole)
        else:
            _describe(whole, found, form)
        _complain_of(found.missing)
        if found.indicator is None:
            complain(f"no source has reported {found.id}")
            raise typer.Exit(EXIT_NOT_FOUND)


def holds(form: Form) -> None:
    """What is held."""
    with guarded():
        found = read_holds(load_settings())
        whole = [hold.model_dump(mode="json", exclude_none=True) for hold in found]
        rows = [
            {**row, "since": show(hold.since), "state": "rejected" if hold.rejected else "waits"}
            for row, hold in zip(whole, found, strict=True)
        ]
        write(rows, _HOLDS, form, whole)


def judge(names: Sequence[str], *, confirm: bool) -> None:
    """Confirm or reject what is held."""
    with guarded():
        settings = load_settings()
        for hold in [find_hold(settings, name) for name in names]:
            Operations(settings, user()).judge(hold, "confirm" if confirm else "reject")
            typer.echo(f"{hold.id} {'confirmed' if confirm else 'rejected'}")


def _describe(whole: dict[str, Any], found: Explanation, form: Form) -> None:
    if found.indicator is None:
        return
    known = found.indicator
    state = "active" if known.active else "not active"
    typer.echo(f"{found.id}: {state}, severity {known.severity}, last seen {show(known.last_seen)}")
    steps = [step.model_dump(mode="json") for step in found.steps]
    write(steps, _STEPS, form)
    write([{**row, "at": show(row.get("at"))} for row in whole["presences"]], _PRESENCES, form)
    for hold in found.holds:
        complain(f"{hold.id}: {hold.count} of {hold.of} entries of {hold.connection} are held ({hold.kind})")


def _imagined(settings: Settings, files: Sequence[str]) -> dict[str, str]:
    """The records that applying files would write. Every mistake in them is reported, as by `apply`."""
    if not files:
        return {}
    documents, mistakes = read_files(files)
    planned = Operations(settings, user()).plan(documents, mistakes)
    return {key: value.decode() if value else "" for key, value in planned.writes}


def _ask(settings: Settings, question: Question, timeout_s: float) -> Answer:
    try:
        with progress_bar("partitions of the router that answered") as told:
            return requests.ask(settings, question, by=user(), timeout_s=timeout_s, progress=told)
    except requests.UnansweredError as error:
        known = Operations(settings, user()).snapshot().policy.sharings
        if question.sharing is None or question.sharing in known:
            raise
        raise NotFoundError(str(error)) from error


@contextmanager
def progress_bar(what: str) -> Iterator[requests.Progress]:
    """A bar on a terminal that counts what has come of what; nothing elsewhere."""
    stderr = Console(stderr=True)
    bar = Progress(
        TextColumn(what), BarColumn(), MofNCompleteColumn(),
        console=stderr, transient=True, disable=not stderr.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task("", total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def _tell(answer: Answer, form: Form) -> None:
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
    _complain_of(answer.missing)


def _complain_of(missing: Sequence[int]) -> None:
    """Say that an answer is not whole.

    Raises:
        typer.Exit: some partitions have not answered.

    """
    if missing:
        numbers = ", ".join(map(str, missing))
        complain(f"no answer from partition {numbers}: is a router running? What is above is without it; try again")
        raise typer.Exit(EXIT_AGAIN)
