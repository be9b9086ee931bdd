"""State of the partitions that this process owns: encoded indicators, and how far each partition has come.

Kept encoded, because bytes are a third of the size of objects and a report touches only one indicator.
"""

from dataclasses import dataclass, field

from schemas.progress import Progress


@dataclass(slots=True)
class PartitionState:
    """One owned partition. Changes only after the transaction that made the change has committed."""

    number: int
    indicators: dict[bytes, bytes] = field(default_factory=dict)
    progress: Progress = field(default_factory=Progress)

    def commit(self, changed: dict[bytes, bytes], progress: Progress) -> None:
        """Take over what a committed unit of work changed."""
        self.indicators.update(changed)
        self.progress = progress
