"""Resources and outcomes on standard output, in the requested format."""

import json
from collections.abc import Sequence

import typer

from services.console.cli.errors import complain
from services.console.cli.output.forms import Form
from services.console.cli.output.tables import console, tables
from services.console.manifests.fields import as_document
from services.console.manifests.places import dotted
from services.console.manifests.validation import subject
from services.console.manifests.yaml_text import yaml_text
from services.console.queries.states import States
from services.console.resources.operations import Outcome
from services.console.resources.store import Snapshot, Stored


def show(found: Sequence[Stored], on: Snapshot, form: Form, states: States, *, single: bool) -> None:
    """Write resources; tables with the `states` of connections. JSON is a list, or an object for a `single` one."""
    match form:
        case Form.NAME:
            for stored in found:
                typer.echo(subject((stored.resource.kind, stored.resource.name)))
        case Form.JSON:
            documents = [as_document(stored) for stored in found]
            typer.echo(json.dumps(documents[0] if single else documents, indent=2, ensure_ascii=False))
        case Form.YAML:
            documents = [as_document(stored) for stored in found]
            typer.echo(yaml_text(documents), nl=False)
        case Form.TABLE | Form.WIDE if not found:
            complain("there is none")
        case Form.TABLE | Form.WIDE:
            console().print(tables(found, on, states, wide=form is Form.WIDE))


def report(outcome: Outcome, *, dry_run: bool) -> None:
    """Write the outcome for each topic and resource, with the meaning of each entry of a guard.

    Faults of topics go to standard error.
    """
    end = " (dry run)" if dry_run else ""
    for state in outcome.topics:
        if state.state in ("created", "missing"):
            typer.echo(f"topic {state.topic.name} created{end}")
        for line in state.wrong:
            complain(f"topic {state.topic.name} {line}")
    for change in outcome.changes:
        typer.echo(f"{subject(change.id)} {change.what}{end}")
        for entry in change.entries if change.what in ("created", "changed") else ():
            typer.echo(f"  {dotted(entry.place)} {entry.text!r}: {entry.meaning}")


def warn_of_unreadable(on: Snapshot) -> None:
    """Write to standard error which records were left out, and why."""
    for key, why in sorted(on.unreadable.items()):
        complain(f"{key} in the policy cannot be read by this version and is left out: {why}")
