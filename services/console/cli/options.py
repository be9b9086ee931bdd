"""Options and arguments that several commands share."""

from typing import Annotated

import typer

from services.console.cli.output.forms import Form

FILES_HELP = "A file, a folder with all YAML and JSON files below it, or - for standard input. May be repeated."
Output = Annotated[Form, typer.Option("--output", "-o", help="How to write it.")]
Since = Annotated[
    str | None, typer.Option(help="Only what was last seen since: how long ago (4h, 7d) or a time. None: all time.")
]
Lines = Annotated[int, typer.Option(min=0, max=1000, help="Entries to list, of each of the router's partitions.")]
Timeout = Annotated[float, typer.Option(min=0.1, help="How long to wait for the router, seconds.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="Rows at most.")]
