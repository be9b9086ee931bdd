"""A comparison that a person asks for: made at once, also where the connection only reports, and answered once."""

import pytest

from schemas.marker import marker
from tests.contract.defender import OWNER, PusherHarness
from tests.contract.test_vendor_sessions import Sandbox


@pytest.mark.parametrize("mode", ["repair", "report"])
def test_what_differs_is_counted_listed_and_treated_as_the_connection_says(defender: Sandbox, mode: str) -> None:
    harness = PusherHarness(defender, reconcile={"interval": "1d", "mode": mode})
    for number in range(10):
        harness.want(f"h{number}.example")
    harness.work()
    harness.delete("h0.example", "h1.example")
    harness.seed("stray.example", externalId=marker(OWNER, "domain:stray.example"))
    harness.ask("first")
    harness.work()
    assert (harness.told.answers, harness.told.found) == (["first"], [{"lost": 2, "stray": 1}])
    listed = [(entry.reason, entry.subject) for entry in harness.told.entries if entry.reason in ("lost", "stray")]
    assert [reason for reason, _ in listed] == ["lost", "lost", "stray"]
    assert {subject for _, subject in listed[:2]} == {"domain:h0.example", "domain:h1.example"}
    there = {f"h{number}.example" for number in range(10)}
    assert harness.values() == (there if mode == "repair" else there - {"h0.example", "h1.example"} | {"stray.example"})
    harness.work()
    harness.restart()
    harness.work()
    assert harness.told.answers == ["first"], "asked once, answered once, whoever works for it"
    harness.ask("second")
    harness.work()
    assert harness.told.answers == ["first", "second"]
    harness.close()


def test_it_is_answered_where_nothing_is_known_and_after_what_is_to_be_done(defender: Sandbox) -> None:
    harness = PusherHarness(defender, reconcile={"interval": "1d"})
    harness.ask("empty")
    harness.work()
    assert (harness.told.answers, harness.told.found) == (["empty"], [{}])
    harness.want("a.example")
    harness.ask("later")
    harness.work()
    assert harness.told.found[1:] == [{"lost": 0, "stray": 0}]
    harness.close()
