"""What is wrong with a resource that its own fields cannot say: its expressions, and the lists that it names."""

from collections.abc import Container, Iterable, Iterator

from schemas.expression import ExpressionError, check
from schemas.policy import Misfit
from schemas.resources import AnyResource, Guard, Rule


def flaws(resources: Iterable[AnyResource], warning_lists: Container[str]) -> list[Misfit]:
    """Every reason why resources must not be saved. `warning_lists` are those that exist, by name."""
    found: list[Misfit] = []
    for resource in resources:
        for path, text in _expressions(resource):
            try:
                check(text)
            except ExpressionError as error:
                found.append(Misfit(resource.kind, resource.name, path, str(error)))
        if isinstance(resource, Guard):
            found += (
                Misfit(resource.kind, resource.name, ("spec", "warningLists", str(number)), f"there is no list {name}")
                for number, name in enumerate(resource.spec.warning_lists)
                if name not in warning_lists
            )
    return found


def _expressions(resource: AnyResource) -> Iterator[tuple[tuple[str, ...], str]]:
    match resource:
        case Rule():
            yield ("spec", "match"), resource.spec.match
            for number, exemption in enumerate(resource.spec.exceptions):
                if exemption.cel is not None:
                    yield ("spec", "exceptions", str(number), "cel"), exemption.cel
        case Guard():
            for number, text in enumerate(resource.spec.allow.cel):
                yield ("spec", "allow", "cel", str(number)), text
