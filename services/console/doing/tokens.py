"""`token`: a token on standard output, and on standard error what to keep of it and where."""

import re
import sys

import typer

from services.console.auth.people import NAME
from services.console.auth.roles import Role
from services.console.auth.tokens import make
from services.console.cli.errors import EXIT_USAGE, complain


def make_token(name: str, role: Role | None) -> None:
    """Make a token for a name.

    Raises:
        typer.Exit: it is no name.

    """
    if not re.fullmatch(NAME, name):
        complain(f"{name!r} is no name for a token: letters, digits, _, @ and -, at most 64")
        raise typer.Exit(EXIT_USAGE)
    token, hash_ = make(name)
    typer.echo(token)
    if role:
        lines = f"Keep this in the file that IOC_BRIDGE_CONSOLE_TOKENS_FILE names, under `tokens:`:\n  - name: {name}\n"
        lines += f"    role: {role}\n    hash: {hash_}"
    else:
        lines = f"Keep this in the Connection of the source:\n  spec: {{type: api, tokenHash: '{hash_}'}}"
    print(lines, file=sys.stderr)  # noqa: T201  # that is what it is for
