"""What the verbs on dead letters do: arguments in, operations, output."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import typer

from services.console.audit import user
from services.console.cli.editor import in_editor, kept
from services.console.cli.errors import EXIT_REFUSED, complain, guarded
from services.console.cli.output.forms import Form
from services.console.cli.output.rows import Listing, write
from services.console.cli.output.when import age, show
from services.console.deadletters.dead_letter import ListedDeadLetter
from services.console.deadletters.edits import Payload, UnfitError, changed, parsed, pretty
from services.console.deadletters.operations import DeadLetterOperations
from services.console.deadletters.planning import kept_as_stub
from services.console.deadletters.presentation import brief, listed, text, whole
from services.console.deadletters.reader import Only
from services.console.deadletters.reasons import Outcome
from services.runtime.settings import load_settings

_LETTERS = Listing(
    ("id", "age", "service", "topic", "key", "error", "state"), ("since", "last", "times", "edited"),
    lambda row: str(row["id"]), none="there is none",
)  # fmt: skip


_MEND = """\
            mend it where it comes from, or here: ioc-bridge deadletters edit {id}
            or let it be: ioc-bridge deadletters drop {id}"""


def list_(only: Only, form: Form) -> None:
    """What is dead."""
    with guarded():
        box = _letters().box()
        found = box.select(only)
        write([_row(letter) for letter in found], _LETTERS, form, listed(box, found))
        if form in (Form.TABLE, Form.WIDE):
            counts = ", ".join(f"{count} {state}" for state, count in sorted(box.counts.items()))
            complain(f"in all: {counts}" if counts else "no service has set anything aside")
        if box.strangers:
            complain(f"{box.strangers} records in the topic are no dead letters of this version and are left out")


def show_one(name: str, form: Form) -> None:
    """Everything about one."""
    with guarded():
        letters = _letters()
        letter = letters.find(name)
        if form in (Form.JSON, Form.YAML):
            write([brief(letter)], _LETTERS, form, whole(letters, letter))
        else:
            typer.echo("\n".join(_told(letters, letter)))


def edit(name: str, file: str | None, settings: Sequence[str]) -> None:
    """Put something in the place of a letter's value."""
    with guarded():
        letters = _letters()
        if settings:
            done = letters.edit(name, lambda letter: changed(letter.payload, settings))
        else:
            text = _read(file) if file else _in_editor(letters.find(name))
            done = _keeping(letters, name, text, written_here=file is None)
        typer.echo(f"{done.id} edited")


def replay(names: Sequence[str], only: Only | None, *, force: bool) -> None:
    """Produce letters again. Raises typer.Exit where some were left as they are."""
    with guarded():
        _say(_letters().replay(names or None, only, force=force))


def drop(names: Sequence[str], reason: str) -> None:
    """Let letters be. Raises typer.Exit where some were left as they are."""
    with guarded():
        _say(_letters().drop(names, reason))


def _letters() -> DeadLetterOperations:
    return DeadLetterOperations(load_settings(), user())


def _row(letter: ListedDeadLetter) -> dict[str, object]:
    row = brief(letter)
    moments = {name: show(row[name]) for name in ("since", "last")}
    return {**row, **moments, "age": age(letter.last.at), "service": row["services"]}


def _told(letters: DeadLetterOperations, letter: ListedDeadLetter) -> Iterable[str]:
    note, said = letter.last, letter.resolution
    times = f", {len(letter.notes)} times since {show(letter.since)}" if len(letter.notes) > 1 else ""
    yield f"{letter.id}: {letter.state}"
    yield f"set aside   {show(note.at)} by {', '.join(letter.services)}{times}"
    yield f"came from   topic {note.topic}, partition {note.partition}, offset {note.offset}"
    yield f"key         {text(letter.key)}"
    yield from (f"header      {name}: {text(value)}" for name, value in letter.headers)
    if note.is_stub:
        yield f"a stub      {kept_as_stub(note)}; it is {'gone' if letter.is_stub else 'still there'}"
        yield f"checksum    {note.checksum}"
    yield f"error       {note.error}"
    if said and said.payload is not None:
        yield f"edited      {show(said.edited_at)} by {said.edited_by}"
    if said and said.state != "open":
        yield f"{said.state:11} {show(said.at)} by {said.by}{f': {said.reason}' if said.reason else ''}"
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
        complain("nothing was changed in the editor; the letter is as it was")
        raise typer.Exit
    return after


def _keeping(letters: DeadLetterOperations, name: str, text: str, *, written_here: bool) -> ListedDeadLetter:
    """Edit; what somebody wrote in an editor is not lost because there is a mistake in it."""

    def payload(_: ListedDeadLetter) -> Payload:
        return parsed(text)

    try:
        return letters.edit(name, payload)
    except UnfitError as error:
        if not written_here:
            raise
        raise UnfitError(f"{error}\n{kept(text)}") from error


def _say(outcomes: Sequence[Outcome]) -> None:
    for one in outcomes:
        if one.done:
            typer.echo(f"{one.id} {one.state}")
        else:
            complain(f"{one.id} is left as it is ({one.why}): {one.detail}")
    if not outcomes:
        complain("there is no open dead letter of that kind")
    if not all(one.done for one in outcomes):
        raise typer.Exit(EXIT_REFUSED)
