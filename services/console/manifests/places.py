"""Places in files, and mistakes with their places. A mistake prints as one line, place first."""

from dataclasses import dataclass

Path = tuple[str | int, ...]
"""A field of a resource: field names as in the file, and positions in lists from 0."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in a file; line and column count from 1. Line 0 means the file as a whole."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong and what to do, with place and field. `subject` is kind/name, as far as known."""

    message: str
    place: Place | None = None
    subject: str = ""
    path: Path = ()

    def __str__(self) -> str:
        place = str(self.place) if self.place else ""
        return ": ".join(part for part in (place, self.subject, dotted(self.path), self.message) if part)


def dotted(path: Path) -> str:
    """A field's path as text: `spec.types[0]`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return "".join(parts).removeprefix(".")


def in_order(mistakes: list[Mistake]) -> list[Mistake]:
    """Mistakes by file, line and column; those without a place come last."""
    return sorted(mistakes, key=lambda mistake: (mistake.place is None, mistake.place or Place("")))
