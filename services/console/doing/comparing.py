"""What `ioc-bridge reconcile` does: ask, show progress while services answer, and what they found."""

import typer

from services.console.audit import user
from services.console.cli.errors import complain, guarded
from services.console.cli.output.forms import Form
from services.console.cli.output.rows import Listing, write
from services.console.doing.asking import progress_bar
from services.console.queries.answers import compared
from services.console.queries.comparison import reconcile as ask
from services.runtime.exits import EXIT_AGAIN
from services.runtime.settings import load_settings

_ANSWERS = Listing(("service", "message"), (), lambda row: str(row["service"]), none="no service has answered")
_FOUND = Listing(
    ("service", "code", "subject", "reason", "detail"), (), lambda row: str(row["subject"]), title="one by one"
)


def reconcile(name: str, form: Form, *, wait: bool, timeout_s: float) -> None:
    """Ask, and with `wait` say what was found.

    Raises:
        typer.Exit: not all services answered.

    """
    with guarded():
        with progress_bar("services that answered") as told:
            settings = load_settings()
            found = ask(settings, name, by=user(), wait_s=timeout_s if wait else 0.0, progress=told)
        if not wait:
            services = " and ".join(found.services)
            typer.echo(f"Connection/{name} is compared by {services}; `activity` says what is found")
            return
        whole = compared(found)
        write(whole["answers"], _ANSWERS, form, whole)
        rows = [
            {"service": said["service"], "code": said["code"], **item}
            for said in whole["found"] for item in said["items"]
        ]  # fmt: skip
        if rows and form in (Form.TABLE, Form.WIDE):
            write(rows, _FOUND, form)
        for line in found.why:
            complain(line)
        if found.missing:
            names = " and ".join(found.missing)
            complain(f"no answer from {names} yet: is it running? It compares as soon as it can, within the hour")
            raise typer.Exit(EXIT_AGAIN)
