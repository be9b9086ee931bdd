"""The commands apply, get, describe and delete."""

from typing import Annotated

import typer

from services.console.audit import user
from services.console.cli.errors import guarded
from services.console.cli.options import FILES_HELP
from services.console.cli.output.forms import Form
from services.console.cli.output.resources import report, show, warn_of_unreadable
from services.console.cli.output.tables import console, description
from services.console.manifests.files import read_files
from services.console.queries.states import read_states
from services.console.resources.kinds import kind_of, kinds_of
from services.console.resources.operations import Operations, identify_all, select
from services.console.resources.planning import RefusedError
from services.runtime.settings import load_settings

app = typer.Typer()


def _complete_kind(incomplete: str) -> list[str]:
    from services.console.resources.kinds import EVERY, PLURALS

    return [word for word in (*PLURALS, EVERY) if word.startswith(incomplete.lower())]


_KIND_HELP = "The kind, in singular or plural, for example sharings."
Kind = Annotated[str, typer.Argument(metavar="KIND", help=_KIND_HELP, autocompletion=_complete_kind)]
KindOrAll = Annotated[
    str, typer.Argument(metavar="KIND", help=f"{_KIND_HELP} `all` is every kind.", autocompletion=_complete_kind)
]
Names = Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Names. Without one: all of the kind.")]
Files = Annotated[list[str], typer.Option("--filename", "-f", metavar="FILE", help=FILES_HELP)]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Check everything and print what would change. Change nothing.")
]


@app.command()
def apply(filename: Files, dry_run: DryRun = False) -> None:
    """Create and change resources as files state: all, or none if there is a mistake.

    Every mistake in every file is reported with its place. Missing topics of destinations are created. A change takes
    effect at once.
    """
    with guarded():
        operations = Operations(load_settings(), user())
        documents, mistakes = read_files(filename)
        report(operations.apply(documents, mistakes, dry_run=dry_run), dry_run=dry_run)


@app.command()
def get(
    kind: KindOrAll,
    names: Names = None,
    output: Annotated[Form, typer.Option("--output", "-o", help="Format of the output.")] = Form.TABLE,
) -> None:
    """List resources. The output of yaml and json can be applied again."""
    chosen = names or []
    with guarded():
        kinds, settings = kinds_of(kind), load_settings()
        on = Operations(settings, user()).snapshot()
        warn_of_unreadable(on)
        found = select(on, kinds, chosen)
        has_states = output in (Form.TABLE, Form.WIDE) and any(one.resource.kind == "Connection" for one in found)
        states = read_states(settings) if has_states else {}
        show(found, on, output, states, single=len(chosen) == 1 and len(kinds) == 1)


@app.command()
def describe(kind: Kind, name: Annotated[str, typer.Argument(help="Name of the resource.")]) -> None:
    """Show everything about one resource: every field, whether it is in force, and what refers to it."""
    with guarded():
        kinds, settings = (kind_of(kind),), load_settings()
        on = Operations(settings, user()).snapshot()
        (found,) = select(on, kinds, [name])
        states = read_states(settings) if found.resource.kind == "Connection" else {}
        console().print(description(found, on, states))


@app.command()
def delete(
    kind: Annotated[str | None, typer.Argument(metavar="KIND", help=_KIND_HELP, autocompletion=_complete_kind)] = None,
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Names.")] = None,
    filename: Annotated[
        list[str] | None, typer.Option("--filename", "-f", metavar="FILE", help=f"Resources in files. {FILES_HELP}")
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Sharings only: leave their entries at the vendors, as no longer ours")
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """Delete resources, by kind and names or those in files: all of them, or none.

    A resource that others refer to is deleted only together with them. Entries that nothing else desires are withdrawn.
    """
    if bool(filename) == bool(kind) or bool(kind) != bool(names):
        raise typer.BadParameter("name a kind and at least one name, or files with -f")
    with guarded():
        if kind:
            of = kind_of(kind)
            ids = [(of, name) for name in names or []]
        else:
            documents, mistakes = read_files(filename or [])
            if mistakes:
                raise RefusedError(mistakes)
            ids = identify_all(documents)
        report(Operations(load_settings(), user()).delete(ids, dry_run=dry_run, keep=keep), dry_run=dry_run)
