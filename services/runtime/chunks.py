"""Chunks: sequences cut to the size of a vendor call or a Kafka record."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def chunks(items: Sequence[T], size: int) -> Iterator[tuple[T, ...]]:
    """Yield the items in order, in pieces of at most `size`."""
    for start in range(0, len(items), size):
        yield tuple(items[start : start + size])


def bounded_chunks(
    items: Iterable[T], most: int, most_bytes: int, length: Callable[[T], int]
) -> Iterator[tuple[T, ...]]:
    """Yield the items in order, in pieces of at most `most` items and `most_bytes` bytes; a longer item goes alone."""
    piece: list[T] = []
    size = 0
    for item in items:
        bytes_ = length(item)
        if piece and (len(piece) == most or size + bytes_ > most_bytes):
            yield tuple(piece)
            piece, size = [], 0
        piece.append(item)
        size += bytes_
    if piece:
        yield tuple(piece)
