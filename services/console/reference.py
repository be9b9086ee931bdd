"""The reference pages of the command line, of the API and of resources, written from what they describe.

`python -m services.console.reference` writes them anew; a test holds the committed pages against it.
"""

from pathlib import Path as FilePath

import typer
from typer.cli import get_docs_for_click

from schemas.resources import KINDS
from services.console import __main__ as command_line
from services.console.api_page import api_page
from services.console.resources_page import resources_page

FOLDER = FilePath(__file__).parents[2] / "docs" / "reference"
HINT = "<!-- Generated: change the source and run `python -m services.console.reference`. -->\n\n"


def pages() -> dict[str, str]:
    """The pages by name of file."""
    return {"cli.md": HINT + _cli_page(), "resources.md": HINT + resources_page(KINDS), "api.md": HINT + api_page()}


def _cli_page() -> str:
    command = typer.main.get_command(command_line.app)
    text = get_docs_for_click(obj=command, ctx=typer.Context(command), name="ioc-bridge")
    return "\n".join(line.rstrip() for line in text.strip().splitlines()) + "\n"


def main() -> None:
    """Write the pages."""
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
