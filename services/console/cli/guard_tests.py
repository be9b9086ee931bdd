"""The command test-guard: what guards would keep back."""

from typing import Annotated

import typer

from services.console.audit import user
from services.console.cli.errors import EXIT_REFUSED, complain, guarded
from services.console.cli.options import FILES_HELP, Output
from services.console.cli.output.forms import Form
from services.console.cli.output.rows import Listing, write
from services.console.manifests.files import read_files
from services.console.queries.guard_trial import GuardTrial
from services.console.resources.operations import Operations
from services.runtime.clock import now_ms
from services.runtime.settings import load_settings

app = typer.Typer()

_KEPT = Listing(
    ("value", "kept_back", "guard", "reason", "field", "entry", "connections", "why"), ("line",),
    lambda row: f"{row['value']}/{row['kept_back']}",
)  # fmt: skip
_NEAREST = Listing(
    ("value", "guard", "field", "entry", "why"), ("line",), lambda row: str(row["value"]),
    title="nearest entries, which do not cover it",
)  # fmt: skip


@app.command("test-guard")
def guard_trial(
    values: Annotated[list[str], typer.Argument(metavar="VALUE", help="Indicators, in any spelling, or their ids.")],
    filename: Annotated[
        list[str] | None, typer.Option("--filename", "-f", metavar="FILE", help=f"As if applied. {FILES_HELP}")
    ] = None,
    connection: Annotated[str | None, typer.Option(help="Only the guards of this connection. None: of each.")] = None,
    output: Output = Form.TABLE,
) -> None:
    """Say what guards would keep back, by which entry of which guard, and which entries are close but do not cover it.

    It uses the router's own code and needs no running router. Values need not have been reported by a source.
    """
    with guarded():
        operations = Operations(load_settings(), user())
        documents, mistakes = read_files(filename) if filename else ([], [])
        policy = operations.plan(documents, mistakes).policy if filename else operations.snapshot().policy
        whole = GuardTrial(policy, now_ms(), connection, documents).answers(values)
        items = whole["items"]
        shown = {one["value"]: one["indicator"].partition(":")[2] or one["value"] for one in items}
        nothing: dict[str, object] = {}
        blocked = [
            {**entry, "value": shown[one["value"]], "kept_back": one["kept_back"]}
            for one in items if not one["error"]
            for entry in one["by"] or (nothing,)
        ]  # fmt: skip
        near = [{**entry, "value": shown[one["value"]]} for one in items for entry in one["nearest"]]
        write(blocked, _KEPT, output, whole)
        if near and output in (Form.TABLE, Form.WIDE):
            write(near, _NEAREST, output)
        for entry in whole["unread"]:
            complain(f"Guard/{entry['guard']}: {entry['field']} {entry['entry']!r} keeps nothing back: {entry['why']}")
        wrong = [one["error"] for one in items if one["error"]]
        for line in wrong:
            complain(line)
        if wrong:
            raise typer.Exit(EXIT_REFUSED)
