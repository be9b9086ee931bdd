"""The reference pages of the command line, of the HTTP API and of resources. `make docs` writes them."""

import sys

import typer
from typer.cli import get_docs_for_click

from docs.tooling.api import api_page
from docs.tooling.pages import Page, main
from docs.tooling.resources import resources_page
from schemas.resources import KINDS
from services.console import __main__ as command_line


def _cli_page() -> str:
    command = typer.main.get_command(command_line.app)
    text = get_docs_for_click(obj=command, ctx=typer.Context(command), name="ioc-bridge")
    lines = [line.rstrip() for line in text.strip().splitlines()]
    return "\n".join(lines[1:])  # the page brings its own title


PAGES = [
    Page("cli.md", "Command line", "services/console", _cli_page),
    Page("api.md", "The HTTP API", "services/console/api", api_page),
    Page("resources.md", "Resources", "the models in schemas/resources", lambda: resources_page(KINDS)),
]

if __name__ == "__main__":
    sys.exit(main(PAGES))
