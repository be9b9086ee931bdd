"""What the verbs do: arguments in, operations, output."""

from collections.abc import Sequence

from services.console.audit import user
from services.console.cli.errors import guarded
from services.console.cli.output.forms import Form
from services.console.cli.output.resources import report, show, warn_of_unreadable
from services.console.cli.output.tables import console, description
from services.console.manifests.files import read_files
from services.console.queries.states import read_states
from services.console.resources.kinds import kind_of, kinds_of
from services.console.resources.operations import Operations, identify_all, select
from services.console.resources.planning import RefusedError
from services.runtime.settings import load_settings


def apply(files: Sequence[str], *, dry_run: bool) -> None:
    """Apply what is in files."""
    with guarded():
        operations = Operations(load_settings(), user())
        documents, mistakes = read_files(files)
        report(operations.apply(documents, mistakes, dry_run=dry_run), dry_run=dry_run)


def get(kind: str, names: Sequence[str], form: Form) -> None:
    """List resources."""
    with guarded():
        kinds, settings = kinds_of(kind), load_settings()
        on = Operations(settings, user()).snapshot()
        warn_of_unreadable(on)
        found = select(on, kinds, names)
        tells = form in (Form.TABLE, Form.WIDE) and any(one.resource.kind == "Connection" for one in found)
        states = read_states(settings) if tells else {}
        show(found, on, form, states, single=len(names) == 1 and len(kinds) == 1)


def describe(kind: str, name: str) -> None:
    """Show one resource."""
    with guarded():
        kinds, settings = (kind_of(kind),), load_settings()
        on = Operations(settings, user()).snapshot()
        (found,) = select(on, kinds, [name])
        states = read_states(settings) if found.resource.kind == "Connection" else {}
        console().print(description(found, on, states))


def delete(kind: str | None, names: Sequence[str], files: Sequence[str], *, dry_run: bool, keep: bool) -> None:
    """Delete resources, named or in files."""
    with guarded():
        if kind:
            of = kind_of(kind)
            ids = [(of, name) for name in names]
        else:
            documents, mistakes = read_files(files)
            if mistakes:
                raise RefusedError(mistakes)
            ids = identify_all(documents)
        report(Operations(load_settings(), user()).delete(ids, dry_run=dry_run, keep=keep), dry_run=dry_run)
