"""Places in files, and mistakes with their places. A mistake prints as one line, place first."""

from dataclasses import dataclass

_LONGEST_NAME = 80
Path = tuple[str | int, ...]
"""A field of a resource: field names as in the file, and positions in lists from 0."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in a file; line and column count from 1. Line 0 means the file as a whole."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        file = printable(self.file)
        return f"{file}:{self.line}:{self.column}" if self.line else file


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong and what to do, with place and field. `subject` is kind/name, as far as known."""

    message: str
    place: Place | None = None
    subject: str = ""
    path: Path = ()

    def __post_init__(self) -> None:
        """Escape what a terminal or UTF-8 cannot write, whatever a file has as the name of a field."""
        object.__setattr__(self, "message", printable(self.message))
        object.__setattr__(self, "subject", printable(self.subject))

    def __str__(self) -> str:
        place = str(self.place) if self.place else ""
        return ": ".join(part for part in (place, self.subject, dotted(self.path), self.message) if part)


def dotted(path: Path) -> str:
    """A field's path as text: `spec.types[0]`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{printable(part)[:_LONGEST_NAME]}" for part in path)
    return "".join(parts).removeprefix(".")


def printable(text: str) -> str:
    """The text with escapes for control characters and for halves of surrogate pairs, on one line."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def in_order(mistakes: list[Mistake]) -> list[Mistake]:
    """Mistakes by file, line and column; those without a place come last."""
    return sorted(mistakes, key=lambda mistake: (mistake.place is None, mistake.place or Place("")))
