"""The verbs around the service: arguments and help. What they do is imported when one runs."""

from typing import Annotated

import typer

from services.console.auth.roles import Role
from services.console.cli.output.forms import Form

Output = Annotated[Form, typer.Option("--output", "-o", help="How to write it.")]


def serve() -> None:
    """Serve the HTTP API until asked to leave. Settings that begin with IOC_BRIDGE_CONSOLE_ are its own."""
    from services.console.serving import serve as run

    run()


def token(
    name: Annotated[str, typer.Argument(help="Whose it is: a person, a program, or the source that pushes with it.")],
    role: Annotated[Role | None, typer.Option(help="For the API. None: for a source that pushes.")] = None,
) -> None:
    """Make a token. It is shown once; what is to be kept is its hash."""
    from services.console.doing.tokens import make_token

    make_token(name, role)


def check(
    names: Annotated[list[str] | None, typer.Argument(metavar="CONNECTION", help="Names; none means all.")] = None,
    output: Output = Form.TABLE,
) -> None:
    """Check every connection against the live API of its vendor: token, roles, scopes. Nothing there is changed."""
    from services.console.doing import looking

    looking.check(names or [], output)


def push(
    source: Annotated[str, typer.Argument(help="The Connection of type api that the indicators come from.")],
    filename: Annotated[
        list[str], typer.Option("--filename", "-f", metavar="FILE", help="A .json, .ndjson or .csv file.")
    ],
    output: Output = Form.TABLE,
) -> None:
    """Push indicators from files to an API source. What is accepted is safe; the same may be pushed again."""
    from services.console.doing import looking

    looking.push(source, filename, output)


def add_to(app: typer.Typer) -> None:
    """Add the verbs to a command line."""
    for verb in (serve, token, check, push):
        app.command()(verb)
