"""What is refused of a resource beside its fields: each with the place in the file and what to do."""

from schemas.flaws import flaws
from schemas.resources import BUILT_IN, Guard, Rule


def found(*resources: Guard | Rule) -> list[tuple[str, str]]:
    return [(".".join(flaw.path), flaw.message) for flaw in flaws(resources)]


def rule(**spec: object) -> Rule:
    return Rule.model_validate({"metadata": {"name": "rule"}, "spec": spec})


def guard(**spec: object) -> Guard:
    return Guard.model_validate({"metadata": {"name": "guard"}, "spec": spec})


def test_what_is_there_from_the_start_has_none() -> None:
    assert flaws(BUILT_IN) == []


def test_each_expression_is_checked_where_it_stands() -> None:
    broken = rule(match="ioc.kind", exceptions=[{"tags": ["fp"]}, {"cel": "ioc.hits"}])
    assert found(broken) == [
        ("spec.match", found(broken)[0][1]),
        ("spec.exceptions.1.cel", "line 1, column 1: says an int, not true or false; compare it with something"),
    ]
    assert found(broken)[0][1].startswith("line 1, column 4: there is no ioc.kind")
    allowing = guard(allow={"cel": ["ioc.active", "ioc.active &&"]})
    assert [place for place, _ in found(allowing)] == ["spec.allow.cel.1"]


def test_a_warning_list_must_exist_and_hold_something() -> None:
    assert found(guard(warningLists=["google", "gogle", "phone_numbers"])) == [
        (
            "spec.warningLists.1",
            "there is no warning list gogle; did you mean google? docs/reference/guards.md names them all",
        ),
        (
            "spec.warningLists.2",
            "the warning list phone_numbers keeps nothing back: it holds no name, address or hash; leave it out",
        ),
    ]


def test_every_entry_of_every_list_is_checked_at_once() -> None:
    broken = guard(
        allow={
            "values": ["good.example", "no value"],
            "domains": ["https://corp.example/", "https://corp.example/path"],
            "networks": ["10.0.0.0/8", "10.0.0.0/33"],
            "cel": ["ioc.kind"],
        },
        shareSuffixes=["github.io", "evil.example"],
        warningLists=["nonesuch"],
    )
    assert sorted(place for place, _ in found(broken)) == [
        "spec.allow.cel.0", "spec.allow.domains.1", "spec.allow.networks.1", "spec.allow.values.1",
        "spec.shareSuffixes.1", "spec.warningLists.0",
    ]  # fmt: skip
