"""The verbs on topics: arguments and help. What they do is imported when one runs."""

import typer

from services.console.cli.asking import Output
from services.console.cli.output.forms import Form

topics = typer.Typer(help="The topics of this installation.", no_args_is_help=True)


@topics.command()
def apply(output: Output = Form.TABLE) -> None:
    """Create what is missing and check the rest; nothing that exists is changed."""
    from services.console.doing.topics import run

    run(output, change=True)


@topics.command()
def check(output: Output = Form.TABLE) -> None:
    """Compare the topics with what they should be: every setting that matters, right or wrong, with what to do."""
    from services.console.doing.topics import run

    run(output, change=False)
