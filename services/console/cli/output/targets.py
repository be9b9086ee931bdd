"""Ids of targets in readable form: `url-list:Blocked by us` for `url-list:Blocked%20by%20us`.

Keys in Kafka need the encoded form, since names may have a slash. Commands and the API accept both forms.
"""

import re
from urllib.parse import quote, unquote

from schemas.vendors.registry import TARGETS


def readable(target_id: str) -> str:
    """The readable form of a target id. Other text is unchanged, and an id whose readable form is ambiguous."""
    plain = unquote(target_id)
    return plain if plain.isprintable() and target_id_of(plain) == target_id else target_id


def target_id_of(text: str) -> str:
    """The encoded target id of either form. Other text is unchanged."""
    kind, _, name = text.partition(":")
    target = TARGETS.get(kind)
    plain = target.id_punctuation if target else ""
    if target is None or re.fullmatch(rf"(?:[A-Za-z0-9_.~{plain}-]|%[0-9A-F]{{2}})*", name):
        return text
    return f"{kind}:{quote(name, safe=plain)}"
