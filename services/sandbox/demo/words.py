"""Names and short explanations that the demo prints."""

from urllib.parse import unquote

from services.sandbox.demo.expect import Place

WHY = {
    "other_family": "a file in a URL list, or a site in a file-hash list: the other sharing takes it",
    "hash_type_not_supported": "Netskope's file-hash lists take MD5 and SHA-256, not SHA-1",
    "ipv6_not_supported": "Netskope's URL lists take no IPv6",
    "skipped_by_action_table": "Defender remediates files, not sites",
    "host_name_not_supported": "Netskope's URL lists take no host with an underscore; never sent",
    "label_begins_with_underscore": "Defender takes no domain with such a label; never sent",
    "guard_special_address": "the guard keeps back addresses that nobody has outside; never sent",
    "vendor_rejected": "sent, and refused by the vendor; what was sent with it was taken",
    "bad_host": "the alert names a host that means nothing elsewhere; no indicator",
    "ours": "rows we wrote ourselves, recognised by their mark: never reported back",
    "not_recognised": "no indicator: a path without its host, mostly",
    "same_as_another_line": "written differently, the same indicator",
}
"""Reason codes, in a few words."""

_KINDS = {
    "url-list": "URL list ",
    "file-hash-list": "hash list ",
    "destination-profile": "profile ",
    "defender-action": "action ",
}


def title_of(place: Place) -> str:
    """A target with its destination."""
    kind, _, name = place.target.partition(":")
    word = _KINDS.get(kind, "")
    return f"{place.destination}: {word}{unquote(name)}"
