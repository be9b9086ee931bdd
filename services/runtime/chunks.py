"""Cutting work into vendor-sized or record-sized pieces."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def chunks(items: Sequence[T], size: int) -> Iterator[tuple[T, ...]]:
    """The items in order, in pieces of at most `size`."""
    for start in range(0, len(items), size):
        yield tuple(items[start : start + size])
