"""The verbs on rejected entries: arguments and help. They speak to the API: see IOC_BRIDGE_API_URL."""

from typing import Annotated

import typer

from services.console.cli.asking import Output
from services.console.cli.looking import Limit
from services.console.cli.output.forms import Form

rejected = typer.Typer(
    help="Entries that a vendor rejected: look at them, have them tried again, or correct them.", no_args_is_help=True
)
_Destination = Annotated[str | None, typer.Option(help="Only at this destination.")]
_Code = Annotated[str | None, typer.Option(help="Only with this reason code.")]
_ID_HELP = "As `list -o name` shows it: <destination>/<target>/<indicator>."


@rejected.command("list")
def list_(
    destination: _Destination = None, code: _Code = None, limit: Limit = 100, output: Output = Form.TABLE
) -> None:
    """List rejected entries, the latest first, with what the vendor said."""
    from services.console.doing import rejected as doing

    doing.list_(destination, code, limit, output)


@rejected.command()
def retry(
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID", help=_ID_HELP)] = None,
    all_: Annotated[bool, typer.Option("--all", help="All, or those of --destination and --code.")] = False,
    destination: _Destination = None,
    code: _Code = None,
) -> None:
    """Have rejected entries tried again, although nothing of them changed: because the tenant has."""
    if bool(ids) == all_ or ((destination or code) and not all_):
        raise typer.BadParameter("name entries, or all of them with --all (and --destination, --code)")
    from services.console.doing import rejected as doing

    doing.retry(ids or [], destination, code)


@rejected.command()
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
    """Correct a rejected entry: push its indicator as it should be, in the name of a source. Or else: in $EDITOR.

    An entry follows from what sources say, so it is not edited itself. The same value is merged with what the others
    say of it; another value is another indicator, and the rejected entry stays as it is until its sources take it back.
    """
    if file and set_:
        raise typer.BadParameter("give --file or --set, not both")
    from services.console.doing import rejected as doing

    doing.edit(id_, source, file, set_ or [])
