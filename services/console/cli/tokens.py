"""The command token: makes a token."""

import re
import sys
from typing import Annotated

import typer

from services.console.auth.people import NAME
from services.console.auth.roles import Role
from services.console.auth.tokens import make
from services.console.cli.errors import EXIT_USAGE, complain

app = typer.Typer()


@app.command()
def token(
    name: Annotated[str, typer.Argument(help="Whose it is: a person, a program, or the source that pushes with it.")],
    role: Annotated[Role | None, typer.Option(help="For the API. None: for a source that pushes.")] = None,
) -> None:
    """Make a token. It is shown once; what is to be kept is its hash."""
    if not re.fullmatch(NAME, name):
        complain(f"{name!r} is no name for a token: letters, digits, _, @ and -, at most 64")
        raise typer.Exit(EXIT_USAGE)
    secret, hash_ = make(name)
    typer.echo(secret)
    if role:
        lines = f"Keep this in the file that IOC_BRIDGE_CONSOLE_TOKENS_FILE names, under `tokens:`:\n  - name: {name}\n"
        lines += f"    role: {role}\n    hash: {hash_}"
    else:
        lines = f"Keep this in the Connection of the source:\n  spec: {{type: api, tokenHash: '{hash_}'}}"
    print(lines, file=sys.stderr)  # noqa: T201  # that is what it is for
