"""Writes rows to standard output in the requested format, for every command that lists."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import typer
import yaml
from rich.box import SIMPLE_HEAD
from rich.table import Table

from services.console.cli.errors import complain
from services.console.cli.output.forms import Form
from services.console.cli.output.tables import console, text
from services.console.cli.output.targets import readable

Row = Mapping[str, Any]
_OF_TARGETS = ("target", "targets", "subject")
"""Columns with ids of targets; `subject` also has others."""


@dataclass(frozen=True, slots=True)
class Listing:
    """How rows are shown: the columns of a table, the additional ones of a wide table, and the name of a row."""

    columns: Sequence[str]
    wide: Sequence[str]
    name: Callable[[Row], str]
    title: str | None = None
    none: str = "there is none"
    """The text for an empty list."""


def write(rows: Sequence[Row], listing: Listing, form: Form, whole: object = None) -> None:
    """Write rows. JSON and YAML write `whole` instead if it is given, which may have more than the rows."""
    match form:
        case Form.NAME:
            for row in rows:
                typer.echo(listing.name(row))
        case Form.JSON:
            typer.echo(json.dumps(list(rows) if whole is None else whole, indent=2, ensure_ascii=False))
        case Form.YAML:
            document = [dict(row) for row in rows] if whole is None else whole
            typer.echo(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=10_000), nl=False)
        case Form.TABLE | Form.WIDE if not rows:
            complain(listing.none)
        case Form.TABLE | Form.WIDE:
            if listing.title:
                typer.echo()
            console().print(_table(rows, listing, wide=form is Form.WIDE))


def _table(rows: Sequence[Row], listing: Listing, *, wide: bool) -> Table:
    columns = [*listing.columns, *(listing.wide if wide else ())]
    table = Table(title=listing.title, title_justify="left", box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in columns:
        number = all(isinstance(row.get(column), int) and not isinstance(row.get(column), bool) for row in rows)
        table.add_column(column.replace("_", " "), justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row.get(column), column) for column in columns))
    return table


def _cell(value: object, column: str) -> str:
    if column not in _OF_TARGETS:
        return text(value)
    return text([readable(one) for one in value] if isinstance(value, list) else readable(text(value)))
