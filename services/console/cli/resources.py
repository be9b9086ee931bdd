"""The verbs on resources: arguments and help. What they do is imported when one runs, so that help comes at once."""

from typing import Annotated

import typer

from services.console.cli.output.forms import Form


def _complete_kind(incomplete: str) -> list[str]:
    from services.console.resources.kinds import EVERY, PLURALS

    return [word for word in (*PLURALS, EVERY) if word.startswith(incomplete.lower())]


_KIND_HELP = "The kind, in singular or plural, for example sharings."
Kind = Annotated[str, typer.Argument(metavar="KIND", help=_KIND_HELP, autocompletion=_complete_kind)]
KindOrAll = Annotated[
    str, typer.Argument(metavar="KIND", help=f"{_KIND_HELP} `all` is every kind.", autocompletion=_complete_kind)
]
Names = Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Names; none means all of the kind.")]
FILES_HELP = "A file, a folder with all YAML and JSON files below it, or - for standard input. May be repeated."
Files = Annotated[list[str], typer.Option("--filename", "-f", metavar="FILE", help=FILES_HELP)]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check everything and say what would be done, but do nothing.")]


def apply(filename: Files, dry_run: DryRun = False) -> None:
    """Make resources as files say: all of them, or none if anything is wrong.

    Every mistake of every file is reported with its place. The topics of destinations are created. A change takes
    effect at once.
    """
    from services.console.doing import resources as doing

    doing.apply(filename, dry_run=dry_run)


def get(
    kind: KindOrAll,
    names: Names = None,
    output: Annotated[Form, typer.Option("--output", "-o", help="How to write them.")] = Form.TABLE,
) -> None:
    """List resources. What yaml and json write can be applied again."""
    from services.console.doing import resources as doing

    doing.get(kind, names or [], output)


def describe(kind: Kind, name: Annotated[str, typer.Argument(help="Its name.")]) -> None:
    """Show everything about one resource: every field, whether it is in force, and what refers to it."""
    from services.console.doing import resources as doing

    doing.describe(kind, name)


def delete(
    kind: Annotated[str | None, typer.Argument(metavar="KIND", help=_KIND_HELP, autocompletion=_complete_kind)] = None,
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Names.")] = None,
    filename: Annotated[
        list[str] | None, typer.Option("--filename", "-f", metavar="FILE", help=f"Those in files. {FILES_HELP}")
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Sharings only: leave at the vendors what they put there; it is none of ours")
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """Delete resources, by kind and names or those in files: all of them, or none.

    A resource that others refer to is deleted only together with them. What only it wanted is withdrawn at the vendors.
    """
    if bool(filename) == bool(kind) or bool(kind) != bool(names):
        raise typer.BadParameter("name a kind and at least one name, or files with -f")
    from services.console.doing import resources as doing

    doing.delete(kind, names or [], filename or [], dry_run=dry_run, keep=keep)


def add_to(app: typer.Typer) -> None:
    """Add the verbs to a command line."""
    for verb in (apply, get, describe, delete):
        app.command()(verb)
