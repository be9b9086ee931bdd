"""The command explain: why an indicator is, or is not, at each target."""

from typing import Annotated, Any

import typer

from services.console.audit import user
from services.console.cli.errors import EXIT_NOT_FOUND, complain, guarded
from services.console.cli.options import Output, Timeout
from services.console.cli.output.forms import Form
from services.console.cli.output.rows import Listing, write
from services.console.cli.output.when import show
from services.console.cli.router_answers import complain_of_missing
from services.console.queries.answers import explained
from services.console.queries.explain import Explanation
from services.console.queries.explain import explain as explanation_of
from services.runtime.settings import load_settings

app = typer.Typer()

_STEPS = Listing(
    ("source", "sharing", "rule", "destination", "target", "verdict", "reason", "detail"), (),
    lambda row: f"{row['sharing']}/{row['verdict']}", title="source by source, sharing by sharing",
    none="no sharing takes from a source that asserts it",
)  # fmt: skip
_PRESENCES = Listing(
    ("destination", "target", "state", "covers", "reason", "detail", "at"), ("remote_id", "attempts"),
    lambda row: f"{row['destination']}/{row['target']}", title="what became of it",
    none="it is at no target",
)  # fmt: skip


@app.command()
def explain(
    value: Annotated[str, typer.Argument(help="An indicator, in any spelling, or its id.")],
    timeout: Timeout = 60.0,
    output: Output = Form.TABLE,
) -> None:
    """Say why an indicator is, or is not, at each target, with the vendors' answers."""
    with guarded():
        found = explanation_of(load_settings(), value, by=user(), timeout_s=timeout)
        whole = explained(found)
        if output in (Form.JSON, Form.YAML):
            write([whole], _STEPS, output, whole)
        else:
            _describe(whole, found, output)
        complain_of_missing(found.missing)
        if found.indicator is None:
            complain(f"no source has reported {found.id}")
            raise typer.Exit(EXIT_NOT_FOUND)


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
