"""What is refused of a resource beside its fields: each with the place in the file and what to do."""

from schemas.flaws import flaws
from schemas.resources import BUILT_IN, Guard, Rule
from schemas.warning_lists import names


def found(*resources: Guard | Rule) -> list[tuple[str, str]]:
    return [(".".join(flaw.path), flaw.message) for flaw in flaws(resources, names())]


def rule(**spec: object) -> Rule:
    return Rule.model_validate({"metadata": {"name": "rule"}, "spec": spec})


def guard(**spec: object) -> Guard:
    return Guard.model_validate({"metadata": {"name": "guard"}, "spec": spec})


def test_what_is_there_from_the_start_has_none() -> None:
    assert flaws(BUILT_IN, names()) == []


def test_each_expression_is_checked_where_it_stands() -> None:
    broken = rule(match="ioc.kind", exceptions=[{"tags": ["fp"]}, {"cel": "ioc.hits"}])
    assert found(broken) == [
        ("spec.match", found(broken)[0][1]),
        ("spec.exceptions.1.cel", "line 1, column 1: says an int, not true or false; compare it with something"),
    ]
    assert found(broken)[0][1].startswith("line 1, column 4: there is no ioc.kind")
    allowing = guard(allow={"cel": ["ioc.active", "ioc.active &&"]})
    assert [place for place, _ in found(allowing)] == ["spec.allow.cel.1"]


def test_a_warning_list_must_exist() -> None:
    assert found(guard(warningLists=["google", "gogle"])) == [
        ("spec.warningLists.1", "there is no warning list gogle; docs/reference/guards.md names them all")
    ]


def test_an_allowed_value_must_be_an_indicator() -> None:
    mistakes = found(guard(allow={"values": ["good.example", "hxxp://good[.]example/", "10.0.0.0/8", "no value"]}))
    assert [place for place, _ in mistakes] == ["spec.allow.values.2", "spec.allow.values.3"]
    assert "'10.0.0.0/8'" in mistakes[0][1]
    assert mistakes[0][1].endswith("ranges belong into networks, names with all below them into domains")
