"""The commands rejected list, retry and edit, through the API."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from services.console.cli.editor import in_editor, kept
from services.console.cli.errors import EXIT_REFUSED, complain, guarded
from services.console.cli.options import Limit, Output
from services.console.cli.output.forms import Form
from services.console.cli.output.rows import Listing, write
from services.console.cli.output.when import age, show
from services.console.cli.remote import RemoteError, remote
from services.console.deadletters.edits import UnfitError, changed, parsed, pretty
from services.runtime.chunks import chunks

app = typer.Typer(
    help="Entries that a vendor rejected: list them, try them again, or correct them.", no_args_is_help=True
)
_Destination = Annotated[str | None, typer.Option(help="Only at this destination.")]
_Code = Annotated[str | None, typer.Option(help="Only with this reason code.")]
_ID_HELP = "As `list -o name` prints it: <destination>/<target>/<indicator>."
_REJECTED = Listing(
    ("destination", "target", "indicator", "age", "code", "detail"), ("at", "attempts", "sharings", "id"),
    lambda row: str(row["id"]), none="nothing is rejected",
)  # fmt: skip
_AT_ONCE = 1_000
"""Ids in one request."""
_OTHER = (
    "that is another indicator; {name} stays rejected until its sources withdraw it. To stop sharing it, "
    "add it to allow.values of a Guard"
)


@app.command("list")
def list_(
    destination: _Destination = None, code: _Code = None, limit: Limit = 100, output: Output = Form.TABLE
) -> None:
    """List rejected entries, the latest first, with the vendor's error texts."""
    with guarded(), remote() as api:
        found = api.get("/v1/rejected", destination=destination, code=code, limit=limit)
        only = _REJECTED if destination is code is None else replace(_REJECTED, none="no rejected entry matches that")
        rows = [{**row, "age": age(row["at"]), "at": show(row["at"])} for row in found["items"]]
        write(rows, only, output, found["items"])
        if found["more"]:
            complain(f"there are more than {limit}; raise --limit")


@app.command()
def retry(
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID", help=_ID_HELP)] = None,
    all_: Annotated[bool, typer.Option("--all", help="All entries, or those of --destination and --code.")] = False,
    destination: _Destination = None,
    code: _Code = None,
) -> None:
    """Try rejected entries again without a change, for example after a setting of the tenant changed."""
    if bool(ids) == all_ or ((destination or code) and not all_):
        raise typer.BadParameter("name entries, or all of them with --all (and --destination, --code)")
    with guarded(), remote() as api:
        requested: list[dict[str, object]] = [{"ids": list(part)} for part in chunks(ids or [], _AT_ONCE)]
        answers = [
            api.post("/v1/rejected/retry", orjson.dumps(question), "application/json")
            for question in requested or [{"all": True, "destination": destination, "code": code}]
        ]
        items = [item for answer in answers for item in answer["items"]]
        for one in items:
            if one["done"]:
                typer.echo(f"{one['id']} is tried again")
            else:
                complain(f"{one['id']} is not tried again ({one['why']}): {one['detail']}")
        if not items:
            complain("nothing is rejected")
        if any(answer["more"] for answer in answers):
            complain("there are more; run the command again")
        if not all(one["done"] for one in items):
            raise typer.Exit(EXIT_REFUSED)


@app.command()
def edit(
    id_: Annotated[str, typer.Argument(metavar="ID", help=_ID_HELP)],
    source: Annotated[str, typer.Option(help="A Connection of type api, with a sharing to that destination.")],
    file: Annotated[
        str | None, typer.Option("--file", "-f", metavar="FILE", help="The indicator, as JSON; - is standard input.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Set a field: severity=high. May be repeated."),
    ] = None,
) -> None:
    """Correct a rejected entry: push its corrected indicator as a report of a source. Without options: in $EDITOR.

    An entry follows from the reports of sources, so it cannot be edited itself. The same value is merged with the
    other reports of it. Another value is another indicator; the rejected entry stays until its sources withdraw it.
    """
    if file and set_:
        raise typer.BadParameter("give --file or --set, not both")
    with guarded(), remote() as api:
        corrected: dict[str, Any]
        text = None
        if file:
            corrected = parsed(sys.stdin.read() if file == "-" else Path(file).read_text("utf-8"))
        else:
            before = orjson.dumps(api.get("/v1/rejected/item", id=id_))
            if set_:
                corrected = changed(before, set_)
            else:
                text = in_editor(pretty(before))
                if text is None:
                    complain("nothing was changed in the editor, so nothing is pushed")
                    raise typer.Exit
        try:
            if text is not None:
                corrected = parsed(text)
            done = api.post("/v1/rejected/correct", orjson.dumps(corrected), "application/json", id=id_, source=source)
        except (UnfitError, RemoteError) as error:
            if text is None:
                raise
            raise UnfitError(f"{error}\n{kept(text)}") from error
        typer.echo(f"{done['id']} is reported by {source}")
        complain("it is merged with the other reports of this indicator" if done["same"] else _OTHER.format(name=id_))
