"""The command check: every connection against the live API of its vendor."""

from typing import Annotated

import typer

from services.console.audit import user
from services.console.cli.errors import EXIT_REFUSED, guarded
from services.console.cli.options import Output
from services.console.cli.output.forms import Form
from services.console.cli.output.rows import Listing, write
from services.console.preflight.check import check as findings
from services.console.resources.operations import Operations, select
from services.runtime.settings import load_settings

app = typer.Typer()

_CHECKS = Listing(("connection", "what", "result", "text"), (), lambda row: f"{row['connection']}/{row['result']}")


@app.command()
def check(
    names: Annotated[list[str] | None, typer.Argument(metavar="CONNECTION", help="Names; none means all.")] = None,
    output: Output = Form.TABLE,
) -> None:
    """Check every connection against the live API of its vendor: token, roles, scopes. Changes nothing there."""
    with guarded():
        on = Operations(load_settings(), user()).snapshot()
        select(on, ["Connection"], names or [])
        found = list(findings(on.policy, names or []))
        rows = [
            {"connection": one.connection, "what": one.what, "result": "ok" if one.ok else "failed", "text": one.text}
            for one in found
        ]
        write(rows, _CHECKS, output)
        if not all(one.ok for one in found):
            raise typer.Exit(EXIT_REFUSED)
