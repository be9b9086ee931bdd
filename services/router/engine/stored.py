"""Stored indicators: decoding, and where entries of an undecodable one may be. Pure."""

from collections.abc import Iterator

import orjson

from schemas.indicator import Indicator
from schemas.record import UndecodableError
from schemas.types import IndicatorType, Severity
from services.router.evaluation.compile import CompiledPolicy, ResolvedTarget

Place = tuple[str, str]
"""A destination and a target id."""


class StoredError(Exception):
    """A stored indicator is undecodable. The report or request that refers to it is not at fault."""

    def __init__(self, key: bytes, raw: bytes, why: UndecodableError) -> None:
        super().__init__(f"the stored indicator {key.decode(errors='replace')} is undecodable: {why}")
        self.key = key
        self.raw = raw


def read_stored(key: bytes, raw: bytes) -> Indicator:
    """Decode a stored indicator.

    Raises:
        StoredError: the indicator is undecodable.

    """
    try:
        return Indicator.decode(raw)
    except UndecodableError as error:
        raise StoredError(key, raw, error) from error


def possible_places(key: bytes, raw: bytes, policy: CompiledPolicy) -> set[Place]:
    """Return where entries of an undecodable indicator may be: all targets of the policy, and its readable ones."""
    return {*_routed(key, policy), *_stored(raw, policy)}


def _routed(key: bytes, policy: CompiledPolicy) -> Iterator[Place]:
    kind = key.decode(errors="replace").partition(":")[0]
    if kind not in tuple(IndicatorType):
        return
    for routes in (policy.ended, *policy.routes.values()):
        for route in routes:
            for severity in Severity:
                if isinstance(resolved := route.resolved(IndicatorType(kind), severity), ResolvedTarget):
                    yield resolved.destination, resolved.target_id


def _stored(raw: bytes, policy: CompiledPolicy) -> Iterator[Place]:
    try:
        desired = orjson.loads(raw)["desired"]
        for name in desired:
            destination, _, target_id = name.partition("/")
            if target_id and destination in policy.policy.connections:  # others may have no topic any more
                yield destination, target_id
    except (ValueError, LookupError, TypeError, AttributeError):
        return
