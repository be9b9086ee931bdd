"""The mark on entries that we wrote to a vendor. Defender rows carry it as `externalId`.

Pullers never report a marked row: it would return as a statement of the tenant that we wrote it to. Pushers never
delete or overwrite an unmarked row. A mark of any installation counts as ours; the owner part names the installation.
"""

from hashlib import blake2b

PREFIX = "ioc-bridge:"


def owner(*parts: str) -> str:
    """A short name for one writer (cluster, topic prefix, connection), the same in every process."""
    return blake2b("\x1f".join(parts).encode(), digest_size=4).hexdigest()


def marker(owner_name: str, indicator_id: str) -> str:
    """The mark of `owner_name` for an indicator. Its length does not depend on the indicator."""
    stamp = blake2b(indicator_id.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return f"{PREFIX}{owner_name}:{stamp}"


def is_ours(mark: object) -> bool:
    """Whether a vendor's field holds a mark, of any installation."""
    return isinstance(mark, str) and mark.startswith(PREFIX)


def is_of(mark: object, owner_name: str) -> bool:
    """Whether a vendor's field holds a mark of this owner."""
    return isinstance(mark, str) and mark.startswith(f"{PREFIX}{owner_name}:")
