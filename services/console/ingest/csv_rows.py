"""Reads CSV rows one by one, so that an unreadable row does not affect the others.

After an unclosed quote Python's `csv` reads the rest of the file as one cell; here only that row is lost. The first
line determines the separator: comma, semicolon, tab or bar. Blanks around a cell are ignored. Only a cell of
`comments` may span several lines.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from services.console.ingest.raw_items import NOT_UTF8, BadBodyError, RawItem, is_utf8
from services.console.manifests.mistake_texts import suggest

_SEPARATORS = ",;\t|"
_LINE = re.compile(r"\r\n|\n|\r")
_SEPARATOR_LINE = re.compile(r"sep=(.)", re.IGNORECASE)
_SPANNING = frozenset({"comments"})
_LONGEST = 100_000
"""Characters of a row that goes over several lines: ten times what a comment may have."""


class _FlawError(ValueError):
    """A row cannot be read."""


@dataclass(frozen=True, slots=True)
class _Head:
    """The first line: column names and separator."""

    names: Sequence[str]
    separator: str
    after: int
    """How many lines come before the first row."""


def csv_rows(text: str, columns: Collection[str]) -> Iterator[RawItem]:
    """The rows of a table whose first line names its columns. Skips blank lines and lines that begin with #.

    Raises:
        BadBodyError: the first line names an unknown column, a column twice, or no column `value`.

    """
    lines = _LINE.split(text)
    head = _head(lines, columns)
    at = head.after
    while at < len(lines):
        if _is_row(lines[at]):
            try:
                row, following = _row(lines, at, head)
                yield RawItem(at + 1, row)
            except _FlawError as flaw:
                following = at + 1
                yield RawItem(at + 1, flaw=str(flaw))
            at = following
        else:
            at += 1


def _is_row(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _head(lines: Sequence[str], columns: Collection[str]) -> _Head:
    at = next((number for number, line in enumerate(lines) if _is_row(line)), 0)
    if not is_utf8(lines[at]):
        raise BadBodyError(f"line {at + 1} {NOT_UTF8}")
    declared = _SEPARATOR_LINE.fullmatch(lines[at].strip(" "))
    if declared:
        at = next((number for number, line in enumerate(lines) if number > at and _is_row(line)), at)
    found = [
        _Head(names, one, at + 1)
        for one in (declared[1] if declared else _SEPARATORS)
        if (names := _names(lines[at], one))
    ]
    heads = [head for head in found if "value" in head.names]
    if not heads:
        raise BadBodyError(
            f"line {at + 1}: the first line must name the columns, including value, of {', '.join(columns)}"
        )
    head = max(heads, key=lambda one: len(one.names))
    for position, name in enumerate(head.names):
        if name and name not in columns:
            raise BadBodyError(f"line {at + 1}: there is no column {name[:40]!a}; {suggest(name, columns)}")
        if name and name in head.names[:position]:
            raise BadBodyError(f"line {at + 1}: the column {name} is given twice; keep one of the two")
    return head


def _names(line: str, separator: str) -> list[str]:
    """The column names of a first line. Case is ignored; blanks and hyphens count as underscores."""
    try:
        cells, _ = _cells(line, separator)
    except _FlawError:
        return []
    return [re.sub(r"[\s-]+", "_", cell.strip().lower()) for cell in cells]


def _row(lines: Sequence[str], at: int, head: _Head) -> tuple[dict[str, str], int]:
    """The cells of the row that begins in a line, by column, and the line after it."""
    try:
        row, more = _named(lines[at], head)
    except _FlawError:
        if not _leaves_open(lines[at]):
            raise
        row, more = _named(_joined(lines, at), head)
    for name, cell in row.items():
        if "\n" in cell and name not in _SPANNING:
            raise _FlawError('a quote is not closed; close it, and write "" for a quote within quotes')
    return row, at + 1 + more


def _leaves_open(line: str) -> bool:
    return line.count('"') % 2 == 1


def _joined(lines: Sequence[str], at: int) -> str:
    taken, length = list[str](), 0
    for number in range(at, len(lines)):
        length += len(lines[number]) + 1
        if length > _LONGEST:
            break
        taken.append(lines[number])
    return "\n".join(taken)


def _named(text: str, head: _Head) -> tuple[dict[str, str], int]:
    cells, more = _cells(text, head.separator)
    if not is_utf8("".join(cells)):
        raise _FlawError(NOT_UTF8)
    if len(cells) != len(head.names):
        raise _FlawError(
            f"there are {len(cells)} cells, and {len(head.names)} columns in the first line; make them the same"
        )
    row = {name: cell for name, cell in zip(head.names, cells, strict=True) if cell}
    if "" in row:
        raise _FlawError(f"{row[''][:40]!a} is in a column without a name; name the column, or remove the cell")
    return row, more


def _cells(text: str, separator: str) -> tuple[list[str], int]:
    """The cells of the first row of a text, and how many further lines it takes."""
    if '"' not in text:
        return [cell.strip() for cell in text.split(separator)], 0
    quoted, plain = _patterns(separator)
    cells, at = list[str](), 0
    while True:
        found = plain.match(text, at)
        if found is not None and found[0].lstrip().startswith('"'):
            found = quoted.match(text, at)
        if found is None:
            raise _FlawError('a quote is not closed, or stands before more text; write "" for a quote within quotes')
        cells.append(found[1].replace('""', '"') if found.re is quoted else found[0].strip())
        at = found.end()
        if at >= len(text) or text[at] == "\n":
            return cells, text.count("\n", 0, at)
        at += 1


@cache
def _patterns(separator: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    end, blanks = re.escape(separator), "[ \xa0]*" if separator == "\t" else r"[ \t\xa0]*"
    return (
        re.compile(rf'{blanks}"((?:[^"]+|"")*+)"{blanks}(?={end}|\n|\Z)'),
        re.compile(rf"[^{end}\n]*"),
    )
