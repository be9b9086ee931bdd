"""What guards keep back, and the reason they give."""

import pytest

from schemas.canonical import canonicalise
from schemas.indicator import Indicator
from schemas.resources import Guard
from schemas.resources.guard import GUARD_DEFAULT
from services.guards.guard_set import ALLOW_LIST, GUARD_FAILED, SPECIAL_ADDRESS, WARNING_LIST, GuardSet, guard_set


def guard(name: str = "team", **spec: object) -> Guard:
    return Guard.model_validate({"metadata": {"name": name}, "spec": {"specialAddresses": False, **spec}})


def indicator(text: str, **more: object) -> Indicator:
    found = canonicalise(text)
    return Indicator.model_validate(
        {"type": found.type, "value": found.value, "sources": {}, "first_seen": 1, "last_seen": 1, **more}
    )


def code(ask: GuardSet, text: str, **more: object) -> str | None:
    reason = ask(indicator(text, **more))
    return reason.code if reason else None


def test_the_default_guard_keeps_special_and_benign_back_and_nothing_else() -> None:
    ask = guard_set([GUARD_DEFAULT])
    assert code(ask, "http://192.168.1.1/admin") == SPECIAL_ADDRESS
    assert code(ask, "www.google.com") == WARNING_LIST
    assert code(ask, "d41d8cd98f00b204e9800998ecf8427e") == WARNING_LIST
    for text in ("evil.example", "198.51.100.7", "https://github.com/x/y.exe", "a" * 64):
        assert code(ask, text) is None


def test_without_guards_nothing_is_kept_back() -> None:
    assert code(guard_set([]), "127.0.0.1") is None
    assert code(guard_set([guard()]), "127.0.0.1") is None


def test_guards_add_up_and_the_detail_names_the_one() -> None:
    ask = guard_set([guard("lists", warningLists=["google"]), guard("own", allow={"domains": ["good.example"]})])
    first, second = ask(indicator("google.com")), ask(indicator("a.good.example"))
    assert first is not None
    assert (first.code, first.detail) == (WARNING_LIST, "guard lists: on the warning list google")
    assert second is not None
    assert (second.code, second.detail) == (ALLOW_LIST, "guard own: allowed by good.example")


@pytest.mark.parametrize(
    ("allow", "inside", "outside"),
    [
        ({"values": ["hxxp://Good[.]example/A"]}, ["http://good.example/A"], ["good.example", "http://good.example/b"]),
        ({"values": ["A" * 32]}, ["a" * 32], ["a" * 40]),
        ({"values": ["no indicator at all"]}, [], ["good.example"]),
        (
            {"domains": ["*.Good.example."]},
            ["good.example", "a.b.good.example", "https://x.good.example:8443/a?b"],
            ["notgood.example", "good.example.evil.example", "198.51.100.7"],
        ),
        ({"domains": ["bücher.example"]}, ["a.xn--bcher-kva.example"], ["bucher.example"]),
        ({"domains": ["zone"]}, ["a.zone"], ["zone.example"]),
        (
            {"networks": ["198.51.100.0/24", "2001:db8:5::/48", "::ffff:203.0.113.0/120"]},
            ["198.51.100.9", "http://198.51.100.9/x", "2001:db8:5::1", "http://[2001:db8:5::1]/x", "203.0.113.5"],
            ["198.51.101.9", "2001:db8:6::1", "a.example"],
        ),
        (
            {"cel": ['ioc.type == "domain" && ioc.value.endsWith(".good.example")', "'ours' in ioc.tags"]},
            ["a.good.example"],
            ["good.example", "http://a.good.example/"],
        ),
    ],
)
def test_the_allow_list(allow: dict[str, object], inside: list[str], outside: list[str]) -> None:
    ask = guard_set([guard(allow=allow)])
    assert {text: code(ask, text) for text in inside} == dict.fromkeys(inside, ALLOW_LIST)
    assert {text: code(ask, text) for text in outside} == dict.fromkeys(outside)


def test_an_expression_that_fails_keeps_back_what_it_is_asked_about_and_spoils_no_other() -> None:
    ask = guard_set([guard(allow={"cel": ["1 / (ioc.hits - 1) > 0", "'ours' in ioc.tags"]})])
    assert code(ask, "a.example", hits=1) == GUARD_FAILED
    assert code(ask, "a.example", hits=1, tags=("ours",)) == ALLOW_LIST
    assert code(ask, "a.example", hits=2) == ALLOW_LIST


def test_equal_guards_share_one_keeper() -> None:
    assert guard_set([guard(warningLists=["google"])]) is guard_set((guard(warningLists=["google"]),))
    assert guard_set([guard(warningLists=["google"])]) is not guard_set([guard(warningLists=["microsoft"])])
