"""Every reason that people are shown stands on docs/reference/reasons.md, with what it means."""

import re
from pathlib import Path

from schemas.request import Verdict
from schemas.targets import Unrepresentable
from services.console.ingest.items import BAD_ITEM, NOT_AN_ITEM
from services.guards.guard_set import ALLOW_LIST, GUARD_FAILED, PUBLIC_SUFFIX, SPECIAL_ADDRESS, WARNING_LIST
from services.pull_defender.normalize import Skip as DefenderRow
from services.pull_netskope.normalize import Skip as NetskopeAlert
from services.push_defender.render import Skip as NotForDefender
from services.push_netskope.render import Skip as NotForNetskope
from services.push_netskope.url_lists.deploys import OTHERS_PENDING, WRITTEN
from services.runtime.reconciling.entry import ID_UNKNOWN, UNCONFIRMED
from services.runtime.vendors.capabilities import NOT_ACCEPTED

ROOT = Path(__file__).parents[2]
CODES = {
    *Verdict, *Unrepresentable, *DefenderRow, *NetskopeAlert, *NotForDefender, *NotForNetskope, BAD_ITEM, NOT_AN_ITEM,
    ID_UNKNOWN, UNCONFIRMED, OTHERS_PENDING, WRITTEN, ALLOW_LIST, PUBLIC_SUFFIX, SPECIAL_ADDRESS, WARNING_LIST,
    NOT_ACCEPTED, GUARD_FAILED,
}  # fmt: skip
LITERAL = re.compile(r'Reason\(\s*code="(\w+)"')


def test_every_reason_is_on_the_page() -> None:
    rooms = [ROOT / "services" / room for room in ("push_defender", "push_netskope", "router", "runtime")]
    texts = [path.read_text("utf-8") for room in rooms for path in room.rglob("*.py")]
    written = {code for text in texts for code in LITERAL.findall(text)}
    assert len(written) > 10
    page = (ROOT / "docs" / "reference" / "reasons.md").read_text("utf-8")
    told = {code for row in re.findall(r"^\| (`.*?) \|", page, re.MULTILINE) for code in re.findall(r"`(\w+)`", row)}
    assert {str(code) for code in CODES | written} - {"wanted", "skipped"} - told == set()
