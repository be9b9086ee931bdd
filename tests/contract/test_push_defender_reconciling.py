"""A comparison that a person asks for: made at once, also where the connection only reports, and answered once."""

import pytest

from schemas.marker import marker
from tests.contract.defender import OWNER, Desk
from tests.contract.test_vendor_sessions import Sandbox


@pytest.mark.parametrize("mode", ["repair", "report"])
def test_what_differs_is_counted_listed_and_treated_as_the_connection_says(defender: Sandbox, mode: str) -> None:
    desk = Desk(defender, reconcile={"interval": "1d", "mode": mode})
    for number in range(10):
        desk.want(f"h{number}.example")
    desk.work()
    desk.delete("h0.example", "h1.example")
    desk.seed("stray.example", externalId=marker(OWNER, "domain:stray.example"))
    desk.ask("first")
    desk.work()
    assert (desk.told.answers, desk.told.found) == (["first"], [{"lost": 2, "stray": 1}])
    listed = [(item.reason, item.subject) for item in desk.told.items if item.reason in ("lost", "stray")]
    assert [reason for reason, _ in listed] == ["lost", "lost", "stray"]
    assert {subject for _, subject in listed[:2]} == {"domain:h0.example", "domain:h1.example"}
    there = {f"h{number}.example" for number in range(10)}
    assert desk.values() == (there if mode == "repair" else there - {"h0.example", "h1.example"} | {"stray.example"})
    desk.work()
    desk.restart()
    desk.work()
    assert desk.told.answers == ["first"], "asked once, answered once, whoever works for it"
    desk.ask("second")
    desk.work()
    assert desk.told.answers == ["first", "second"]
    desk.close()


def test_it_is_answered_where_nothing_is_known_and_after_what_is_to_be_done(defender: Sandbox) -> None:
    desk = Desk(defender, reconcile={"interval": "1d"})
    desk.ask("empty")
    desk.work()
    assert (desk.told.answers, desk.told.found) == (["empty"], [{}])
    desk.want("a.example")
    desk.ask("later")
    desk.work()
    assert desk.told.found[1:] == [{"lost": 0, "stray": 0}]
    desk.close()
