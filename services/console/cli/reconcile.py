"""The command reconcile: makes the services of a connection compare it with their records now."""

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
    connection: Annotated[str, typer.Argument(help="Name of the connection.")],
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the results and print them.")] = False,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait.")] = 120.0,
    output: Output = Form.TABLE,
) -> None:
    """Compare a tenant with its records now, and poll it, without waiting for the next scheduled time.

    An open breaker tries a call at once. Entries of a kind that the tenant did not accept are tried again.
    """
    with guarded():
        with progress_bar("services that answered") as report:
            settings = load_settings()
            found = request_comparison(
                settings, connection, by=user(), wait_s=timeout if wait else 0.0, progress=report
            )
        if not wait:
            services = " and ".join(found.services)
            typer.echo(f"Connection/{connection} is compared by {services}; `ioc-bridge activity` lists the results")
            return
        whole = compared(found)
        write(whole["answers"], _ANSWERS, output, whole)
        rows = [
            {"service": result["service"], "code": result["code"], **item}
            for result in whole["found"] for item in result["items"]
        ]  # fmt: skip
        if rows and output in (Form.TABLE, Form.WIDE):
            write(rows, _FOUND, output)
        for line in found.why:
            complain(line)
        if found.missing:
            names = " and ".join(found.missing)
            complain(f"no answer from {names} yet: is it running? It compares if it is back within the hour")
            raise typer.Exit(EXIT_AGAIN)
