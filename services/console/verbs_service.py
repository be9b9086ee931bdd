"""The verbs around the service: arguments and help. What they do is imported when one runs."""

from typing import Annotated

import typer

from services.console.roles import Role


def serve() -> None:
    """Serve the HTTP API until asked to leave. Settings that begin with IOC_BRIDGE_CONSOLE_ are its own."""
    from services.console.serving import serve as run

    run()


def token(
    name: Annotated[str, typer.Argument(help="Whose it is: a person, a program, or the source that pushes with it.")],
    role: Annotated[Role | None, typer.Option(help="For the API. None: for a source that pushes.")] = None,
) -> None:
    """Make a token. It is shown once; what is to be kept is its hash."""
    from services.console.making_tokens import make_token

    make_token(name, role)


def add_to(app: typer.Typer) -> None:
    """Add the verbs to a command line."""
    for verb in (serve, token):
        app.command()(verb)
