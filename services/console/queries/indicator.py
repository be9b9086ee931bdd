"""Which indicator a person means: an id (`domain:evil.example`), or a value in any spelling."""

from schemas.canonical import Canonical, canonicalise
from schemas.types import IndicatorType


def identify(said: str) -> Canonical:
    """The indicator. As the router reads it: `url://…` is a value, `url:…` an id. Raises Refused."""
    kind, _, value = said.partition(":")
    if kind in tuple(IndicatorType) and not value.startswith("//"):
        return canonicalise(value, IndicatorType(kind))
    return canonicalise(said)
