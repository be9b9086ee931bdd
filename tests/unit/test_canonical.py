"""Hand-picked values, each for one rule of the canonical form."""

import pickle

import pytest

from schemas.canonical import MAX_LENGTH, Canonical, RefusalReason, Refused, canonicalise, indicator_id, parse_id
from schemas.types import IndicatorType

MD5 = "d41d8cd98f00b204e9800998ecf8427e"
SHA1 = "da39a3ee5e6b4b0d3255bfef95601890afd80709"
SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
LABEL = "a" * 63

ACCEPTED = [
    # domains
    ("evil.com", "domain:evil.com"),
    ("Evil.COM.", "domain:evil.com"),
    ("a_b.evil.com", "domain:a_b.evil.com"),
    ("-a-.evil.com", "domain:-a-.evil.com"),
    ("r3---sn.evil.com", "domain:r3---sn.evil.com"),
    ("1.2.3.4.evil.com", "domain:1.2.3.4.evil.com"),
    ("0x7f.evil.com", "domain:0x7f.evil.com"),
    ("abcdefghijklmnop.i2p", "domain:abcdefghijklmnop.i2p"),
    ("exämple.com", "domain:xn--exmple-cua.com"),
    ("EXÄMPLE.com", "domain:xn--exmple-cua.com"),
    ("xn--exmple-cua.com", "domain:xn--exmple-cua.com"),
    ("faß.de", "domain:xn--fa-hia.de"),
    ("пример.рф", "domain:xn--e1afmkfd.xn--p1ai"),
    ("example。com", "domain:example.com"),
    ("ex\u00adample.com", "domain:example.com"),
    (f"{LABEL}.com", f"domain:{LABEL}.com"),
    (f"{LABEL}.{LABEL}.{LABEL}.{'a' * 57}.com", f"domain:{LABEL}.{LABEL}.{LABEL}.{'a' * 57}.com"),
    ("\u200bevil.com\ufeff", "domain:evil.com"),
    ("\t“evil.com”\r\n", "domain:evil.com"),
    ("'\"evil.com\"'", "domain:evil.com"),
    # addresses
    ("1.2.3.4", "ipv4:1.2.3.4"),
    ("255.255.255.255", "ipv4:255.255.255.255"),
    ("2001:DB8::0:1", "ipv6:2001:db8::1"),
    ("2001:db8:0:0:1:0:0:1", "ipv6:2001:db8::1:0:0:1"),
    ("::", "ipv6:::"),
    ("::1.2.3.4", "ipv6:::102:304"),
    ("::FFFF:102:304", "ipv4:1.2.3.4"),
    # hashes
    (MD5.upper(), f"md5:{MD5}"),
    (SHA1, f"sha1:{SHA1}"),
    (SHA256.upper(), f"sha256:{SHA256}"),
    # URLs
    ("http://evil.com", "url:http://evil.com/"),
    ("HTTPS://EVIL.com:443/A", "url:https://evil.com/A"),
    ("https://evil.com:80/", "url:https://evil.com:80/"),
    ("ftp://evil.com:21/a", "url:ftp://evil.com/a"),
    ("wss://evil.com/a", "url:wss://evil.com/a"),
    ("http:/evil.com/a", "url:http://evil.com/a"),
    ("http:///evil.com/a", "url:http://evil.com/a"),
    ("http://evil.com?x=1", "url:http://evil.com/?x=1"),
    ("evil.com?x=1", "url:http://evil.com/?x=1"),
    ("evil.com#a", "url:http://evil.com/"),
    ("evil.com/?", "url:http://evil.com/"),
    ("evil.com:8080", "url:http://evil.com:8080/"),
    ("evil.com:443", "url:https://evil.com/"),
    ("1.2.3.4:80", "url:http://1.2.3.4/"),
    ("1.2.3.4/33", "url:http://1.2.3.4/33"),
    ("http://1.2.3.4./a", "url:http://1.2.3.4/a"),
    ("[2001:DB8::1]:8080", "url:http://[2001:db8::1]:8080/"),
    ("http://[::ffff:1.2.3.4]/", "url:http://1.2.3.4/"),
    ("http://evil.com//a//b", "url:http://evil.com//a//b"),
    ("http://evil.com/a/./b/../c", "url:http://evil.com/a/c"),
    ("http://evil.com/%7Ea/%2e%2E/b", "url:http://evil.com/b"),
    ("http://evil.com/a\\b", "url:http://evil.com/a/b"),
    ("http://evil.com/ü?ü", "url:http://evil.com/%C3%BC?%C3%BC"),
    ("http://evil.com/%zz", "url:http://evil.com/%zz"),
    ("http://%65vil.com/", "url:http://evil.com/"),
    ("http://evil.com/?u=http://good.com/", "url:http://evil.com/?u=http://good.com/"),
    ("http://evil.com/mail@good.com", "url:http://evil.com/mail@good.com"),
    ("http://good.com@evil.com/", "url:http://evil.com/"),
    ("http://a@b@evil.com/", "url:http://evil.com/"),
    # what looks defanged, and is not
    ("http://evil.com/aATb?x=^1&y=[.]", "url:http://evil.com/aATb?x=^1&y=[.]"),
    ("v1-dot-app.appspot.com", "domain:v1-dot-app.appspot.com"),
    ("hxxp.evil.com", "domain:hxxp.evil.com"),
    # what is defanged
    ("hXXp://evil[.]com", "url:http://evil.com/"),
    ("HXXPS://evil.com", "url:https://evil.com/"),
    ("hxxps[://]evil{.}com/a[dot]php", "url:https://evil.com/a.php"),
    ("http://evil.com[:]8080/a", "url:http://evil.com:8080/a"),
    ("hxxp://hxxpa[.]com/hxxp://a", "url:http://hxxpa.com/hxxp://a"),
    ("evil [.] com", "domain:evil.com"),
    (r"evil\.com", "domain:evil.com"),
    (r"http:\/\/evil.com\/a", "url:http://evil.com/a"),
    ("1[.]2[.]3[.]4", "ipv4:1.2.3.4"),
    ("2001[:]db8[:][:]1", "ipv6:2001:db8::1"),
    # what surrounds a value
    ("“evil.com”", "domain:evil.com"),
    ("evil.com”", "domain:evil.com"),
    ("»evil.com«", "domain:evil.com"),
    ("„evil.com“", "domain:evil.com"),
    ("「evil.com」", "domain:evil.com"),
    ("`evil.com`", "domain:evil.com"),
    ("``evil.com''", "domain:evil.com"),
    ("(evil.com).", "domain:evil.com"),
    ("[evil.com]", "domain:evil.com"),
    ("evil.com)", "domain:evil.com"),
    ("evil.com,", "domain:evil.com"),
    ("evil.com:", "domain:evil.com"),
    ("evil.com?", "domain:evil.com"),
    ("1.2.3.4.", "ipv4:1.2.3.4"),
    ("1.2.3.4),", "ipv4:1.2.3.4"),
    (f"({MD5});", f"md5:{MD5}"),
    ("2001:db8::", "ipv6:2001:db8::"),
    ("(2001:db8::).", "ipv6:2001:db8::"),
    ("[2001:db8::]:", "ipv6:2001:db8::"),
    ("http://evil.com”", "url:http://evil.com/"),
    ("“evil.com”/a", "url:http://evil.com/a"),
    ("http://evil.com/a”", "url:http://evil.com/a"),
    ('"http://evil.com/a",', "url:http://evil.com/a"),
    ('http://evil.com/a"', "url:http://evil.com/a"),
    ("(http://evil.com/a_(b)).", "url:http://evil.com/a_(b)"),
    # what looks like surrounding, and belongs to the path
    ("http://evil.com/a_(b)", "url:http://evil.com/a_(b)"),
    ("http://evil.com/a)", "url:http://evil.com/a)"),
    ("http://evil.com/a.", "url:http://evil.com/a."),
    ("http://evil.com/?q=`", "url:http://evil.com/?q=`"),
    ('http://evil.com/"a"', "url:http://evil.com/%22a%22"),
    # ranges of one address
    ("198.51.100.77/32", "ipv4:198.51.100.77"),
    ("198.51.100.77/255.255.255.255", "ipv4:198.51.100.77"),
    ("198[.]51[.]100[.]77/32", "ipv4:198.51.100.77"),
    ("2001:DB8::1/128", "ipv6:2001:db8::1"),
    ("::ffff:198.51.100.9/128", "ipv4:198.51.100.9"),
    ("198.51.100.7-198.51.100.7", "ipv4:198.51.100.7"),
    ("198.51.100.7 – 198.51.100.7", "ipv4:198.51.100.7"),
    ("198.51.100.7-7", "ipv4:198.51.100.7"),
    ("::ffff:198.51.100.7-198.51.100.7", "ipv4:198.51.100.7"),
    ("2001:db8::a-2001:db8:0::a", "ipv6:2001:db8::a"),
    # mapped addresses in URLs
    ("http://[::ffff:198.51.100.9]/", "url:http://198.51.100.9/"),
    ("[::ffff:c633:6409]:8080/a", "url:http://198.51.100.9:8080/a"),
    # marks of defanging
    ("hxxps[://]a[.]example[/]b", "url:https://a.example/b"),
    ("198<.>51<.>100<.>8", "ipv4:198.51.100.8"),
    ("www[.bad.example", "domain:www.bad.example"),
    ("www.]bad.example", "domain:www.bad.example"),
    ("www.[bad].example", "domain:www.bad.example"),
    ("www[.bad[.example", "domain:www.bad.example"),
    ("bad.[example]", "domain:bad.example"),
    ("bad[.example]", "domain:bad.example"),
    ("1.1.1.[1]", "ipv4:1.1.1.1"),
    ("bad[dotexample", "domain:bad.example"),
    ("bad<dot>example", "domain:bad.example"),
    ("bad [ dot ] example", "domain:bad.example"),
    ("bad[\u00a0.\u00a0]example", "domain:bad.example"),
    ("bad[[.]]example", "domain:bad.example"),
    ("bad[,]example", "domain:bad.example"),
    ("bad dot example", "domain:bad.example"),
    ("bad DOT example", "domain:bad.example"),
    ("badDOTexample", "domain:bad.example"),
    (r"bad\.example", "domain:bad.example"),
    ("bad．example", "domain:bad.example"),
    ("198．51．100．8", "ipv4:198.51.100.8"),
    ("１98.51.100.8", "ipv4:198.51.100.8"),
    ("hxxp：／／bad．example／a", "url:http://bad.example/a"),
    ("[hxxp]://bad.example", "url:http://bad.example/"),
    ("[hxxp://]bad.example", "url:http://bad.example/"),
    ("hxxp[s]://bad.example", "url:https://bad.example/"),
    ("http[:/]/bad.example", "url:http://bad.example/"),
    ("http:[//]bad.example", "url:http://bad.example/"),
    ("http//bad.example", "url:http://bad.example/"),
    ("h**ps://bad.example", "url:https://bad.example/"),
    ("h__p://bad.example", "url:http://bad.example/"),
    ("htxp://bad.example", "url:http://bad.example/"),
    ("fxp://bad.example/a", "url:ftp://bad.example/a"),
    ("meow://bad.example", "url:http://bad.example/"),
    ("hxxp://[2001:db8::1]:8080/a", "url:http://[2001:db8::1]:8080/a"),
    ("[1.2.3.4]:8080", "url:http://1.2.3.4:8080/"),
    # invisible characters
    ("bad.\u200bexample", "domain:bad.example"),
    ("\u202ahttp://bad.example/\u202c", "url:http://bad.example/"),
    ("b\u202ead.example", "domain:bad.example"),
    ("bad\u200d.example", "domain:bad.example"),
    ("198.51.\u200b100.8", "ipv4:198.51.100.8"),
    # marks that belong to words of a script
    ("col·lega.cat", "domain:xn--collega-xma.cat"),
    ("💩.la", "domain:xn--ls8h.la"),
    # hashes with the name of the algorithm, or in groups
    (f"sha256:{SHA256.upper()}", f"sha256:{SHA256}"),
    (f"SHA-256: {SHA256}", f"sha256:{SHA256}"),
    (f"sha-1 = {SHA1}", f"sha1:{SHA1}"),
    (f"MD5 {MD5}", f"md5:{MD5}"),
    ("d41d8cd9 8f00b204 e9800998 ecf8427e", f"md5:{MD5}"),
    ("D4:1D:8C:D9:8F:00:B2:04:E9:80:09:98:EC:F8:42:7E", f"md5:{MD5}"),
    ("D4-1D-8C-D9-8F-00-B2-04-E9-80-09-98-EC-F8-42-7E", f"md5:{MD5}"),
]

DECLARED = [
    ("1.2.3.4", IndicatorType.URL, "url:http://1.2.3.4/"),
    ("2001:db8::1", IndicatorType.URL, "url:http://[2001:db8::1]/"),
    ("[2001:db8::1]", IndicatorType.URL, "url:http://[2001:db8::1]/"),
    ("evil[.]com", IndicatorType.URL, "url:http://evil.com/"),
    ("1.2.3.4/24", IndicatorType.URL, "url:http://1.2.3.4/24"),
    ("::ffff:1.2.3.4", IndicatorType.IPV4, "ipv4:1.2.3.4"),
    ("Evil.com.", IndicatorType.DOMAIN, "domain:evil.com"),
    ("::1", IndicatorType.IPV6, "ipv6:::1"),
    (MD5.upper(), IndicatorType.MD5, f"md5:{MD5}"),
    (SHA256, IndicatorType.SHA256, f"sha256:{SHA256}"),
]

REFUSED = [
    ("", None, RefusalReason.EMPTY),
    (" \u200b'\"\"' ", None, RefusalReason.EMPTY),
    (f"http://evil.com/{'a' * MAX_LENGTH}", None, RefusalReason.TOO_LONG),
    (f"http://evil.com/{'ü' * 2000}", None, RefusalReason.TOO_LONG),
    ("evil.com\nevil.org", None, RefusalReason.NOT_TEXT),
    ("http://evil.com/\x00", None, RefusalReason.NOT_TEXT),
    ("http://evil.com/\ud800", None, RefusalReason.NOT_TEXT),
    ("evil.com and more", None, RefusalReason.NOT_RECOGNISED),
    ("evil.com, evil.org", None, RefusalReason.NOT_RECOGNISED),
    ("user[at]evil[.]com", None, RefusalReason.NOT_RECOGNISED),
    ("mailto:user@evil.com", None, RefusalReason.NOT_RECOGNISED),
    ("//evil.com/a", None, RefusalReason.NOT_RECOGNISED),
    ("?a=b", None, RefusalReason.NOT_RECOGNISED),
    ("http://", None, RefusalReason.NOT_RECOGNISED),
    ("http://a.com/x\u00a0https://b.com", None, RefusalReason.SEVERAL_VALUES),
    ("http://evil.com/", IndicatorType.DOMAIN, RefusalReason.WRONG_TYPE),
    ("evil.com:80", IndicatorType.DOMAIN, RefusalReason.WRONG_TYPE),
    ("1.2.3.4", IndicatorType.DOMAIN, RefusalReason.WRONG_TYPE),
    ("1.2.3.4", IndicatorType.IPV6, RefusalReason.WRONG_TYPE),
    ("::1", IndicatorType.IPV4, RefusalReason.WRONG_TYPE),
    ("::ffff:1.2.3.4", IndicatorType.IPV6, RefusalReason.WRONG_TYPE),
    (SHA1, IndicatorType.MD5, RefusalReason.WRONG_TYPE),
    ("1.2.3.0/24", None, RefusalReason.ADDRESS_RANGE),
    ("1.2.3.0/255.255.255.0", None, RefusalReason.ADDRESS_RANGE),
    ("1[.]2[.]3[.]0/24", None, RefusalReason.ADDRESS_RANGE),
    ("1.2.3.4-9", None, RefusalReason.ADDRESS_RANGE),
    ("1.2.3.4 - 1.2.3.9", None, RefusalReason.ADDRESS_RANGE),
    ("2001:db8::/32", None, RefusalReason.ADDRESS_RANGE),
    ("*.evil.com", None, RefusalReason.WILDCARD),
    ("http://*.evil.com/", IndicatorType.URL, RefusalReason.WILDCARD),
    ("1.2.3.*", None, RefusalReason.WILDCARD),
    ("localhost", None, RefusalReason.BAD_HOST),
    ("localhost:8080", None, RefusalReason.BAD_HOST),
    ("deadbeef", None, RefusalReason.BAD_HOST),
    (MD5, IndicatorType.URL, RefusalReason.BAD_HOST),
    ("evil.c", None, RefusalReason.BAD_HOST),
    ("evil.c_m", None, RefusalReason.BAD_HOST),
    (".evil.com", None, RefusalReason.BAD_HOST),
    ("evil.com..", None, RefusalReason.BAD_HOST),
    ("a,b.com", None, RefusalReason.BAD_HOST),
    ("(evil|bad)[0-9]{2,3}.com", None, RefusalReason.BAD_HOST),
    (f"a{LABEL}.com", None, RefusalReason.BAD_HOST),
    (f"{LABEL}.{LABEL}.{LABEL}.{'a' * 58}.com", None, RefusalReason.BAD_HOST),
    ("http://evil.com%2fa/", None, RefusalReason.BAD_HOST),
    ("evil.co...", None, RefusalReason.BAD_HOST),
    ("evil.exam…", None, RefusalReason.BAD_HOST),
    ("l’oreal.com", None, RefusalReason.BAD_HOST),
    ("http://evil.com%E2%80%9D/", None, RefusalReason.BAD_HOST),
    ("xn--evilexample-4j3f.com", None, RefusalReason.BAD_HOST),
    ("evil[0-9].com", None, RefusalReason.BAD_HOST),
    ("evil.[a-z]", None, RefusalReason.BAD_HOST),
    ("d41d8cd9-8f00-b204-e980-0998ecf8427e", None, RefusalReason.BAD_HOST),
    (f"{MD5} {MD5}", None, RefusalReason.NOT_RECOGNISED),
    (f"sha1:{MD5}", None, RefusalReason.BAD_HASH),
    (f"sha512:{'0' * 128}", None, RefusalReason.BAD_HASH),
    ("mail to user at evil dot com", None, RefusalReason.NOT_RECOGNISED),
    ("198.51.100.8/31", None, RefusalReason.ADDRESS_RANGE),
    ("2001:db8::/127", None, RefusalReason.ADDRESS_RANGE),
    ("::ffff:198.51.100.0/120", None, RefusalReason.ADDRESS_RANGE),
    ("198.51.100.9-198.51.100.1", None, RefusalReason.ADDRESS_RANGE),
    ("http://[fe80::1%25eth0]/", None, RefusalReason.BAD_ADDRESS),
    ("http://192.0.2.9:65536/", None, RefusalReason.BAD_URL),
    ("192.0.2.9:65536", None, RefusalReason.BAD_URL),
    ("http://[2001:db8::1]:65536/", None, RefusalReason.BAD_URL),
    ("1.2.3", None, RefusalReason.BAD_ADDRESS),
    ("1.2.3.256", None, RefusalReason.BAD_ADDRESS),
    ("01.2.3.4", None, RefusalReason.BAD_ADDRESS),
    ("3232235521", None, RefusalReason.BAD_ADDRESS),
    ("0x7f.1", None, RefusalReason.BAD_ADDRESS),
    ("1.2.3/x", None, RefusalReason.BAD_ADDRESS),
    ("http://3232235521/", None, RefusalReason.BAD_ADDRESS),
    ("http://0x7f.1/127.0.0.1", None, RefusalReason.BAD_ADDRESS),
    ("http://[::1/", None, RefusalReason.BAD_ADDRESS),
    ("2001:db8::1/x", None, RefusalReason.BAD_ADDRESS),
    ("fe80::1%eth0", None, RefusalReason.BAD_ADDRESS),
    ("aa:bb:cc:dd:ee:ff", None, RefusalReason.BAD_ADDRESS),
    ("evil.com", IndicatorType.IPV4, RefusalReason.BAD_ADDRESS),
    ("a" * 128, None, RefusalReason.BAD_HASH),
    ("0" * 16, None, RefusalReason.BAD_HASH),
    ("g" * 32, IndicatorType.MD5, RefusalReason.BAD_HASH),
    ("tcp://1.2.3.4:80", None, RefusalReason.BAD_SCHEME),
    ("file:///etc/passwd", None, RefusalReason.BAD_SCHEME),
    ("http://evil.com:65536/", None, RefusalReason.BAD_URL),
    ("http://evil.com:0/", None, RefusalReason.BAD_URL),
    ("http://evil.com:x/", None, RefusalReason.BAD_URL),
    ("javascript:alert(1)", None, RefusalReason.BAD_URL),
    (r"http://evil.com\@good.com/", None, RefusalReason.BAD_URL),
    (r"C:\evil.exe", None, RefusalReason.BAD_URL),
]


@pytest.mark.parametrize(("raw", "expected"), ACCEPTED)
def test_its_shape_tells_what_it_is(raw: str, expected: str) -> None:
    assert canonicalise(raw).id == expected


@pytest.mark.parametrize(("raw", "declared", "expected"), DECLARED)
def test_its_source_tells_what_it_is(raw: str, declared: IndicatorType, expected: str) -> None:
    assert canonicalise(raw, declared).id == expected


@pytest.mark.parametrize(("raw", "declared", "reason"), REFUSED)
def test_it_is_refused(raw: str, declared: IndicatorType | None, reason: RefusalReason) -> None:
    with pytest.raises(Refused) as caught:
        canonicalise(raw, declared)
    assert caught.value.reason is reason


def test_every_reason_has_a_case() -> None:
    assert {reason for _, _, reason in REFUSED} == set(RefusalReason)


def test_a_refusal_is_one_line_that_names_the_value_and_says_what_to_do() -> None:
    with pytest.raises(Refused) as caught:
        canonicalise("evil.com\nevil.org")
    assert str(caught.value) == r"'evil.com\nevil.org' has control characters or broken Unicode inside; take them out"
    with pytest.raises(Refused) as caught:
        canonicalise("ä" * 100)
    assert str(caught.value).startswith(f"'{'ä' * 80}…' has a host that is too long for DNS")


def test_a_refusal_survives_pickling() -> None:
    refusal = Refused(RefusalReason.EMPTY, "the value is empty")
    again = pickle.loads(pickle.dumps(refusal))
    assert (again.reason, str(again)) == (RefusalReason.EMPTY, "the value is empty")


def test_the_longest_url_is_accepted() -> None:
    longest = f"http://evil.com/{'a' * (MAX_LENGTH - len('http://evil.com/'))}"
    assert canonicalise(longest).value == longest


def test_an_id_is_made_and_taken_apart() -> None:
    assert indicator_id(IndicatorType.IPV6, "2001:db8::1") == "ipv6:2001:db8::1"
    assert parse_id("ipv6:2001:db8::1") == Canonical(IndicatorType.IPV6, "2001:db8::1")


@pytest.mark.parametrize("text", ["", "url", "email:user@evil.com", ":evil.com"])
def test_what_is_no_id_is_not_taken_apart(text: str) -> None:
    with pytest.raises(ValueError, match=r"no indicator id|is not a valid"):
        parse_id(text)
