"""Ids of targets as people read and write them: `url-list:Blocked by us` for what is `url-list:Blocked%20by%20us`.

Keys in Kafka need the encoded form, since names may hold a slash. Both forms are understood wherever one is asked for.
"""

import re
from urllib.parse import quote, unquote

from schemas.vendors.registry import TARGETS


def readable(target_id: str) -> str:
    """A target id for a person; as it is where that would be read as another one, and any other text as it is."""
    plain = unquote(target_id)
    return plain if plain.isprintable() and target_id_of(plain) == target_id else target_id


def target_id_of(said: str) -> str:
    """The id that a person means, in either form; any other text as it is."""
    kind, _, name = said.partition(":")
    target = TARGETS.get(kind)
    plain = target.id_punctuation if target else ""
    if target is None or re.fullmatch(rf"(?:[A-Za-z0-9_.~{plain}-]|%[0-9A-F]{{2}})*", name):
        return said
    return f"{kind}:{quote(name, safe=plain)}"
