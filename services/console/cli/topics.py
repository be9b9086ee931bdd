"""The verbs on topics: arguments and help. What they do is imported when one runs."""

import typer

topics = typer.Typer(help="The topics of this installation.", no_args_is_help=True)


@topics.command()
def apply() -> None:
    """Create what is missing and check the rest; nothing that exists is changed."""
    from services.console.doing.topics import run

    run(change=True)


@topics.command()
def check() -> None:
    """Compare the topics with what they should be."""
    from services.console.doing.topics import run

    run(change=False)
