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
    name: Annotated[str, typer.Argument(help="Name of the person, program or pushing source that uses it.")],
    role: Annotated[Role | None, typer.Option(help="Role at the API. Without it: a source that pushes.")] = None,
) -> None:
    """Make a token. It is printed once; keep only its hash in the configuration."""
    if not re.fullmatch(NAME, name):
        complain(f"{name!r} is not a name for a token: use at most 64 letters, digits, _, @ and -")
        raise typer.Exit(EXIT_USAGE)
    secret, hash_ = make(name)
    typer.echo(secret)
    if role:
        lines = f"Keep this in the file that IOC_BRIDGE_CONSOLE_TOKENS_FILE names, under `tokens:`:\n  - name: {name}\n"
        lines += f"    role: {role}\n    hash: {hash_}"
    else:
        lines = f"Keep this in the Connection of the source:\n  spec: {{type: api, tokenHash: '{hash_}'}}"
    print(lines, file=sys.stderr)  # noqa: T201  # instructions; standard output has the token alone
