"""The command reconcile: compare a tenant with its records now."""

from typing import Annotated

import typer

from services.console.audit import user
from services.console.cli.errors import complain, guarded
from services.console.cli.options import Output
from services.console.cli.output.forms import Form
from services.console.cli.output.rows import Listing, write
from services.console.cli.progress import progress_bar
from services.console.queries.answers import compared
from services.console.queries.comparison import reconcile as request_comparison
from services.runtime.exits import EXIT_AGAIN
from services.runtime.settings import load_settings

app = typer.Typer()

_ANSWERS = Listing(("service", "message"), (), lambda row: str(row["service"]), none="no service has answered")
_FOUND = Listing(
    ("service", "code", "subject", "reason", "detail"), (), lambda row: str(row["subject"]), title="one by one"
)


@app.command()
def reconcile(
    connection: Annotated[str, typer.Argument(help="Its name.")],
    wait: Annotated[bool, typer.Option("--wait", help="Wait for what is found, and say it.")] = False,
    timeout: Annotated[float, typer.Option(min=0.1, help="How long to wait, seconds.")] = 120.0,
    output: Output = Form.TABLE,
) -> None:
    """Compare now what a tenant holds with what is known of it, and poll it, without waiting for its turn.

    Trouble with the connection is looked at again at once, and what the tenant did not accept is tried again.
    """
    with guarded():
        with progress_bar("services that answered") as told:
            settings = load_settings()
            found = request_comparison(settings, connection, by=user(), wait_s=timeout if wait else 0.0, progress=told)
        if not wait:
            services = " and ".join(found.services)
            typer.echo(f"Connection/{connection} is compared by {services}; `activity` says what is found")
            return
        whole = compared(found)
        write(whole["answers"], _ANSWERS, output, whole)
        rows = [
            {"service": said["service"], "code": said["code"], **item}
            for said in whole["found"] for item in said["items"]
        ]  # fmt: skip
        if rows and output in (Form.TABLE, Form.WIDE):
            write(rows, _FOUND, output)
        for line in found.why:
            complain(line)
        if found.missing:
            names = " and ".join(found.missing)
            complain(f"no answer from {names} yet: is it running? It compares as soon as it can, within the hour")
            raise typer.Exit(EXIT_AGAIN)
