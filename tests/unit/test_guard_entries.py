"""Every entry of a guard means something definite, which the router then keeps back, or is a mistake with a remedy."""

import re
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from schemas.canonical import Refused, canonicalise
from schemas.guard_entries import AllowField, EntryError, read_entry, read_suffix
from schemas.guard_meaning import Below, Exactly, Meaning, Within, describe
from schemas.indicator import Indicator
from schemas.resources import Guard
from services.guards.guard_set import ALLOW_LIST, GuardSet

VALUES, DOMAINS, NETWORKS = AllowField.VALUES, AllowField.DOMAINS, AllowField.NETWORKS


def guards(field: AllowField, *entries: str) -> GuardSet:
    spec = {"specialAddresses": False, "publicSuffixes": False, "allow": {field.value: entries}}
    return GuardSet([Guard.model_validate({"metadata": {"name": "team"}, "spec": spec})])


def is_kept_back(ask: GuardSet, text: str) -> bool:
    found = canonicalise(text)
    reason = ask(Indicator(type=found.type, value=found.value, sources={}, first_seen=1, last_seen=1))
    return reason is not None and reason.code == ALLOW_LIST


@pytest.mark.parametrize(
    "entry",
    [
        "corp.example", "CORP.Example", "corp.example.", ".corp.example", "*.corp.example", "https://corp.example/",
        "corp.example/", "corp.example:443", "https://corp.example:8443", "https://user:secret@corp.example/",
        "https://corp.example/#/login", "corp.example/*", "https://*.corp.example/*", "//corp.example/",
        "ldap://corp.example", "corp[.]example", "hxxps://corp[.]example/", "corp(dot)example", " corp.example ",
        '"corp.example"', "'corp.example'", "`corp.example`", "“corp.example”", "<https://corp.example/>",
        "(corp.example)", "[corp.example]", "corp.example,", "corp.example # headquarters", "- corp.example",
        "\u200bcorp.example\ufeff", "cor\u200bp.example", "ｃｏｒｐ．ｅｘａｍｐｌｅ", "corp。example",
        "domain:corp.example", "url:http://corp.example/",
    ],
)  # fmt: skip
def test_every_spelling_of_a_domain_is_the_domain_with_all_below_it(entry: str) -> None:
    assert read_entry(DOMAINS, entry) == (Below("corp.example"),)
    ask = guards(DOMAINS, entry)
    for text in ("corp.example", "A.b[.]corp.example.", "https://x.corp.example:8443/a?b", "hxxp://corp.example"):
        assert is_kept_back(ask, text)
    for text in ("notcorp.example", "corp.example.evil.example", "198.51.100.7"):
        assert not is_kept_back(ask, text)


@pytest.mark.parametrize(
    "entry",
    [
        "a.example, b.example", "a.example,b.example", "a.example b.example", "a.example;b.example",
        "a.example|b.example",
        "a.example\nb.example\n", "- a.example\n- b.example", "[a.example, b.example]", "'a.example', 'b.example'",
        "a.example # one\nb.example # other", "http://a.example/,http://b.example/", "https://a.example/ b.example:443",
    ],
)  # fmt: skip
def test_several_domains_in_one_entry_are_all_of_them(entry: str) -> None:
    assert read_entry(DOMAINS, entry) == (Below("a.example"), Below("b.example"))


@pytest.mark.parametrize(
    ("field", "entry", "meaning"),
    [
        (DOMAINS, "bücher.example", "xn--bcher-kva.example and everything below it, alone or as the host of a URL"),
        (DOMAINS, "xn--BCHER-kva.example",
         "xn--bcher-kva.example and everything below it, alone or as the host of a URL"),
        (DOMAINS, "com", "com and everything below it, which are names of many owners, alone or as the host of a URL"),
        (DOMAINS, "github.io",
         "github.io and everything below it, which are names of many owners, alone or as the host of a URL"),
        (DOMAINS, ".factory7", "factory7 and everything below it, alone or as the host of a URL"),
        (DOMAINS, "lan", "lan and everything below it, alone or as the host of a URL"),
        (DOMAINS, "198.51.100.7", "198.51.100.7, alone or as the host of a URL"),
        (DOMAINS, "http://198.51.100.7:8080/", "198.51.100.7, alone or as the host of a URL"),
        (DOMAINS, "10.1.0.0/16", "10.1.0.0/16 (10.1.0.0 to 10.1.255.255), alone or as the host of a URL"),
        (DOMAINS, "D41D8CD98F00B204E9800998ECF8427E", "the file with the md5 d41d8cd98f00b204e9800998ecf8427e"),
        (NETWORKS, "198.51.100.7/24",
         "198.51.100.0/24 (198.51.100.0 to 198.51.100.255), alone or as the host of a URL"),
        (NETWORKS, "198.51.100.0/255.255.255.0",
         "198.51.100.0/24 (198.51.100.0 to 198.51.100.255), alone or as the host of a URL"),
        (NETWORKS, "198[.]51[.]100[.]0/24",
         "198.51.100.0/24 (198.51.100.0 to 198.51.100.255), alone or as the host of a URL"),
        (NETWORKS, "198.51.100.*", "198.51.100.0/24 (198.51.100.0 to 198.51.100.255), alone or as the host of a URL"),
        (NETWORKS, "10.1.*.*", "10.1.0.0/16 (10.1.0.0 to 10.1.255.255), alone or as the host of a URL"),
        (NETWORKS, "198.51.100.7 - 198.51.100.20", "198.51.100.7 to 198.51.100.20, alone or as the host of a URL"),
        (NETWORKS, "198.51.100.7-20", "198.51.100.7 to 198.51.100.20, alone or as the host of a URL"),
        (NETWORKS, "198.51.100.7/32", "198.51.100.7, alone or as the host of a URL"),
        (NETWORKS, "2001:DB8::1", "2001:db8::1, alone or as the host of a URL"),
        (NETWORKS, "[2001:db8::1]:443", "2001:db8::1, alone or as the host of a URL"),
        (NETWORKS, "::ffff:203.0.113.0/120",
         "203.0.113.0/24 (203.0.113.0 to 203.0.113.255), alone or as the host of a URL"),
        (VALUES, "Good.example", "good.example alone, nothing below it and no URL on it"),
        (VALUES, "198.51.100.7", "198.51.100.7 alone, no URL on it"),
        (VALUES, "198.51.100.7/32", "198.51.100.7 alone, no URL on it"),
        (VALUES, "10.0.0.0/8", "10.0.0.0/8 (10.0.0.0 to 10.255.255.255), alone or as the host of a URL"),
        (VALUES, "hxxp://Good[.]example/A", "the URL http://good.example/A alone"),
        (VALUES, "good.example/a", "the URL http://good.example/a alone; the URL https://good.example/a alone"),
        (VALUES, "http://h.example/a,b", "the URL http://h.example/a,b alone"),
        (VALUES, "*.good.example", "good.example and everything below it, alone or as the host of a URL"),
        (VALUES, "url:http://good.example/a", "the URL http://good.example/a alone"),
        (VALUES, "md5:D41D8CD98F00B204E9800998ECF8427E", "the file with the md5 d41d8cd98f00b204e9800998ecf8427e"),
    ],
)  # fmt: skip
def test_what_an_entry_means(field: AllowField, entry: str, meaning: str) -> None:
    assert describe(read_entry(field, entry)) == meaning


@pytest.mark.parametrize(
    ("field", "entry", "says"),
    [
        (DOMAINS, "", "delete the entry"),
        (DOMAINS, " \u200b ", "delete the entry"),
        (DOMAINS, "# nothing here", "delete the entry"),
        (DOMAINS, ",", "delete the entry"),
        (DOMAINS, "https://corp.example/path", "write the host 'corp.example' for all of it, or put the URL into"),
        (DOMAINS, "corp.example?x=1", "put the URL into values"),
        (DOMAINS, "user@corp.example", "write its domain 'corp.example'"),
        (DOMAINS, "mailto:user@corp.example", "write its domain 'corp.example'"),
        (DOMAINS, "corp8example", "write the full name, or .corp8example if you mean every name that ends so"),
        (DOMAINS, "our own site corp.example", "give one indicator"),
        (DOMAINS, "corp.*", "give the domain itself"),
        (DOMAINS, "*corp.example", "give the domain itself"),
        (DOMAINS, "*", "give the domain itself"),
        (DOMAINS, "corp..example", "correct the dots"),
        (DOMAINS, r"^.*\.corp\.example$", "give the domain itself"),
        (DOMAINS, "198.51.100.7/33", "write it as 192.0.2.0/24"),
        (DOMAINS, "http://2130706433/", "write a full one"),
        (DOMAINS, "x" * 9000, "write one value an entry"),
        (NETWORKS, "corp.example", "put it into domains"),
        (NETWORKS, "192.168/16", "write it as 192.0.2.0/24"),
        (NETWORKS, "010.0.0.0/8", "write it as 192.0.2.0/24"),
        (NETWORKS, "198.51.100.9-198.51.100.1", "write it as 192.0.2.0/24"),
        (NETWORKS, "fe80::1%eth0", "leave out the %"),
        (NETWORKS, "AS64500", "write the full name"),
        (VALUES, "https://good.example/a/*", "write the host into domains"),
        (VALUES, "http://a.example/x,http://b.example/y", "write each as an entry of its own"),
        (VALUES, "http://a.example/x b.example", "write each as an entry of its own"),
        (VALUES, "no value", "give one indicator"),
    ],
)  # fmt: skip
def test_what_has_no_meaning_is_refused_with_what_to_write_instead(field: AllowField, entry: str, says: str) -> None:
    with pytest.raises(EntryError, match=re.escape(says)) as caught:
        read_entry(field, entry)
    assert str(caught.value).isprintable()


def test_a_network_of_ipv6_says_that_it_is_without_ipv4() -> None:
    assert "without IPv4: write 0.0.0.0/0 for that" in describe(read_entry(NETWORKS, "::/0"))
    assert not is_kept_back(guards(NETWORKS, "::/0"), "198.51.100.7")
    assert not is_kept_back(guards(NETWORKS, "::/0"), "::ffff:198.51.100.7")


def test_only_a_public_suffix_can_be_let_through_as_one() -> None:
    assert [read_suffix(text) for text in ("github.io", "*.Co.UK.", "https://s3.amazonaws.com/", "amazonaws.com")] == [
        "github.io", "co.uk", "s3.amazonaws.com", "amazonaws.com",
    ]  # fmt: skip
    for text in ("evil.example", "x.github.io", "198.51.100.7", "github.io, co.uk", "no suffix"):
        with pytest.raises(EntryError):
            read_suffix(text)


def covered(meaning: Meaning) -> Iterator[str]:
    """Indicators that a meaning covers, at its edges."""
    match meaning:
        case Exactly():
            yield meaning.indicator.value
        case Below():
            yield from (f"a.{meaning.name}", f"http://a.b.{meaning.name}:8080/x?y")
            if "." in meaning.name:
                yield from (meaning.name, f"https://{meaning.name}/")
        case Within():
            for address in (meaning.networks[0][0], meaning.networks[-1][-1]):
                host = f"[{address}]" if address.version == 6 else str(address)
                yield from (str(address), f"http://{host}:8080/x")


_PIECES = st.sampled_from([
    "corp.example", "bücher.example", "github.io", "com", "198.51.100.7", "2001:db8::1", "[2001:db8::1]", "10.0.0.0/8",
    "d41d8cd98f00b204e9800998ecf8427e", "http://", "https://", "hxxp://", "[.]", ".", "*.", "*", "/", "/a", ":443", "@",
    "user", ",", " ", ";", "\n", "#", '"', "'", "(", ")", "[", "]", "{", "}", "-", "\u200b", "%", "\\", "?", "::ffff:",
    "198.51.100.1-20", "/24", "domain:", "url:", "ä", "|", "\t", "\x00", "…",
])  # fmt: skip


def read(field: AllowField, text: str) -> tuple[Meaning, ...] | str:
    try:
        return read_entry(field, text)
    except EntryError as error:
        return str(error)


def is_indicator(text: str) -> bool:
    try:
        canonicalise(text)
    except Refused:
        return False
    return True


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(AllowField), st.lists(_PIECES, max_size=6).map("".join) | st.text(max_size=30))
def test_any_text_is_kept_back_as_it_is_said_or_refused_with_a_remedy(field: AllowField, text: str) -> None:
    found = read(field, text)
    if isinstance(found, str):
        assert ";" in found
        assert found.isprintable()
        return
    assert found
    assert describe(found).isprintable()
    ask = guards(field, text)
    for meaning in found:
        # What would be too long for DNS with one label more is no indicator.
        assert all(is_kept_back(ask, one) for one in covered(meaning) if is_indicator(one)), meaning


_LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True).filter(lambda label: label[2:4] != "--")
_NAME = st.lists(_LABEL, min_size=1, max_size=3).map(lambda labels: ".".join([*labels, "example"]))
_CASE: st.SearchStrategy[Callable[[str], str]] = st.sampled_from([str.lower, str.upper, str.title])
_NAME_AS_ENTRY = st.sampled_from([
    "{}", "{}.", ".{}", "*.{}", "https://{}/", "{}/", "{}:443", "http://{}:8080", "ftp://u:p@{}/", "{}/*", '"{}"',
    "<{}>", "[{}]", "{} # ours", "{},", " {}\u200b",
])  # fmt: skip
_NAME_AS_INDICATOR = st.sampled_from([
    "{}", "{}.", "http://{}/", "https://{}:8443/a?b#c", "hxxp://{}/x", "'{}'", "ftp://u:p@{}", " {}\n",
])  # fmt: skip


def _defanged(text: str, *, do: bool) -> str:
    return text.replace(".", "[.]") if do else text


@given(_NAME, st.lists(_LABEL, max_size=2), st.data())
def test_a_domain_in_any_spelling_keeps_back_what_is_below_it_in_any_spelling(
    name: str, below: list[str], data: st.DataObject
) -> None:
    def spelled(text: str, shapes: st.SearchStrategy[str]) -> str:
        return data.draw(shapes).format(_defanged(data.draw(_CASE)(text), do=data.draw(st.booleans())))

    entry = spelled(name, _NAME_AS_ENTRY)
    assert read_entry(DOMAINS, entry) == (Below(name),)
    assert is_kept_back(guards(DOMAINS, entry), spelled(".".join([*below, name]), _NAME_AS_INDICATOR))


def _networks(kind: type[IPv4Network] | type[IPv6Network], bits: int) -> st.SearchStrategy[IPv4Network | IPv6Network]:
    sizes = st.tuples(st.integers(0, 2**bits - 1), st.integers(0, bits))
    return sizes.map(lambda found: kind(found, strict=False))


_NETWORK = _networks(IPv4Network, 32) | _networks(IPv6Network, 128)


@given(_NETWORK, st.data())
def test_a_network_in_any_spelling_keeps_back_every_address_in_it(
    network: IPv4Network | IPv6Network, data: st.DataObject
) -> None:
    inside = data.draw(st.integers(int(network[0]), int(network[-1])))
    address = IPv4Address(inside) if network.version == 4 else IPv6Address(inside)
    assume(getattr(address, "ipv4_mapped", None) is None)
    shapes = [
        str(network),
        f"{address}/{network.prefixlen}",
        f"{network[0]}-{network[-1]}",
        f'"{network}"',
        f"{network},",
    ]
    if network.version == 4:
        shapes += [f"{network[0]}/{network.netmask}", f"::ffff:{network[0]}/{96 + network.prefixlen}"]
        spelled = [str(address), f"::ffff:{address}", f"http://{address}:8080/x", str(address).replace(".", "[.]")]
    else:
        spelled = [str(address), str(address).upper(), address.exploded, f"http://[{address}]:8080/x"]
    entry = data.draw(st.sampled_from(shapes))
    ask = guards(NETWORKS, entry)
    assert is_kept_back(ask, data.draw(st.sampled_from(spelled))), entry
    outside = int(network[-1]) + 1
    if outside < 2**network.max_prefixlen and ip_network(network).version == 4:
        assert not is_kept_back(ask, str(IPv4Address(outside)))
