"""How large a list or profile is, beside how large it may get: for whoever watches it fill up."""

from schemas.vendors.netskope import DestinationProfile, FileHashList, UrlList
from services.push_netskope.url_lists.plan import MEGABYTE
from services.runtime.observability.metrics import LIST_BYTES, LIST_BYTES_LIMIT, PROFILE_VALUES, PROFILE_VALUES_LIMIT


def show_size(connection: str, target: UrlList | FileHashList, size: int) -> None:
    """Note the size of a list as it was just written or read, bytes; of several, the size of all together."""
    lists = len(target.lists) if isinstance(target, UrlList) else 1
    LIST_BYTES.labels(connection, target.id).set(size)
    LIST_BYTES_LIMIT.labels(connection, target.id).set(lists * target.size_mb * MEGABYTE)


def show_values(connection: str, target: DestinationProfile, size: int, capacity: int) -> None:
    """Note how many values a profile holds as it was just written or read, and how many it may."""
    PROFILE_VALUES.labels(connection, target.id).set(size)
    PROFILE_VALUES_LIMIT.labels(connection, target.id).set(capacity)
