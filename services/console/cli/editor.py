"""Edits a text in the user's editor, without losing it after a mistake."""

from tempfile import NamedTemporaryFile

import click


class NoEditorError(Exception):
    """The editor cannot be started, or failed."""


def in_editor(before: str) -> str | None:
    """The text after editing in $EDITOR; None if it is unchanged.

    Raises:
        NoEditorError: the editor cannot be started, or ended with an error.

    """
    try:
        after = click.edit(before, extension=".json")
    except click.ClickException as error:
        text = f"{error.format_message()}; set EDITOR to an installed one, or use --set or --file"
        raise NoEditorError(text) from error
    return None if after is None or after.strip() == before.strip() else after


def kept(text: str) -> str:
    """Save a text with a mistake to a file. Returns a line that says where it is and what to do."""
    with NamedTemporaryFile("w", suffix=".json", delete=False, encoding="utf-8") as file:
        file.write(text)
    return f"what you wrote is in {file.name}; correct it, and use: --file {file.name}"
