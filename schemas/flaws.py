"""Mistakes in a resource that its model does not check: in expressions and in guard entries."""

from collections.abc import Iterable, Iterator

from schemas.expression import ExpressionError, check
from schemas.guard_explained import entries_of
from schemas.policy import Misfit
from schemas.resources import AnyResource, Guard, Rule


def flaws(resources: Iterable[AnyResource]) -> list[Misfit]:
    """Every mistake for which resources must not be stored."""
    found: list[Misfit] = []
    for resource in resources:
        found += expression_flaws(resource)
        if isinstance(resource, Guard):
            found += [
                Misfit(resource.kind, resource.name, entry.path, entry.flaw)
                for entry in entries_of(resource) if entry.flaw is not None
            ]  # fmt: skip
    return found


def expression_flaws(resource: AnyResource) -> list[Misfit]:
    """Mistakes in the expressions of a resource. An earlier version may have accepted them."""
    found: list[Misfit] = []
    for path, text in _expressions(resource):
        try:
            check(text)
        except ExpressionError as error:
            found.append(Misfit(resource.kind, resource.name, path, str(error)))
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
