"""Options and arguments that several commands share."""

from typing import Annotated

import typer

from services.console.cli.output.forms import Form

FILES_HELP = "A file, a folder with all YAML and JSON files below it, or - for standard input. May be repeated."
Output = Annotated[Form, typer.Option("--output", "-o", help="Format of the output.")]
Since = Annotated[
    str | None, typer.Option(help="Only indicators last seen since: how long ago (4h, 7d), or a time. Without it: all.")
]
Lines = Annotated[int, typer.Option(min=0, max=1000, help="Entries to list for each partition of the router.")]
Timeout = Annotated[float, typer.Option(min=0.1, help="Seconds to wait for the router.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="Greatest number of rows.")]
