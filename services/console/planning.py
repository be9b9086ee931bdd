"""What a change comes to: pure, from what is stored and what is asked for to the changes, or to every reason against.

Whether resources fit together is said by `Policy.misfits` alone, of the policy as it would be. So what refers to a
resource is found out by leaving it out: no kind's references are listed here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from schemas.policy import Misfit, Policy
from schemas.resources import KINDS, AnyResource, encode_resource, resource_key
from services.console.checking import Checked, Id, subject
from services.console.documents import Document
from services.console.places import Mistake, Path, in_order
from services.console.store import BUILT_IN, Snapshot

_BUILT_IN: dict[Id, AnyResource] = {(one.kind, one.name): one for one in BUILT_IN}
_ORDER = list(KINDS)
_VERSION: Path = ("metadata", "resourceVersion")


class RefusedError(Exception):
    """What was asked for cannot be done; nothing was changed."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = tuple(mistakes)


class NotFoundError(Exception):
    """There are no such resources."""


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one resource. `value` is the record to write; None for a deletion and where there is none."""

    id: Id
    key: str
    what: Literal["created", "changed", "unchanged", "deleted"]
    value: bytes | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Changes in a stable order, what they were planned on, and the policy they lead to."""

    changes: tuple[Change, ...]
    on: Snapshot
    policy: Policy

    @property
    def writes(self) -> list[tuple[str, bytes | None]]:
        """What is to be written."""
        return [(change.key, change.value) for change in self.changes if change.what != "unchanged"]


def plan_apply(on: Snapshot, checked: Sequence[Checked], mistakes: Sequence[Mistake] = ()) -> Plan:
    """Plan to make the stored resources as the documents say. `mistakes` are those already found in the documents.

    Raises:
        RefusedError: with every mistake, in the order of the files.

    """
    wanted = {one.id: one for one in checked if one.id and one.sketch}
    found = [*mistakes]
    for one in wanted.values():
        found += _conflict(on, one) + _meddling(one)
    resources = {id_: stored.resource for id_, stored in on.stored.items()}
    resources |= {id_: one.sketch for id_, one in wanted.items() if one.sketch}
    policy = Policy.of(resources.values(), on.version)
    broken = [one.id[1] for one in checked if one.id and not one.resource]
    before = {_where(misfit) for misfit in on.policy.misfits()}
    for misfit in policy.misfits():
        whose = _whose(misfit)
        if whose in wanted:
            document = wanted[whose].document
            if not _rests_on(document, misfit.path, broken):
                found.append(Mistake(misfit.message, document.place(misfit.path), subject(whose), misfit.path))
        elif _where(misfit) not in before:
            message = f"{misfit.message} (it is not among these files, but this change would break it)"
            found.append(Mistake(message, None, subject(whose), misfit.path))
    if found:
        raise RefusedError(in_order(found))
    changes = [_change(on, one.resource) for one in wanted.values() if one.resource]
    return Plan(tuple(sorted(changes, key=_rank)), on, policy)


def plan_delete(on: Snapshot, ids: Iterable[Id]) -> Plan:
    """Plan to delete resources.

    Raises:
        NotFoundError: some do not exist.
        RefusedError: one is built in, or others refer to one; says which.

    """
    ids = dict.fromkeys(ids)
    if missing := [id_ for id_ in ids if id_ not in on.stored]:
        raise NotFoundError("\n".join(f"there is no {kind} named {name}" for kind, name in missing))
    mistakes = [Mistake("is built in and cannot be deleted", None, subject(id_)) for id_ in ids if id_ in _BUILT_IN]
    rest = Policy.of((stored.resource for id_, stored in on.stored.items() if id_ not in ids), on.version)
    for id_ in ids:
        for misfit in referrers(on, id_):
            if _whose(misfit) not in ids:
                message = f"cannot be deleted: {subject(_whose(misfit))} refers to it at {'.'.join(misfit.path)}; "
                mistakes.append(Mistake(f"{message}delete that as well, or change it first", None, subject(id_)))
    if mistakes:
        raise RefusedError(mistakes)
    changes = [Change(id_, resource_key(on.stored[id_].resource), "deleted") for id_ in ids]
    return Plan(tuple(sorted(changes, key=_rank, reverse=True)), on, rest)


def referrers(on: Snapshot, id_: Id) -> list[Misfit]:
    """What would no longer fit without a resource, and at which field it refers to it."""
    before = {_where(misfit) for misfit in on.policy.misfits()}
    without = Policy.of((stored.resource for other, stored in on.stored.items() if other != id_), on.version)
    return [found for found in without.misfits() if _where(found) not in before and _whose(found) != id_]


def _conflict(on: Snapshot, one: Checked) -> list[Mistake]:
    assert one.id
    assert one.sketch
    given = one.sketch.metadata.resource_version
    stored = on.stored.get(one.id)
    now = stored.version if stored else None
    if given is None or given == now:
        return []
    is_now = (
        "it does not exist any more" if stored is None else f"the stored one is {'built in' if now is None else now}"
    )
    message = f"conflict: this was made from version {given}, {is_now}; get it again and repeat your change"
    return [Mistake(message, one.document.place(_VERSION), subject(one.id), _VERSION)]


def _meddling(one: Checked) -> list[Mistake]:
    assert one.id
    assert one.sketch
    built_in = _BUILT_IN.get(one.id)
    if built_in is None or encode_resource(built_in) == encode_resource(one.sketch):
        return []
    return [Mistake("is built in and cannot be changed; use another name", one.document.place(), subject(one.id))]


def _change(on: Snapshot, resource: AnyResource) -> Change:
    id_, key, value = (resource.kind, resource.name), resource_key(resource), encode_resource(resource)
    stored = on.stored.get(id_)
    if stored is None:
        return Change(id_, key, "created", value)
    same = encode_resource(stored.resource) == value
    return Change(id_, key, "unchanged" if same else "changed", None if same else value)


def _rank(change: Change) -> tuple[int, str]:
    return _ORDER.index(change.id[0]), change.id[1]


def _whose(misfit: Misfit) -> Id:
    return misfit.kind, misfit.name


def _where(misfit: Misfit) -> tuple[str, str, tuple[str, ...]]:
    """A misfit without its message, which may name another resource for the same trouble."""
    return misfit.kind, misfit.name, misfit.path


def _rests_on(document: Document, path: Path, broken: Sequence[str]) -> bool:
    """Whether a misfit may only come from mistakes in another document, by one of the names in it."""
    value = document.value
    above: object = None
    for part in path:
        above, value = value, value.get(part) if isinstance(value, dict) else None
    names = above.values() if isinstance(value, dict) and isinstance(above, dict) else [value]
    return any(name in broken for name in names)
