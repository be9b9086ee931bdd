"""What an indicator covers at each target, in words and in bytes."""

import pytest

from schemas.coverage import coverage, size_in_list
from schemas.targets import Target
from schemas.types import IndicatorType
from schemas.vendors.netskope import DestinationProfile, UrlList
from services.push_netskope.list_entries import size_of
from services.push_netskope.render import WildcardUrlList, form_of
from services.push_netskope.url_lists import plan
from tests.pushing import BLOCK, COVERING, HASHES, LIST, entry

PROFILE = DestinationProfile(kind="destination-profile", name="p")
PATTERNS = UrlList(kind="url-list", name="p", match="regex")
DOMAIN, URL = IndicatorType.DOMAIN, IndicatorType.URL


@pytest.mark.parametrize(
    ("type_", "value", "target", "covers"),
    [
        (DOMAIN, "evil.example", BLOCK, "evil.example and everything below it"),
        (DOMAIN, "evil.example", COVERING, "evil.example and everything below it"),
        (DOMAIN, "evil.example", PROFILE, "evil.example and everything below it"),
        (DOMAIN, "evil.example", PATTERNS, "evil.example and everything below it"),
        (DOMAIN, "evil.example", LIST, "evil.example alone"),
        (URL, "http://evil.example/", COVERING, "evil.example alone, by http or https"),
        (URL, "http://evil.example/a?b", COVERING, "what begins with evil.example/a?b, by http or https"),
        (URL, "http://evil.example/a", BLOCK, "this URL; by its path only where the browser shows Defender the path"),
        (IndicatorType.IPV4, "198.51.100.7", BLOCK, "this address"),
        (IndicatorType.MD5, "a" * 32, HASHES, "this file"),
    ],
)
def test_it_is_said_in_words(type_: IndicatorType, value: str, target: Target, covers: str) -> None:
    assert coverage(type_, value, target) == covers


@pytest.mark.parametrize("value", ["evil.example", "http://evil.example/a", "198.51.100.7"])
@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("target", [COVERING, LIST])
def test_bytes_are_those_that_the_pusher_counts(value: str, target: UrlList, *, wide: bool) -> None:
    found = entry(value, target)
    reads = WildcardUrlList.model_validate(target.model_dump()) if wide else target
    scheme = len("http://") if found.type is URL else 0
    expected = size_of(str(form_of(found, reads)), plan.URL_EXTRA) + scheme
    assert size_in_list(found.type, found.value, target, has_wide_wildcard=wide) == expected
