"""What holds for every value: total, idempotent, blind to spelling, and never harmed by refanging."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from ada_url import normalize_url
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ioc_fanger import defang

from schemas.canonical import MAX_LENGTH, Canonical, RefusalReason, Refused, canonicalise, identify, parse_id
from schemas.types import IndicatorType

stable = settings(deadline=None, derandomize=True, database=None, max_examples=300)

PIECES = [
    *("http://", "https:", "hxxp://", "[.]", "(dot)", "[:]", "[at]", "evil", "com", "1.2.3.4", "0x7f", "443", "xn--"),
    *(
        ".",
        "..",
        ":",
        "/",
        "//",
        "@",
        "\\",
        "*",
        "[",
        "]",
        "::1",
        "::ffff:",
        "%",
        "%2e",
        "-",
        "_",
        "'",
        '"',
        "<",
        ">",
        "#",
        "?",
    ),
    *(
        "[dot",
        ".]",
        "(",
        ")",
        "{",
        "“",
        "”",
        "«",
        "'",
        "`",
        ",",
        ";",
        "!",
        "::",
        "/32",
        "/128",
        "sha256:",
        "h**p",
        "hxxps",
    ),
    *("．", "：", "\u202e", "\u200d", "·", "’", " dot ", "DOT", "meow://", "[/]", "[://]", "^", "-", "–"),
    *("é", "İ", "\u200b", "\u3002", "\xa0", " ", "\x00", "\ud800", "d41d8cd98f00b204e9800998ecf8427e"),
]
anything = st.text(st.characters(exclude_categories=())) | st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
types = st.none() | st.sampled_from(list(IndicatorType))

labels = st.from_regex(r"[a-z0-9](?:[a-z0-9_-]{0,8}[a-z0-9])?", fullmatch=True) | st.sampled_from(
    ["v1-dot-app", "hxxpa", "xn--bcher-kva", "at", "dot"]
)
domains = st.builds(
    lambda names, top: ".".join([*names, top]),
    st.lists(labels, min_size=1, max_size=4),
    st.sampled_from(["com", "co", "onion", "xn--p1ai", "zip"]),
)
hosts = domains | st.ip_addresses(v=4).map(str)
tails = st.lists(
    st.sampled_from(
        ["a", "Z9", ".php", "-dot-", "hxxp", "aATb", "DOT", "^x", "~", "%41", "=", "&", ",", "ü", "//", "(x)", ":"]
    ),
    max_size=6,
).map("".join)
urls = st.builds(
    lambda scheme, host, port, path, query: f"{scheme}://{host}{port}/{path}{query and '?' + query}",
    st.sampled_from(["http", "https", "ftp"]),
    hosts,
    st.sampled_from(["", ":80", ":443", ":8080"]),
    tails,
    tails,
)
openers, closers = st.sampled_from("[({<"), st.sampled_from("])}>")
blanks = st.sampled_from(["", " ", "\xa0"])
dots = st.sampled_from([".", "dot", "DOT", "Punkt", "．", "。"])
whole_marks = st.builds("{}{}{}{}{}".format, openers, blanks, dots, blanks, closers)
half_marks = st.builds("{}.".format, openers) | st.builds(".{}".format, closers)
marks = whole_marks | st.sampled_from([r"\.", r"\\.", "^."])
schemes = st.sampled_from(["hxxp", "hXXp", "HXXP", "h**p", "h__p", "htxp", "hxtp", "meow", "hzzp", "[hxxp]", "<http>"])
colons = st.sampled_from(["[://]", "[:]//", ":[//]", "[:/]/", "(:)[/][/]", "<://>", "[://", "://]", ":// ", "//"])
wrappings = st.sampled_from([
    *("“{}”", "„{}“", "‘{}’", "«{}»", "»{}«", "‹{}›", "「{}」", "〈{}〉", "＂{}＂", "`{}`", "``{}''", '"{}"', "'{}'"),
    *("({})", "[{}]", "{{{}}}", "<{}>", "( {} )", '"{}",', "({}).", "<{}>;", "“{}”!", "\u202a{}\u202c", '"{}', "«{}"),
])  # fmt: skip
endings = st.text(".,;:!?)]}>\"'`”»’。，！\u200b ", max_size=4).filter(
    lambda text: ".." not in text and "::" not in text
)


def outcome(raw: str, declared: IndicatorType | None = None) -> Canonical | Refused:
    try:
        return canonicalise(raw, declared)
    except Refused as refusal:
        return refusal


@stable
@given(anything, types)
@example("http://evil.com/\ud800", None)
@example("[", IndicatorType.URL)
@example("%", IndicatorType.IPV6)
def test_any_text_is_an_indicator_that_stays_or_is_refused_in_one_line(
    raw: str, declared: IndicatorType | None
) -> None:
    found = outcome(raw, declared)
    if isinstance(found, Refused):
        assert str(found).isprintable()
        return
    assert declared in {None, found.type}
    assert found.value.isascii()
    assert canonicalise(found.value) == found
    assert canonicalise(found.value, found.type) == found
    assert parse_id(found.id) == found


@stable
@given(urls, st.sampled_from(["", "[.]", "(dot)", r"\.", "(at)", "[:]"]))
def test_a_url_that_is_not_defanged_is_read_as_the_standard_reads_it(url: str, looks_defanged: str) -> None:
    url += looks_defanged
    assert canonicalise(url).value == normalize_url(url)


@stable
@given(urls | hosts, marks)
def test_defanging_changes_nothing(value: str, mark: str) -> None:
    expected = canonicalise(value)
    assert canonicalise(defang(value)) == expected
    assert canonicalise(value.replace("http", "hxxp", 1).replace(".", mark)) == expected
    assert canonicalise(value.replace("://", "[://]").replace(".", mark)) == expected


@stable
@given(hosts, tails, schemes, colons, st.lists(marks | half_marks, min_size=1, max_size=4))
def test_every_way_to_defang_gives_the_same_url(host: str, path: str, scheme: str, colon: str, dots: list[str]) -> None:
    first, *more = host.split(".")
    disguised = first + "".join(dots[number % len(dots)] + part for number, part in enumerate(more))
    assert canonicalise(f"{scheme}{colon}{disguised}/{path}") == canonicalise(f"http://{host}/{path}")
    assert canonicalise(disguised) == canonicalise(host)


@stable
@given(urls | hosts | st.ip_addresses(v=6).map(str), wrappings)
def test_what_surrounds_a_value_is_no_part_of_it(value: str, wrapping: str) -> None:
    assert canonicalise(wrapping.format(value)) == canonicalise(value)


@stable
@given(hosts | st.ip_addresses(v=6).map(str) | st.sampled_from(["0" * 32, "http://evil.com", "evil.com:80"]), endings)
def test_closing_punctuation_is_no_part_of_a_host(value: str, ending: str) -> None:
    assert canonicalise(value + ending) == canonicalise(value)


@stable
@given(st.ip_addresses())
def test_a_range_of_one_address_is_that_address(address: IPv4Address | IPv6Address) -> None:
    found = canonicalise(str(address))
    for spelling in (f"{address}/{address.max_prefixlen}", f"{address}-{address}", f"{address} – {address.exploded}"):
        assert canonicalise(spelling) == found
    other = type(address)(int(address) ^ 1)
    for spelling in (f"{address}/{address.max_prefixlen - 1}", f"{address}-{other}"):
        refused = outcome(spelling)
        assert isinstance(refused, Refused)
        assert refused.reason is RefusalReason.ADDRESS_RANGE


@stable
@given(st.ip_addresses(v=4), tails)
def test_a_mapped_address_in_a_url_is_the_ipv4_one(address: IPv4Address, path: str) -> None:
    mapped = IPv6Address(f"::ffff:{address}")
    expected = canonicalise(f"http://{address}:8080/{path}")
    for spelling in (f"[::FFFF:{address}]", f"[{mapped}]", f"[{mapped.exploded}]"):
        assert canonicalise(f"http://{spelling}:8080/{path}") == expected


@stable
@given(st.binary(min_size=16, max_size=32).filter(lambda raw: len(raw) in {16, 20, 32}), st.sampled_from(": -"))
def test_a_hash_is_blind_to_its_name_case_and_grouping(raw: bytes, separator: str) -> None:
    found = canonicalise(raw.hex())
    for spelling in (f"{found.type}:{raw.hex()}", f" {found.type.upper()} = {raw.hex().upper()}", raw.hex(separator)):
        assert canonicalise(spelling) == found
        assert canonicalise(spelling, found.type) == found
        assert identify(spelling) == found


@pytest.mark.parametrize(
    "piece", [*"\"'()[.<“\\^ :%-\u200b", "[.", ".]", " dot", "[dot", "md5 ", "d4:", ").", "hxxp:", "ü."]
)
@pytest.mark.parametrize("head", ["", "http://", "md5", "1.1.1.1/"])
def test_a_long_hostile_text_ends_as_any_other(head: str, piece: str) -> None:
    for text in (head + piece * (MAX_LENGTH // len(piece)), head + piece * 300_000 + "x"):
        assert isinstance(outcome(text), Refused | Canonical)


@stable
@given(domains)
def test_a_domain_is_blind_to_case_trailing_dot_and_wrapping(domain: str) -> None:
    found = canonicalise(domain)
    assert (found.type, found.value) == (IndicatorType.DOMAIN, domain)
    for spelling in (domain.upper(), f"{domain}.", f' "{domain}"\n', domain.replace(".", "。")):
        assert canonicalise(spelling) == found


@stable
@given(hosts, tails)
def test_a_url_without_scheme_is_the_http_one(host: str, path: str) -> None:
    assert canonicalise(f"{host}/x{path}") == canonicalise(f"http://{host}/x{path}")
    assert canonicalise(host, IndicatorType.URL) == canonicalise(f"http://{host}/")


@stable
@given(st.ip_addresses(v=6))
def test_an_ipv6_address_has_one_spelling(address: IPv6Address) -> None:
    found = canonicalise(str(address))
    for spelling in (address.exploded, address.exploded.upper(), f"[{address}]", str(address).replace(":", "[:]")):
        assert canonicalise(spelling) == found
    if address.ipv4_mapped is None:
        assert (found.type, IPv6Address(found.value)) == (IndicatorType.IPV6, address)


@stable
@given(st.ip_addresses(v=4))
def test_a_mapped_address_is_the_ipv4_one(address: IPv4Address) -> None:
    found = canonicalise(f"::ffff:{address}")
    assert (found.type, found.value) == (IndicatorType.IPV4, str(address))


@stable
@given(st.binary(min_size=8, max_size=70).map(bytes.hex))
def test_hexadecimal_is_a_hash_of_one_of_three_lengths(digits: str) -> None:
    lengths = {32: IndicatorType.MD5, 40: IndicatorType.SHA1, 64: IndicatorType.SHA256}
    found = outcome(digits.upper())
    if len(digits) in lengths:
        assert found == Canonical(lengths[len(digits)], digits)
    else:
        assert isinstance(found, Refused)
        assert found.reason is RefusalReason.BAD_HASH
