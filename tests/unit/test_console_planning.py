"""What a change comes to, before anything is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.resources import BUILT_IN, AnyResource, encode_resource, resource
from services.console.manifests.documents import read_text
from services.console.manifests.fields import as_document, fields
from services.console.manifests.validation import check
from services.console.manifests.yaml_text import yaml_text
from services.console.resources.planning import NotFoundError, Plan, RefusedError, plan_apply, plan_delete, referrers
from services.console.resources.store import Snapshot, Stored


def sharing(name: str, target: dict[str, object], rule: str = "all") -> AnyResource:
    return resource("Sharing", name, {"source": "mde", "destination": "ns", "rule": rule, "target": target})


SECRET = {"env": "SECRET"}
MDE = resource("Connection", "mde", {"type": "defender", "tenantId": "t", "appId": "a", "appSecret": SECRET})
NS = resource("Connection", "ns", {"type": "netskope", "tenantUrl": "https://acme.example/", "v2Token": SECRET})
RULE = resource("Rule", "some", {})
URLS = sharing("urls", {"kind": "url-list", "name": "Blocked"})


def stored(*resources: AnyResource) -> Snapshot:
    found: dict[tuple[str, str], Stored] = {(one.kind, one.name): Stored(one, None) for one in BUILT_IN}
    found |= {(one.kind, one.name): Stored(one, offset) for offset, one in enumerate(resources)}
    return Snapshot(found, len(resources))


def apply(on: Snapshot, *documents: dict[str, object]) -> Plan:
    found, mistakes = read_text(yaml_text(documents), "f")
    checked, wrong = check(found)
    return plan_apply(on, checked, [*mistakes, *wrong])


def document(one: AnyResource, version: int | None = None) -> dict[str, object]:
    return as_document(Stored(one, version))


def test_changes_come_in_order_of_kind_and_name_whatever_the_order_of_files() -> None:
    plan = apply(stored(MDE), *map(document, (URLS, RULE, NS, MDE)))
    assert [(change.id, change.what) for change in plan.changes] == [
        (("Connection", "mde"), "unchanged"),
        (("Connection", "ns"), "created"),
        (("Rule", "some"), "created"),
        (("Sharing", "urls"), "created"),
    ]
    assert [key for key, _ in plan.writes] == ["connection/ns", "rule/some", "sharing/urls"]


def test_a_version_is_checked_but_never_written() -> None:
    changed = document(resource("Rule", "some", {"folder": "x"}), version=0)
    ((_, value),) = apply(stored(RULE), changed).writes
    assert value
    assert b"resourceVersion" not in value


@pytest.mark.parametrize(
    ("on", "now"), [(stored(MDE, RULE), "the stored one is 1"), (stored(), "it does not exist any more")]
)
def test_an_outdated_version_is_a_conflict_that_names_both(on: Snapshot, now: str) -> None:
    with pytest.raises(RefusedError, match=f"made from version 7, {now}") as caught:
        apply(on, document(RULE, version=7))
    assert str(caught.value).startswith("f:5:20: Rule/some: metadata.resourceVersion: conflict")


def test_a_change_that_breaks_another_resource_is_refused_and_names_it() -> None:
    deaf = {**document(MDE), "spec": {**document(MDE)["spec"], "polling": False}}  # type: ignore[dict-item]  # JSON
    with pytest.raises(RefusedError, match=r"^Sharing/urls: spec\.source: .*this change would break it"):
        apply(stored(MDE, NS, URLS), deaf)


def test_what_did_not_fit_before_is_no_reason_to_refuse_something_else() -> None:
    assert apply(stored(URLS), document(RULE)).changes[0].what == "created"


def test_the_built_in_rule_can_be_applied_as_it_is_and_not_otherwise() -> None:
    assert apply(stored(), document(BUILT_IN[0])).changes[0].what == "unchanged"
    with pytest.raises(RefusedError, match="Rule/all: is built in and cannot be changed"):
        apply(stored(), document(resource("Rule", "all", {})))


def test_what_is_referred_to_is_deleted_only_with_what_refers_to_it() -> None:
    on = stored(MDE, NS, RULE, sharing("urls", {"kind": "url-list", "name": "Blocked"}, rule="some"))
    for id_, at in (
        (("Connection", "ns"), "destination"),
        (("Rule", "some"), "rule"),
        (("Connection", "mde"), "source"),
    ):
        with pytest.raises(
            RefusedError, match=rf"{id_[1]}: cannot be deleted: Sharing/urls refers to it at spec\.{at}"
        ):
            plan_delete(on, [id_])
    plan = plan_delete(on, [("Connection", "ns"), ("Connection", "mde"), ("Sharing", "urls")])
    assert [change.key for change in plan.changes] == ["sharing/urls", "connection/ns", "connection/mde"]
    assert {key for key, value in plan.writes if value is None} == {change.key for change in plan.changes}


def test_what_refers_to_a_resource_is_known_by_its_field() -> None:
    on = stored(MDE, NS, URLS)
    assert [(found.name, found.path) for found in referrers(on, ("Connection", "mde"))] == [
        ("urls", ("spec", "source"))
    ]
    assert referrers(on, ("Sharing", "urls")) == []
    assert [found.path for found in referrers(on, ("Rule", "all"))] == [("spec", "rule")], "what is built in as well"


def test_the_built_in_rule_cannot_be_deleted_and_a_missing_resource_neither() -> None:
    with pytest.raises(RefusedError, match="Rule/all: is built in and cannot be deleted"):
        plan_delete(stored(), [("Rule", "all")])
    with pytest.raises(NotFoundError, match="there is no Rule named a\nthere is no Sharing named b"):
        plan_delete(stored(), [("Rule", "a"), ("Sharing", "b")])


_DURATIONS = st.sampled_from(["30s", "5m", "4h", "90d"])
_TEXTS = st.text(max_size=12)
_SPECS = st.fixed_dictionaries(
    {"type": st.just("netskope"), "tenantUrl": st.just("https://acme.example"), "v2Token": st.just(SECRET)},
    optional={
        "polling": st.booleans(),
        "aging": _DURATIONS | st.just("never"),
        "overrideReputation": st.integers(1, 10),
        "initialRange": st.sampled_from(["1d", "24h", "365d"]),
        "types": st.lists(st.sampled_from(["url", "md5"]), unique=True),
        "tls": st.fixed_dictionaries({"verify": st.booleans()}, optional={"caFile": _TEXTS}),
        "v1Token": st.just({"file": "/x"}),
        "pollInterval": _DURATIONS,
    },
)
_RESOURCES = st.builds(lambda spec: resource("Connection", "ns", spec), _SPECS) | st.builds(
    lambda text, folder: resource("Rule", "some", {"description": text, "folder": folder}), _TEXTS, _TEXTS
)


@given(_RESOURCES)
def test_what_get_writes_is_unchanged_when_applied(one: AnyResource) -> None:
    text = yaml_text([as_document(Stored(one, 3))])
    checked, mistakes = check(read_text(text, "f")[0])
    assert mistakes == []
    assert checked[0].resource
    assert encode_resource(checked[0].resource) == encode_resource(one)
    assert checked[0].resource.metadata.resource_version == 3


def test_a_field_at_its_default_is_told_from_one_that_was_set() -> None:
    found = {field.path: field for field in fields(resource("Connection", "ns", {**NETSKOPE, "aging": "never"}))}
    assert (found["aging"].value, found["aging"].default) == ("never", False)
    assert (found["pollInterval"].value, found["pollInterval"].default) == ("5m", True)
    assert (found["v2Token.env"].value, found["v2Token.file"].default) == ("SECRET", True)


NETSKOPE: dict[str, object] = {"type": "netskope", "tenantUrl": "https://acme.example", "v2Token": SECRET}
