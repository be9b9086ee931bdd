"""The Faust store of the router: it tells the router which partitions it has, and Faust that nothing is to recover.

Faust's own recovery reads one record at a time, and would wait for ever for an event at an offset that a transaction
marker holds; so it must find nothing to do.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from faust.stores import STORES, memory

URL = "router://"
STORES.aliases["router"] = "services.router.engine.store:Store"

Rebalanced = Callable[[set[int]], Awaitable[dict[int, int]]]
"""Called with the partitions now owned; returns the changelog end of each."""


class Store(memory.Store[bytes, bytes]):
    """Holds no data itself: partitions keep theirs."""

    logger = logging.getLogger("faust.stores")
    changelog: str
    rebalanced: Rebalanced

    def __post_init__(self) -> None:
        """Begin with no partitions."""
        super().__post_init__()
        self._ends: dict[int, int] = {}

    def persisted_offset(self, tp: Any) -> int | None:  # noqa: ANN401  # Faust's TP
        """The last changelog offset that is in the state already: all of them."""
        end = self._ends.get(tp.partition)
        return end - 1 if end else None

    def set_persisted_offset(self, tp: Any, offset: int) -> None:  # noqa: ANN401  # Faust's TP
        """Only taking over moves the offset."""

    async def on_rebalance(self, assigned: Any, *_: Any) -> None:  # noqa: ANN401  # sets of Faust's TP
        """Take over what is assigned, before Faust seeks or recovers anything."""
        self._ends = await self.rebalanced({tp.partition for tp in assigned if tp.topic == self.changelog})
