"""Commands on dead letters: list, show, edit, replay, drop."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from schemas.resolution_state import ResolutionState
from services.console.audit import user
from services.console.cli.editor import in_editor, kept
from services.console.cli.errors import EXIT_REFUSED, complain, guarded
from services.console.cli.options import Output
from services.console.cli.output.forms import Form
from services.console.cli.output.rows import Listing, write
from services.console.cli.output.when import age
from services.console.cli.output.when import show as shown
from services.console.cli.output.when import since as moment
from services.console.deadletters.dead_letter import ListedDeadLetter
from services.console.deadletters.edits import Payload, UnfitError, changed, parsed, pretty
from services.console.deadletters.operations import DeadLetterOperations
from services.console.deadletters.planning import kept_as_stub
from services.console.deadletters.presentation import brief, listed, text, whole
from services.console.deadletters.reader import Only
from services.console.deadletters.reasons import Outcome
from services.runtime.settings import load_settings

app = typer.Typer(
    help="Records that no service could decode: look at them, edit them, and produce them again or drop them.",
    no_args_is_help=True,
)
_Id = Annotated[str, typer.Argument(metavar="ID", help="As `list` shows it: <topic>@<partition>:<offset>.")]
_TOPIC_HELP = "Only from this topic, with or without the prefix: reports."
_LETTERS = Listing(
    ("id", "age", "service", "topic", "key", "error", "state"), ("since", "last", "times", "edited"),
    lambda row: str(row["id"]), none="there is none",
)  # fmt: skip

_MEND = """\
            mend it where it comes from, or here: ioc-bridge deadletters edit {id}
            or let it be: ioc-bridge deadletters drop {id}"""


@app.command("list")
def list_(
    topic: Annotated[str | None, typer.Option(help=_TOPIC_HELP)] = None,
    service: Annotated[str | None, typer.Option(help="Only those that this service could not decode.")] = None,
    state: Annotated[ResolutionState | None, typer.Option(help="Only in this state.")] = None,
    since: Annotated[str | None, typer.Option(help="Only written since: how long ago (4h, 7d) or a time.")] = None,
    output: Output = Form.TABLE,
) -> None:
    """List dead letters, oldest first, with the state of each."""
    only = Only(topic, service, state, moment(since))
    with guarded():
        box = _operations().box()
        found = box.select(only)
        write([_row(letter) for letter in found], _LETTERS, output, listed(box, found))
        if output in (Form.TABLE, Form.WIDE):
            counts = ", ".join(f"{count} {state}" for state, count in sorted(box.counts.items()))
            complain(f"in all: {counts}" if counts else "no service has set anything aside")
        if box.strangers:
            complain(f"{box.strangers} records in the topic are no dead letters of this version and are not listed")


@app.command()
def show(id_: _Id, output: Output = Form.TABLE) -> None:
    """Show everything about a dead letter: where it came from, why it could not be read, what to do, its payload."""
    with guarded():
        letters = _operations()
        letter = letters.find(id_)
        if output in (Form.JSON, Form.YAML):
            write([brief(letter)], _LETTERS, output, whole(letters, letter))
        else:
            typer.echo("\n".join(_lines(letters, letter)))


@app.command()
def edit(
    id_: _Id,
    file: Annotated[
        str | None,
        typer.Option("--file", "-f", metavar="FILE", help="The whole payload, as JSON; - is standard input."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="Set a field: reports.0.severity=high. May be repeated."),
    ] = None,
) -> None:
    """Replace the payload that a replay of a dead letter produces. Without an option: in $EDITOR.

    It must be a record that services of this version can read. The original is kept.
    """
    if file and set_:
        raise typer.BadParameter("give --file or --set, not both")
    with guarded():
        letters = _operations()
        if set_:
            done = letters.edit(id_, lambda letter: changed(letter.payload, set_))
        else:
            text = _read(file) if file else _in_editor(letters.find(id_))
            done = _edited(letters, id_, text, written_here=file is None)
        typer.echo(f"{done.id} edited")


@app.command()
def replay(
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID", help="As `list` shows them.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="All that are open, or those of --topic.")] = False,
    topic: Annotated[str | None, typer.Option(help=f"With --all: {_TOPIC_HELP[0].lower()}{_TOPIC_HELP[1:]}")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also if replayed before, or if it would undo something newer.")
    ] = False,
) -> None:
    """Produce dead letters again to the topics they came from, with their original keys and headers.

    Those that were replayed before, or would undo something newer, are left unchanged, and the reason is printed.
    """
    if bool(ids) == all_ or (topic and not all_) or (force and all_):
        raise typer.BadParameter("name dead letters, or use --all (and --topic); --force works with names only")
    with guarded():
        _report(_operations().replay(ids or None, Only(topic) if all_ else None, force=force))


@app.command()
def drop(
    ids: Annotated[list[str], typer.Argument(metavar="ID", help="As `list` shows them.")],
    reason: Annotated[str, typer.Option(help="Why, for later readers.")] = "",
) -> None:
    """Mark dead letters as dropped, with your name and the reason. They stay in the topic for its retention time."""
    with guarded():
        _report(_operations().drop(ids, reason))


def _operations() -> DeadLetterOperations:
    return DeadLetterOperations(load_settings(), user())


def _row(letter: ListedDeadLetter) -> dict[str, object]:
    row = brief(letter)
    moments = {name: shown(row[name]) for name in ("since", "last")}
    return {**row, **moments, "age": age(letter.last.at), "service": row["services"]}


def _lines(letters: DeadLetterOperations, letter: ListedDeadLetter) -> Iterable[str]:
    note, resolution = letter.last, letter.resolution
    times = f", {len(letter.notes)} times since {shown(letter.since)}" if len(letter.notes) > 1 else ""
    yield f"{letter.id}: {letter.state}"
    yield f"set aside   {shown(note.at)} by {', '.join(letter.services)}{times}"
    yield f"came from   topic {note.topic}, partition {note.partition}, offset {note.offset}"
    yield f"key         {text(letter.key)}"
    yield from (f"header      {name}: {text(value)}" for name, value in letter.headers)
    if note.is_stub:
        yield f"a stub      {kept_as_stub(note)}; it is {'gone' if letter.is_stub else 'still there'}"
        yield f"checksum    {note.checksum}"
    yield f"error       {note.error}"
    if resolution and resolution.payload is not None:
        yield f"edited      {shown(resolution.edited_at)} by {resolution.edited_by}"
    if resolution and resolution.state != "open":
        reason = f": {resolution.reason}" if resolution.reason else ""
        yield f"{resolution.state:11} {shown(resolution.at)} by {resolution.by}{reason}"
    yield f"what to do  {_advice(letters, letter)}"
    yield ""
    yield pretty(letter.payload)


def _advice(letters: DeadLetterOperations, letter: ListedDeadLetter) -> str:
    if letter.state != "open":
        return "nothing"
    if problem := letters.problem(letter):
        same = problem == letter.last.error
        why = "neither can this version read it; upgrade, if a newer one wrote it" if same else problem
        return f"{why}\n{_MEND.format(id=letter.id)}"
    return f"this version can read it: ioc-bridge deadletters replay {letter.id}"


def _read(file: str) -> str:
    return sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")


def _in_editor(letter: ListedDeadLetter) -> str:
    after = in_editor(pretty(letter.payload))
    if after is None:
        complain("nothing was changed in the editor; the dead letter is unchanged")
        raise typer.Exit
    return after


def _edited(letters: DeadLetterOperations, name: str, text: str, *, written_here: bool) -> ListedDeadLetter:
    """Edit the payload. A text written in an editor is kept in a file if it has a mistake."""

    def payload(_: ListedDeadLetter) -> Payload:
        return parsed(text)

    try:
        return letters.edit(name, payload)
    except UnfitError as error:
        if not written_here:
            raise
        raise UnfitError(f"{error}\n{kept(text)}") from error


def _report(outcomes: Sequence[Outcome]) -> None:
    for one in outcomes:
        if one.done:
            typer.echo(f"{one.id} {one.state}")
        else:
            complain(f"{one.id} is left as it is ({one.why}): {one.detail}")
    if not outcomes:
        complain("there is no open dead letter of that kind")
    if not all(one.done for one in outcomes):
        raise typer.Exit(EXIT_REFUSED)
