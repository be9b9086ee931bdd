"""The partition of an indicator. All services that write or route by indicator must use these functions."""

from zlib import crc32


def partition_of(indicator_id: str, partitions: int) -> int:
    """The partition of an indicator among `partitions`."""
    return partition_of_key(indicator_id.encode("utf-8", "surrogatepass"), partitions)


def partition_of_key(key: bytes, partitions: int) -> int:
    """The partition of the indicator with this id, as it is on the wire, among `partitions`."""
    return crc32(key) % partitions
