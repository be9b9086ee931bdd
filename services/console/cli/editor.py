"""A text in somebody's own editor, which never loses what was written there."""

from tempfile import NamedTemporaryFile

import click


class NoEditorError(Exception):
    """There is no editor to write in."""


def in_editor(before: str) -> str | None:
    """What became of a text in $EDITOR; None where nothing did.

    Raises:
        NoEditorError: it cannot be started, or ended with an error.

    """
    try:
        after = click.edit(before, extension=".json")
    except click.ClickException as error:
        text = f"{error.format_message()}; set EDITOR to one that is there, or give --set or --file"
        raise NoEditorError(text) from error
    return None if after is None or after.strip() == before.strip() else after


def kept(text: str) -> str:
    """Keep a text that has a mistake in it; returns what to do with it."""
    with NamedTemporaryFile("w", suffix=".json", delete=False, encoding="utf-8") as file:
        file.write(text)
    return f"what you wrote is in {file.name}; mend it, and: --file {file.name}"
