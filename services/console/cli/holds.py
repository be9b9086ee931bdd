"""Commands on holds: holds, confirm, reject."""

from collections.abc import Sequence
from typing import Annotated

import typer

from services.console.audit import user
from services.console.cli.errors import guarded
from services.console.cli.options import Output
from services.console.cli.output.forms import Form
from services.console.cli.output.rows import Listing, write
from services.console.cli.output.when import show
from services.console.queries.holds import find_hold, read_holds
from services.console.resources.operations import Operations
from services.runtime.settings import load_settings

app = typer.Typer()

_HOLDS = Listing(
    ("id", "kind", "connection", "subject", "count", "of", "since", "state"), ("limit_percent", "service"),
    lambda row: str(row["id"]),
)  # fmt: skip
HoldIds = Annotated[list[str], typer.Argument(metavar="HOLD", help="Ids of holds, as `holds` shows them.")]


@app.command()
def holds(output: Output = Form.TABLE) -> None:
    """List the changes that guards hold until a person decides."""
    with guarded():
        found = read_holds(load_settings())
        whole = [hold.model_dump(mode="json", exclude_none=True) for hold in found]
        rows = [
            {**row, "since": show(hold.since), "state": "rejected" if hold.rejected else "waits"}
            for row, hold in zip(whole, found, strict=True)
        ]
        write(rows, _HOLDS, output, whole)


@app.command()
def confirm(hold: HoldIds) -> None:
    """Let through what is held."""
    _decide(hold, confirm=True)


@app.command()
def reject(hold: HoldIds) -> None:
    """Keep back what is held, until it is over by itself."""
    _decide(hold, confirm=False)


def _decide(names: Sequence[str], *, confirm: bool) -> None:
    """Confirm or reject what is held."""
    with guarded():
        settings = load_settings()
        for hold in [find_hold(settings, name) for name in names]:
            Operations(settings, user()).judge(hold, "confirm" if confirm else "reject")
            typer.echo(f"{hold.id} {'confirmed' if confirm else 'rejected'}")
