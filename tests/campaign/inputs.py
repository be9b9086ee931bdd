"""Random legal and illegal input, drawn by Hypothesis from a seed: the same seed gives the same input."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from schemas.report import Report, ReportBatch, Verb
from schemas.resources import encode_resource, resource
from schemas.types import IndicatorType
from services.runtime.clock import now_ms
from services.sandbox.defender.rows import DEFAULTS
from services.sandbox.demo.world import Alert, Row

_SEVERITIES = ("High", "Medium", "Low")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True).filter(lambda one: one[2:4] != "--")
PATH = st.lists(st.from_regex(r"[A-Za-z0-9._~-]{1,12}", fullmatch=True), min_size=1, max_size=3).map("/".join)
HEADERS = st.lists(st.tuples(TEXT.filter(bool), st.none() | st.binary(max_size=20)), max_size=3)
"""Of a Kafka record, as any client may write them."""


class Draft(NamedTuple):
    """What Hypothesis chose for one value; a number of its own is added, so that no two are the same."""

    label: str
    path: str
    digest: int
    kind: int
    severity: str
    title: str


_DRAFT = st.builds(
    Draft, LABEL, PATH, st.integers(0, 2**64 - 1), st.integers(0, 99), st.sampled_from(_SEVERITIES), TEXT
)
_ODD_FIELD = st.sampled_from(sorted({*DEFAULTS, "rbacGroupNames", "lastUpdateTime", "mitreTechniques"}))
ODD_ROW = st.tuples(
    st.sampled_from([{"indicatorValue": None}, {"indicatorType": 7}, {"action": ["Block"]}, {"indicatorType": "Other"},
                     {"action": "Allowed"}, {"indicatorValue": {"a": []}}]),
    st.dictionaries(_ODD_FIELD, JSON, max_size=4),
).map(lambda parts: {**parts[1], **parts[0]})  # fmt: skip
"""Fields that make a row of which no indicator can be made."""
ODD_ALERT = st.fixed_dictionaries(
    {name: JSON.filter(lambda one: not isinstance(one, str)) for name in ("url", "threat_match_value", "dst_host")}
)
HARMLESS_FIELDS = st.dictionaries(
    st.sampled_from(["user", "ccl", "cci", "custom_attr", "organization_unit", "device", "new_field"]), JSON, max_size=3
)
"""Over an alert of a site, that no indicator depends on."""


def drawn(strategy: st.SearchStrategy[Any], number: int, count: int) -> list[Any]:
    """`count` examples or more, the same for the same seed."""
    found: list[Any] = []

    @seed(number)
    @settings(max_examples=count, database=None, deadline=None, derandomize=False, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(strategy)
    def collect(example: Any) -> None:
        found.append(example)

    collect()
    return found


def endless(strategy: st.SearchStrategy[Any], number: int) -> Iterator[Any]:
    """Examples without end."""
    while True:
        yield from drawn(strategy, number, 200)
        number += 1_000_003


class Inputs:
    """A stream of each kind of input."""

    def __init__(self, number: int) -> None:
        self._drafts = endless(_DRAFT, number)
        self._rows = endless(ODD_ROW, number + 1)
        self._alerts = endless(ODD_ALERT, number + 2)
        self._fields = endless(HARMLESS_FIELDS, number + 3)
        self._json = endless(JSON, number + 4)
        self._bytes = endless(st.binary(max_size=300), number + 5)
        self._headers = endless(HEADERS, number + 6)
        self._index = endless(st.integers(0, 10_000), number + 7)
        self._count = 0

    def row(self) -> Row:
        """A legal row of Defender's, of a value that nobody has had."""
        one, count = next(self._drafts), self._next()
        host = f"{one.label}.d{count}.campaign.example"
        if one.kind < 60:
            return Row(host, IndicatorType.DOMAIN, one.severity, one.title)
        if one.kind < 75:
            return Row(f"http://{host}/{one.path}", IndicatorType.URL, one.severity, one.title)
        return Row(f"{count:016x}{one.digest:048x}", IndicatorType.SHA256, one.severity, one.title)

    def alert(self) -> Alert:
        """A legal alert of Netskope's, of a value that nobody has had."""
        one, count = next(self._drafts), self._next()
        if one.kind < 60:
            return Alert(f"{one.label}.n{count}.campaign.example/{one.path}", IndicatorType.URL, one.severity)
        return Alert(f"{count:016x}{one.digest:016x}", IndicatorType.MD5, one.severity)

    def pushed(self) -> tuple[str, list[Any]]:
        """A domain that nobody has had, and the body that pushes it among things that are no indicators."""
        one, count = next(self._drafts), self._next()
        host = f"{one.label}.p{count}.campaign.example"
        junk = [[], next(self._json), next(self._json)]
        junk = [{"odd": one} if isinstance(one, str) else one for one in junk]
        return host, [junk[1], {"value": host, "severity": one.severity.lower()}, {"value": junk[2]}]

    def odd_row(self) -> dict[str, Any]:
        """Fields of a row of which no indicator can be made."""
        found: dict[str, Any] = next(self._rows)
        return found

    def odd_alert(self) -> dict[str, Any]:
        """The seed of an alert of which no indicator can be made."""
        url = f"odd{self._next()}.campaign.example/x"
        return {"kind": "malsite", "url": url, "extra": {**next(self._fields), **next(self._alerts)}}

    def harmless_fields(self) -> dict[str, Any]:
        """Fields to put over an alert that change nothing of what it says."""
        found: dict[str, Any] = next(self._fields)
        return found

    def record(self, topic: str) -> tuple[bytes, list[tuple[str, bytes | None]]]:
        """The value of a record that no service can read, or that concerns nobody; and its headers."""
        headers: list[tuple[str, bytes | None]] = next(self._headers)
        if next(self._index) % 2:
            return next(self._bytes), headers
        text = json.loads(_recorded(topic, self._next()))
        names = sorted(text)
        text[names[next(self._index) % len(names)]] = next(self._json)
        return json.dumps(text).encode(), headers

    def _next(self) -> int:
        self._count += 1
        return self._count


def _recorded(topic: str, count: int) -> bytes:
    if topic == "reports":
        now = now_ms()
        said = Report(verb=Verb.UPDATE, type=IndicatorType.DOMAIN, value=f"junk{count}.example", observed_at=now,
                      first_seen=now, last_seen=now)  # fmt: skip
        return ReportBatch(source="nobody", poll="campaign", reports=(said,)).encode()
    return encode_resource(resource("Rule", f"junk{count}", {"match": "ioc.reputation >= 5"}))
