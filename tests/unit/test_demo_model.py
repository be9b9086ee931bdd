"""The demo's naive model: what it expects of each target, on worlds small enough to see it at a glance."""

from dataclasses import replace

from schemas.types import IndicatorType
from services.sandbox.demo.expect import Entry, Place, expect, refused
from services.sandbox.demo.seed import example_policy
from services.sandbox.demo.steps import DEFENDER, NETSKOPE, effects
from services.sandbox.demo.world import Alert, Row, World
from services.sandbox.latency import Effect

URLS = Place("netskope", "url-list:Blocked%20by%20Defender")
FILES = Place("netskope", "file-hash-list:Files%20blocked%20by%20Defender")
BLOCK = Place("defender", "defender-action:Block")
REMEDIATE = Place("defender", "defender-action:BlockAndRemediate")
MD5, SHA256 = "a" * 32, "b" * 64


def world(*said: Row | Alert) -> World:
    rows = dict(enumerate((one for one in said if isinstance(one, Row)), 1))
    return World(tuple(example_policy()), rows, tuple(one for one in said if isinstance(one, Alert)))


def test_sites_go_to_the_url_list_as_the_vendor_writes_them() -> None:
    found = expect(
        world(
            Row("Evil.Example", IndicatorType.DOMAIN),
            Row("192.0.2.7:8080", IndicatorType.URL),
            Row("https://evil.example/a|b?c=1", IndicatorType.URL),
            Row("192.0.2.8", IndicatorType.IPV4),
        )
    )
    assert found[URLS].entries == {
        Entry("evil.example"), Entry("*.evil.example"), Entry("192.0.2.7:8080"),
        Entry("evil.example/a%7Cb?c=1"), Entry("192.0.2.8"),
    }  # fmt: skip
    assert not found[FILES].entries
    assert found[FILES].skipped.keys() == {"other_family"}


def test_what_netskope_does_not_take_is_skipped_or_rejected_with_its_reason() -> None:
    found = expect(
        world(
            Row("2001:db8::1", IndicatorType.IPV6),
            Row("c" * 40, IndicatorType.SHA1),
            Row("a_b.example", IndicatorType.DOMAIN),
            Row("0.0.0.0", IndicatorType.IPV4),
        )
    )
    assert found[URLS].skipped == {
        "ipv6_not_supported": {"ipv6:2001:db8::1"},
        "other_family": {f"sha1:{'c' * 40}"},
        "unspecified_address": {"ipv4:0.0.0.0"},
        "host_name_not_supported": {"domain:a_b.example"},
    }
    assert not found[URLS].rejected
    assert found[FILES].skipped["hash_type_not_supported"] == {f"sha1:{'c' * 40}"}


def test_alerts_go_to_both_actions_where_defender_has_them() -> None:
    found = expect(world(Alert(MD5, IndicatorType.MD5, "Low"), Alert("evil.example/x", IndicatorType.URL)))
    assert found[BLOCK].entries == {Entry(MD5, "Low"), Entry("http://evil.example/x", "High")}
    assert found[REMEDIATE].entries == {Entry(MD5, "Low")}
    assert found[REMEDIATE].skipped == {"skipped_by_action_table": {"url:http://evil.example/x"}}


def test_what_defender_does_not_take() -> None:
    found = expect(
        world(
            Alert("_dmarc.example.org", IndicatorType.DOMAIN),
            Alert("mail_relay.example.org", IndicatorType.DOMAIN),
            Alert("10.0.0.1", IndicatorType.IPV4),
            Alert("198.51.100.1", IndicatorType.IPV4),
        )
    )
    assert found[BLOCK].entries == {Entry("198.51.100.1", "High")}
    assert found[BLOCK].rejected == {"domain:mail_relay.example.org"}
    assert found[BLOCK].skipped.keys() == {"label_begins_with_underscore", "guard_special_address"}


def test_a_file_known_at_both_is_left_to_its_row_and_has_the_newest_severity_elsewhere() -> None:
    found = expect(world(Alert(MD5, IndicatorType.MD5, "High", at=0), Row(MD5.upper(), IndicatorType.MD5, "Low", at=1)))
    assert not found[BLOCK].entries
    assert found[BLOCK].by_others == {MD5}
    assert found[BLOCK].asked == 1
    assert found[REMEDIATE].entries == {Entry(MD5, "Low")}
    assert found[FILES].entries == {Entry(MD5)}


def test_an_entry_that_somebody_else_has_listed_is_theirs() -> None:
    found = expect(replace(world(Row("evil.example", IndicatorType.DOMAIN)), listed=frozenset({"evil.example"})))
    assert found[URLS].entries == {Entry("*.evil.example")}, "what is below it is still ours to write"
    assert found[URLS].by_others == {"evil.example"}


def test_what_is_no_indicator_is_refused_by_source_and_reason() -> None:
    there = world(Alert("intranet/login", IndicatorType.URL))
    assert refused(there) == {("netskope", "bad_host"): ["intranet/login"]}
    assert not expect(there)[BLOCK].entries


def test_an_edited_value_goes_and_comes_and_an_edited_severity_is_one_effect() -> None:
    before = world(Row("evil.example", IndicatorType.DOMAIN), Alert(SHA256, IndicatorType.SHA256, "High"))
    moved = before.with_row(Row("worse.example", IndicatorType.DOMAIN), number=1)
    assert effects(expect(before), expect(moved)) == {
        Effect(URLS, Entry("worse.example")): NETSKOPE,
        Effect(URLS, Entry("*.worse.example")): NETSKOPE,
        Effect(URLS, Entry("evil.example"), there=False): NETSKOPE,
        Effect(URLS, Entry("*.evil.example"), there=False): NETSKOPE,
    }
    again = before.with_alert(Alert(SHA256, IndicatorType.SHA256, "Low"))
    assert effects(expect(before), expect(again)) == {
        Effect(BLOCK, Entry(SHA256, "Low")): DEFENDER,
        Effect(REMEDIATE, Entry(SHA256, "Low")): DEFENDER,
    }


def test_a_sharing_taken_out_of_the_policy_withdraws_all_that_only_it_wanted() -> None:
    before = world(Alert(MD5, IndicatorType.MD5))
    after = before.without(next(one for one in before.policy if one.name == "alerts-remediate"))
    assert effects(expect(before), expect(after)) == {Effect(REMEDIATE, Entry(MD5, "High"), there=False): DEFENDER}
    assert expect(after).keys() == {URLS, FILES, BLOCK}
