"""Metrics of the sizes of lists and profiles, and of their limits."""

from schemas.vendors.netskope import DestinationProfile, FileHashList, UrlList
from services.push_netskope.url_lists.plan import MEGABYTE
from services.runtime.observability.metrics import LIST_BYTES, LIST_BYTES_LIMIT, PROFILE_VALUES, PROFILE_VALUES_LIMIT


def show_size(connection: str, target: UrlList | FileHashList, size: int) -> None:
    """Set the size of a list just written or read, in bytes; for several lists, the sum."""
    lists = len(target.lists) if isinstance(target, UrlList) else 1
    LIST_BYTES.labels(connection, target.id).set(size)
    LIST_BYTES_LIMIT.labels(connection, target.id).set(lists * target.size_mb * MEGABYTE)


def show_values(connection: str, target: DestinationProfile, size: int, capacity: int) -> None:
    """Set the number of values of a profile just written or read, and its limit."""
    PROFILE_VALUES.labels(connection, target.id).set(size)
    PROFILE_VALUES_LIMIT.labels(connection, target.id).set(capacity)
