"""The same indicators block the same hosts at both vendors, by what each of the sandbox tenants would block.

Exceptions that docs/decisions/0034-subdomains.md names: schemes, which Netskope ignores, and what lies below a path. So
what is asked is whether the front page of a host is blocked.
"""

from hypothesis import given
from hypothesis import strategies as st

from schemas.record import Reason
from schemas.targets import Target
from schemas.vendors.netskope import DestinationProfile, UrlList
from services.push_defender.render import TYPES, value_of
from services.push_netskope.list_entries import entries_of
from services.push_netskope.render import WildcardUrlList, form_of
from services.sandbox.defender.blocking import concerns
from services.sandbox.netskope.blocking import matches_exact, matches_pattern
from services.sandbox.netskope.urlsyntax import destination_reason, exact_reason, regex_reason
from tests.pushing import BLOCK, COVERING, entry

PROFILE = DestinationProfile(kind="destination-profile", name="p")
PATTERNS = UrlList(kind="url-list", name="p", match="regex")
WILDCARDS = WildcardUrlList.model_validate(COVERING.model_dump())
LABEL = st.sampled_from(["a", "b", "evil", "xn--bcher-kva", "not-evil"])
HOST = st.builds(lambda labels, top: ".".join([*labels, top]), st.lists(LABEL, min_size=1, max_size=3),
                 st.sampled_from(["example", "evil.example"]))  # fmt: skip
URL = st.builds("{}://{}{}{}".format, st.sampled_from(["http", "https"]), HOST, st.sampled_from(["", ":8080"]),
                st.sampled_from(["/", "/evil.example", "/a?b=evil.example"]))  # fmt: skip
ADDRESS = st.sampled_from(["198.51.100.7", "203.0.113.9"])
VALUES = st.lists(st.one_of(HOST, HOST, URL, ADDRESS), max_size=5)
HOSTS = st.lists(st.one_of(HOST, ADDRESS), min_size=1, max_size=5)


def at_netskope(values: list[str], target: Target) -> list[str]:
    forms = [form_of(entry(value, target), target) for value in values]
    assert not any(isinstance(form, Reason) for form in forms)
    return [entry for form in forms for entry in entries_of(str(form))]


@given(VALUES, HOSTS, st.booleans())
def test_what_defender_blocks_netskope_blocks_and_nothing_else(
    values: list[str],
    hosts: list[str],
    covers: bool,  # what hypothesis draws
) -> None:
    rows = [(TYPES[one.type], value_of(one)) for one in (entry(value, BLOCK) for value in values)]
    expected = {host for host in hosts if concerns(rows, host)}
    entries = at_netskope(values, COVERING)
    assert not any(map(exact_reason, entries))
    assert {host for host in hosts if matches_exact(entries, host, covers_apex=covers)} == expected
    entries = at_netskope(values, WILDCARDS)
    assert {host for host in hosts if matches_exact(entries, host, covers_apex=True)} == expected
    entries = at_netskope(values, PROFILE)
    assert not any(map(destination_reason, entries))
    assert {host for host in hosts if matches_exact(entries, host, covers_apex=False, ignores_case=True)} == expected
    entries = at_netskope(values, PATTERNS)
    assert not any(map(regex_reason, entries))
    assert {host for host in hosts if matches_pattern(entries, host)} == expected
