"""The policy of the re-evaluation bench: fifty rules, as CEL and as the Python a programmer would write."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from schemas.indicator import Indicator
from schemas.resources import AnyResource, resource
from schemas.types import IndicatorType, Severity

SOURCE, SILENT, LISTS, ACTIONS = "source", "silent", "lists", "actions"
RULES, SHARINGS = 50, 20
SEVERITIES = tuple(Severity)
TYPES = (IndicatorType.URL, IndicatorType.DOMAIN, IndicatorType.IPV4, IndicatorType.SHA256, IndicatorType.MD5)
TAGS = ("phish", "c2", "adware", "test", "sinkhole")


class Wanted(NamedTuple):
    """One rule of the form that teams write most."""

    severities: tuple[Severity, ...]
    reputation: int
    type: IndicatorType
    excepted: str

    def cel(self) -> str:
        """As a person writes it."""
        severities = ", ".join(f'"{found}"' for found in self.severities)
        return (
            f'ioc.severity in [{severities}] && ioc.reputation >= {self.reputation} && ioc.type == "{self.type}"'
            f' && !ioc.tags.exists(tag, tag == "{self.excepted}")'
        )

    def closure(self) -> Callable[[Indicator], bool]:
        """As a programmer writes it."""
        severities, least, kind, excepted = frozenset(self.severities), self.reputation, self.type, self.excepted

        def matches(found: Indicator) -> bool:
            return (
                found.severity in severities
                and found.reputation >= least
                and found.type == kind
                and not any(tag == excepted for tag in found.tags)
            )

        return matches


def wanted(version: int) -> dict[str, Wanted]:
    """The rules of a version of the policy: a later one has thresholds of its own."""
    return {
        f"rule-{number:02}": Wanted(
            SEVERITIES[number % 5 :], 1 + (number + version) % 9, TYPES[number % len(TYPES)], TAGS[number % len(TAGS)]
        )
        for number in range(RULES)
    }


class Closures:
    """In place of `Predicates`: the same questions and answers, by the closures."""

    def __init__(self, rules: Mapping[str, Wanted]) -> None:
        self._rules = [(name, found.closure()) for name, found in rules.items()]

    def __call__(self, indicator: Indicator) -> Mapping[str, bool | None]:
        return {name: matches(indicator) for name, matches in self._rules}


def resources(version: int) -> list[AnyResource]:
    """Tenants, fifty rules, twenty sharings of `SOURCE`, and sharings by the other rules of a source that is silent."""
    token = {"env": "NONE"}
    netskope = {"type": "netskope", "tenantUrl": "http://127.0.0.1:1", "v2Token": token, "v1Token": token}
    defender = {"type": "defender", "tenantId": "t", "appId": "a", "appSecret": token}
    tenants = [resource("Connection", name, netskope) for name in (SOURCE, SILENT, LISTS)]
    rules = [resource("Rule", name, {"match": found.cel()}) for name, found in wanted(version).items()]
    return [*tenants, resource("Connection", ACTIONS, defender), *rules, *map(_sharing, range(RULES))]


def _sharing(number: int) -> AnyResource:
    targets: tuple[tuple[str, dict[str, object]], ...] = (
        (ACTIONS, {"kind": "defender-action", "action": "Block"}),
        (LISTS, {"kind": "url-list", "name": f"list {number}"}),
        (LISTS, {"kind": "file-hash-list", "name": f"hashes {number}"}),
    )
    destination, target = targets[number % 3]
    source = SOURCE if number < SHARINGS else SILENT
    spec = {"source": source, "destination": destination, "rule": f"rule-{number:02}", "target": target}
    return resource("Sharing", f"share-{number:02}", spec)
