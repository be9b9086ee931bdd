"""Which names are public suffixes: the list of the wheel, read as its own library reads it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from publicsuffixlist import PublicSuffixList

from schemas.canonical import canonicalise
from schemas.indicator import Indicator
from schemas.public_suffixes import MORE_SUFFIXES, _read, is_public_suffix, registrable, suffix_below
from schemas.resources import Guard
from schemas.resources.guard import GUARD_DEFAULT
from services.guards.guard_set import PUBLIC_SUFFIX, GuardSet

LIBRARY = PublicSuffixList(accept_unknown=False)
RULES = sorted(_read())


def code(text: str, *guards: Guard) -> str | None:
    found = canonicalise(text)
    reason = GuardSet(guards)(Indicator(type=found.type, value=found.value, sources={}, first_seen=1, last_seen=1))
    return reason.code if reason else None


def guard(**spec: object) -> Guard:
    return Guard.model_validate({"metadata": {"name": "team"}, "spec": spec})


def near(rule: str) -> st.SearchStrategy[str]:
    bare = rule.lstrip("!").removeprefix("*.")
    return st.sampled_from([bare, f"x.{bare}", f"x.y.{bare}", bare.partition(".")[2] or bare, f"x{bare}"])


@given(st.sampled_from(RULES).flatmap(near))
def test_a_name_is_a_suffix_where_the_library_says_so(name: str) -> None:
    assert is_public_suffix(name) == (LIBRARY.is_public(name) or name in MORE_SUFFIXES)


@given(st.sampled_from(RULES).flatmap(near))
def test_one_owner_registered_what_the_library_says(name: str) -> None:
    if not any(name == more or name.endswith(f".{more}") for more in MORE_SUFFIXES):
        assert registrable(name) == (PublicSuffixList().privatesuffix(name) or name)


@pytest.mark.parametrize(
    "text",
    [
        "co.uk", "CO.UK.", "github.io", "s3.amazonaws.com", "s3[.]amazonaws[.]com", "http://github.io/",
        "https://github.io", "https://s3.amazonaws.com:8443/", "公司.cn", "foo.ck", "cloudapp.azure.com",
        "amazonaws.com", "http://amazonaws.com/", "core.windows.net",
    ],
)  # fmt: skip
def test_the_default_guard_keeps_suffixes_and_what_covers_them_back(text: str) -> None:
    assert code(text, GUARD_DEFAULT) == PUBLIC_SUFFIX


@pytest.mark.parametrize(
    "text",
    [
        "evil.co.uk", "evil.github.io", "http://evil.github.io/", "bucket.s3.amazonaws.com", "www.ck",
        "https://s3.amazonaws.com/bucket/evil.exe", "http://github.io/?x=1", "http://evil.s3.amazonaws.com/",
        "evil.example", "x.unknowntop",
    ],
)  # fmt: skip
def test_what_is_below_a_suffix_or_a_page_on_it_is_no_suffix(text: str) -> None:
    assert code(text, GUARD_DEFAULT) is None


def test_a_guard_lets_a_suffix_through_by_name_and_nothing_else() -> None:
    allowing = guard(shareSuffixes=["github.io"])
    assert code("github.io", GUARD_DEFAULT, allowing) is None
    assert code("http://github.io/", GUARD_DEFAULT, allowing) is None
    assert code("gitlab.io", GUARD_DEFAULT, allowing) == PUBLIC_SUFFIX
    assert code("co.uk", guard(publicSuffixes=False)) is None


def test_the_detail_names_a_suffix_that_would_be_covered() -> None:
    assert suffix_below("githubusercontent.com") is None
    assert suffix_below("core.windows.net") is not None
    assert suffix_below("evil.example") is None
