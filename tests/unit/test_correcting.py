"""Retrying and correcting what vendors rejected, the pure parts."""

import pytest

from schemas.policy import Policy
from schemas.request import MAX_ENTRIES, Reply, split_entry_name
from schemas.resources import resource
from services.console.ingest.correction import as_item, correction
from services.console.ingest.raw_items import BadBodyError
from services.console.ingest.retries import Retried, Unasked, _parts, _results
from services.console.queries.requests import Answer
from tests.routing import CONNECTIONS, DESTINATION

ENTRY = f"{DESTINATION}/defender-action:Block/url:http://a_b.example/x/y"
FEED = resource("Connection", "feed", {"type": "api", "tokenHash": "$argon2id$x"})
BLOCK = {"kind": "defender-action", "action": "Block"}
SHARING = resource("Sharing", "s", {"source": "feed", "destination": DESTINATION, "target": BLOCK})
OFF = resource("Sharing", "s", {"source": "feed", "destination": DESTINATION, "target": BLOCK, "enabled": False})


def test_the_name_of_an_entry_may_have_slashes_in_the_indicator_only() -> None:
    place, identity = split_entry_name(ENTRY)
    assert (place, identity) == (f"{DESTINATION}/defender-action:Block", "url:http://a_b.example/x/y")
    for wrong in ("", "a/b", "a/b/c", "a//domain:x", "/b/domain:x", "a/b/domain:", "a/b/nothing:x"):
        with pytest.raises(ValueError, match="is not <destination>/<target id>/<indicator id>"):
            split_entry_name(wrong)


def test_a_correction_is_a_report_of_a_source_that_reaches_the_destination() -> None:
    policy = Policy.of([*CONNECTIONS, FEED, SHARING], 1)
    judged = correction(policy, ENTRY, "feed", {"value": "hxxp://ab[.]example/x/y", "severity": "high"}, 7)
    assert judged.report
    assert (judged.id, judged.report.severity, judged.report.last_seen) == ("url:http://ab.example/x/y", "high", 7)
    for resources, said, why in (
        ([*CONNECTIONS, FEED], {"value": "x.example"}, "no sharing takes from feed"),
        ([*CONNECTIONS, FEED, OFF], {"value": "x.example"}, "no sharing takes from feed"),
        (CONNECTIONS, {"value": "x.example"}, "no Connection of type api named feed"),
        ([*CONNECTIONS, FEED, SHARING], {"value": "x.example", "severity": "huge"}, "severity"),
        ([*CONNECTIONS, FEED, SHARING], {"value": "x.example", "speed": 1}, "speed: there is no such field; use value"),
    ):
        with pytest.raises(BadBodyError, match=why):
            correction(Policy.of(resources, 1), ENTRY, "feed", said, 7)


def test_a_correction_starts_from_what_is_known_and_is_seen_now() -> None:
    known = {
        "value": "x.example", "type": "domain", "severity": "low", "reputation": 7, "comments": "c", "tags": ["t"],
        "first_seen": 0, "last_seen": 5, "expires_at": None, "hits": 3,
    }  # fmt: skip
    assert as_item(known) == {
        "value": "x.example", "type": "domain", "severity": "low", "reputation": 7, "comments": "c", "tags": ["t"],
        "first_seen": "1970-01-01T00:00:00.000+00:00",
    }  # fmt: skip


def test_questions_are_bounded_and_lose_no_name() -> None:
    names = [f"d/t/domain:h{number}.example" for number in range(MAX_ENTRIES + 1)]
    assert [len(part) for part in _parts(names)] == [MAX_ENTRIES, 1]
    long = [f"d/t/url:http://x.example/{number}{'y' * 8_000}" for number in range(200)]
    parts = list(_parts(long))
    assert len(parts) > 1
    assert [name for part in parts for name in part] == long
    assert list(_parts([])) == []


def test_what_was_not_sent_is_told_apart_by_whether_anybody_answered() -> None:
    answered = Answer({0: Reply(id="q", partition=0, partitions=1, at=1)})
    assert list(_results([ENTRY], answered, 1)) == [Retried(ENTRY, Unasked.NOT_WANTED)]
    assert list(_results([ENTRY], Answer({}, (0,)), 1)) == [Retried(ENTRY, Unasked.NO_ANSWER)]
