"""The verbs on dead letters: arguments and help. What they do is imported when one runs."""

from typing import Annotated

import typer

from schemas.resolution_state import ResolutionState
from services.console.cli.asking import Output
from services.console.cli.output.forms import Form

deadletters = typer.Typer(
    help="Records that no service could decode: look at them, edit them, and produce them again or drop them.",
    no_args_is_help=True,
)
_Id = Annotated[str, typer.Argument(metavar="ID", help="As `list` shows it: <topic>@<partition>:<offset>.")]
_TOPIC_HELP = "Only from this topic, with or without the prefix: reports."


@deadletters.command("list")
def list_(
    topic: Annotated[str | None, typer.Option(help=_TOPIC_HELP)] = None,
    service: Annotated[str | None, typer.Option(help="Only those that this service set aside.")] = None,
    state: Annotated[ResolutionState | None, typer.Option(help="Only in this state.")] = None,
    since: Annotated[str | None, typer.Option(help="Only set aside since: how long ago (4h, 7d) or a time.")] = None,
    output: Output = Form.TABLE,
) -> None:
    """List dead letters, the oldest first, with what was made of each."""
    from services.console.cli import deadletters_actions
    from services.console.cli.errors import guarded
    from services.console.cli.output.when import since as moment
    from services.console.deadletters.reader import Only

    with guarded():
        deadletters_actions.list_(Only(topic, service, state, moment(since)), output)


@deadletters.command()
def show(id_: _Id, output: Output = Form.TABLE) -> None:
    """Show everything about a dead letter: where it came from, why it could not be read, what to do, its payload."""
    from services.console.cli import deadletters_actions

    deadletters_actions.show_one(id_, output)


@deadletters.command()
def edit(
    id_: _Id,
    file: Annotated[
        str | None,
        typer.Option("--file", "-f", metavar="FILE", help="The whole payload, as JSON; - is standard input."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="Set a field: reports.0.severity=high. May be repeated."),
    ] = None,
) -> None:
    """Put another payload in the place of a dead letter's own; a replay produces that. Without an option: in $EDITOR.

    It must be a record that services of this version can read. The original is kept as well.
    """
    if file and set_:
        raise typer.BadParameter("give --file or --set, not both")
    from services.console.cli import deadletters_actions

    deadletters_actions.edit(id_, file, set_ or [])


@deadletters.command()
def replay(
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID", help="As `list` shows them.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="All that are open, or those of --topic.")] = False,
    topic: Annotated[str | None, typer.Option(help=f"With --all: {_TOPIC_HELP[0].lower()}{_TOPIC_HELP[1:]}")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also once more, and also where something newer would be undone.")
    ] = False,
) -> None:
    """Produce dead letters again where they came from, with the key and the headers they had.

    What was replayed before, or would undo something newer, is left as it is and told with the reason.
    """
    if bool(ids) == all_ or (topic and not all_) or (force and all_):
        raise typer.BadParameter("name dead letters, or all of them with --all (and --topic); --force only those named")
    from services.console.cli import deadletters_actions
    from services.console.deadletters.reader import Only

    deadletters_actions.replay(ids or [], Only(topic) if all_ else None, force=force)


@deadletters.command()
def drop(
    ids: Annotated[list[str], typer.Argument(metavar="ID", help="As `list` shows them.")],
    reason: Annotated[str, typer.Option(help="Why, for those who come after.")] = "",
) -> None:
    """Let dead letters be. They are kept as long as any, with who dropped them and why."""
    from services.console.cli import deadletters_actions

    deadletters_actions.drop(ids, reason)
