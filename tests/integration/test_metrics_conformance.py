"""Every service answers with every metric that is said of it, with the labels that are said, and bounded in number."""

import re

import pytest

from schemas.types import IndicatorType
from services.runtime.observability.metrics import DEFINITIONS, Definition
from services.sandbox.exchange import SERVICES, Exchange

_GROUPS = {
    "all": SERVICES,
    "pullers": ("pull_defender", "pull_netskope"),
    "pushers": ("push_defender", "push_netskope"),
}
_SERIES_MOST = 40
"""Of one metric of one service, for two connections, buckets of a histogram apart."""
_VALUE = re.compile(rf"\.example|[0-9a-f]{{32}}|https?:|^({'|'.join(IndicatorType)}):")


def services_of(definition: Definition) -> set[str]:
    names = [name.strip() for name in definition.services.split(",")]
    return {service for name in names for service in _GROUPS.get(name, (name,))}


def samples(definition: Definition) -> str:
    return definition.name + "_count" if definition.kind == "histogram" else definition.name


@pytest.mark.parametrize("service", SERVICES)
def test_it_emits_all_that_is_said_of_it(busy_exchange: Exchange, service: str) -> None:
    found = busy_exchange.services[service].metrics()
    missing, mislabelled = [], []
    for definition in DEFINITIONS:
        if service in services_of(definition):
            there = found.get(samples(definition), [])
            if not there:
                missing.append(definition.name)
            mislabelled += [definition.name for labels, _ in there if set(labels) != set(definition.labels)]
    assert (missing, mislabelled) == ([], [])


@pytest.mark.parametrize("service", SERVICES)
def test_it_emits_nothing_that_is_not_said_of_it(busy_exchange: Exchange, service: str) -> None:
    found = busy_exchange.services[service].metrics()
    said = {samples(definition) for definition in DEFINITIONS if service in services_of(definition)}
    labelled = {samples(definition) for definition in DEFINITIONS if definition.labels}
    assert {name for name in found if name in labelled and name not in said} == set()


@pytest.mark.parametrize("service", SERVICES)
def test_their_number_is_bounded_and_no_label_is_a_value(busy_exchange: Exchange, service: str) -> None:
    for name, there in busy_exchange.services[service].metrics().items():
        if name.startswith("ioc_bridge_") and not name.endswith("_bucket"):
            assert len(there) <= _SERIES_MOST, name
        values = [value for labels, _ in there for value in labels.values()]
        assert [value for value in values if _VALUE.search(value)] == [], name
