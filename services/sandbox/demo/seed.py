"""The initial world of the demo: the shipped sample of real indicators, and a few made-up ones that cannot be shared.

Invariant: every line of the sample is either at a tenant or refused with a reason; nothing is left out.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from importlib.resources import files

import yaml

from schemas.canonical import Refused, canonicalise
from schemas.resources import RESOURCE, AnyResource
from schemas.types import IndicatorType
from services.sandbox.demo.world import Alert, Row, World

POLICY = "data/policy.yaml"
SAMPLE = "data/indicators.tsv"
_SEVERITIES = ("High", "Medium", "Low")
_AT_BOTH = 6

ON_PURPOSE: tuple[Row | Alert, ...] = (
    Row("2001:db8:0:0:0:0:0:53", IndicatorType.IPV6),  # no URL list takes IPv6
    Row("cdn_assets.on-purpose.example", IndicatorType.DOMAIN),  # Netskope rejects the underscore
    Row("already-listed.on-purpose.example", IndicatorType.DOMAIN),  # stands in the list before we come
    Alert("mail_relay.on-purpose.example", IndicatorType.DOMAIN),  # Defender rejects this row of an import alone
    Alert("_dmarc.on-purpose.example", IndicatorType.DOMAIN),  # known not to be taken, so never sent
    Alert("10.20.30.40", IndicatorType.IPV4),  # Defender takes outside hosts only
    Alert("intranet/login", IndicatorType.URL),  # a host of one label means nothing elsewhere
)
"""Made-up values with reserved names and addresses, of kinds that the sample lacks."""

FOREIGN_ENTRIES = ("kept.web-team.example", "also-kept.web-team.example", "already-listed.on-purpose.example")
"""Entries that a colleague put into our URL list, and into another list, before the run. They must stay."""
FOREIGN_LIST = "The web team's own"


@dataclass(slots=True)
class Seeded:
    """The first world, and why lines of the sample are not in it: reason code, and the texts."""

    world: World
    lines: int
    refused: dict[str, list[str]] = field(default_factory=dict)
    made_up: int = 0
    at_both: int = 0


def example_policy() -> list[AnyResource]:
    """The shipped example policy, as it stands in its file."""
    text = (files("services.sandbox") / POLICY).read_text(encoding="utf-8")
    return [RESOURCE.validate_python(document, extra="forbid") for document in yaml.safe_load_all(text)]


def sample() -> list[str]:
    """The values of the shipped sample, as they were published."""
    lines = (files("services.sandbox") / SAMPLE).read_text(encoding="utf-8").splitlines()[1:]
    return [line.partition("\t")[0] for line in lines]


def seeded(lines: Iterable[str], policy: Iterable[AnyResource]) -> Seeded:
    """Share the lines out: every other one to each tenant, SHA-1 to Defender alone, since Netskope never reports it."""
    found = Seeded(World(tuple(policy), listed=frozenset(FOREIGN_ENTRIES)), 0)
    known: set[str] = set()
    said: list[Row | Alert] = []
    for number, line in enumerate(lines):
        found.lines += 1
        try:
            one = canonicalise(line)
        except Refused as refusal:
            found.refused.setdefault(refusal.reason, []).append(line)
            continue
        if one.id in known:
            found.refused.setdefault("same_as_another_line", []).append(line)
            continue
        known.add(one.id)
        severity = _SEVERITIES[number % 3]
        at_netskope = number % 2 and one.type is not IndicatorType.SHA1
        said.append(Alert(line, one.type, severity) if at_netskope else Row(line, one.type, severity))
    said += ON_PURPOSE
    alerts = tuple(one for one in said if isinstance(one, Alert))
    rows = [one for one in said if isinstance(one, Row)]
    both = [Row(one.value.lower(), one.type, "Low") for one in _at_both(alerts)]
    rows += both
    found.made_up, found.at_both = len(ON_PURPOSE), len(both)
    found.world = replace(found.world, rows=dict(enumerate(rows, 1)), alerts=alerts)
    return found


def _at_both(alerts: Iterable[Alert]) -> list[Alert]:
    """Return files that Netskope alerts on and that are already blocked at Defender."""
    return [one for one in alerts if one.type in (IndicatorType.MD5, IndicatorType.SHA256)][:_AT_BOTH]
