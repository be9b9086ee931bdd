"""What is wrong with a resource that its own fields cannot say: its expressions, and what its lists name."""

from collections.abc import Container, Iterable, Iterator

from schemas.canonical import Refused, canonicalise
from schemas.expression import ExpressionError, check
from schemas.policy import Misfit
from schemas.resources import AnyResource, Guard, Rule


def flaws(resources: Iterable[AnyResource], warning_lists: Container[str]) -> list[Misfit]:
    """Every reason why resources must not be saved. `warning_lists` are the names of those that exist."""
    found: list[Misfit] = []
    for resource in resources:
        for path, text in _expressions(resource):
            try:
                check(text)
            except ExpressionError as error:
                found.append(Misfit(resource.kind, resource.name, path, str(error)))
        if isinstance(resource, Guard):
            found += _flaws_of_guard(resource, warning_lists)
    return found


def _flaws_of_guard(guard: Guard, warning_lists: Container[str]) -> Iterator[Misfit]:
    for number, name in enumerate(guard.spec.warning_lists):
        if name not in warning_lists:
            why = f"there is no warning list {name}; docs/reference/guards.md names them all"
            yield Misfit(guard.kind, guard.name, ("spec", "warningLists", str(number)), why)
    for number, value in enumerate(guard.spec.allow.values):
        try:
            canonicalise(value)
        except Refused as error:
            why = f"{error}; ranges belong into networks, names with all below them into domains"
            yield Misfit(guard.kind, guard.name, ("spec", "allow", "values", str(number)), why)


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
