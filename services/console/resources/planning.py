"""Plans changes of the policy: from the stored and the requested resources to the changes, or to every mistake. Pure.

Only `Policy.misfits` decides whether resources fit together. So references to a resource are found by leaving it out;
this module lists no references of any kind.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from schemas.flaws import flaws
from schemas.guard_explained import ExplainedEntry, entries_of
from schemas.policy import Misfit, Policy
from schemas.record import Millis
from schemas.resources import KINDS, AnyResource, Guard, Reconciliation, Sharing, Verdict, encode_resource, resource_key
from schemas.resources.rule import ALL, RULE_ALL
from services.console.manifests.documents import Document
from services.console.manifests.places import Mistake, Path, in_order
from services.console.manifests.validation import Checked, Id, subject
from services.console.resources.deletion import confirmations, ended_with_keep
from services.console.resources.store import Snapshot

_FIXED: dict[Id, AnyResource] = {("Rule", ALL): RULE_ALL}
"""Resources that cannot be replaced: sharings without a rule use this one."""
_ORDER = list(KINDS)
_VERSION: Path = ("metadata", "resourceVersion")


class RefusedError(Exception):
    """The request was refused for the `mistakes`; nothing was changed."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = tuple(mistakes)


class NotFoundError(Exception):
    """A named resource does not exist."""


@dataclass(frozen=True, slots=True)
class Change:
    """The change of one resource. `value` is the record to write; None for a deletion or no change."""

    id: Id
    key: str
    what: Literal["created", "changed", "unchanged", "deleted"]
    value: bytes | None = None
    also: tuple[tuple[str, bytes], ...] = ()
    """Records to write with it, by key."""
    entries: tuple[ExplainedEntry, ...] = ()
    """The entries of a guard with their meanings."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Changes in a stable order, the snapshot they were planned on, and the resulting policy."""

    changes: tuple[Change, ...]
    on: Snapshot
    policy: Policy

    @property
    def writes(self) -> list[tuple[str, bytes | None]]:
        """The records to write, by key; None deletes."""
        done = [change for change in self.changes if change.what != "unchanged"]
        return [(change.key, change.value) for change in done] + [found for change in done for found in change.also]


def plan_apply(on: Snapshot, checked: Sequence[Checked], mistakes: Sequence[Mistake] = (), now: Millis = 0) -> Plan:
    """Plan to create or change resources as in the documents. `mistakes` are those already found in the documents.

    New resources get the creation time `now`, whatever their documents say.

    Raises:
        RefusedError: with every mistake, in the order of the files.

    """
    wanted = {one.id: one for one in checked if one.id and one.sketch}
    found = [*mistakes]
    for one in wanted.values():
        found += _conflict(on, one) + _built_in(one) + _flaws(one)
    resources = {id_: stored.resource for id_, stored in on.stored.items()}
    resources |= {id_: one.sketch for id_, one in wanted.items() if one.sketch}
    policy = Policy.of(resources.values(), on.version)
    broken = [one.id[1] for one in checked if one.id and not one.resource]
    before = {_where(misfit) for misfit in on.policy.misfits()}
    for misfit in policy.misfits():
        whose = _whose(misfit)
        if whose in wanted:
            document = wanted[whose].document
            path = _path(misfit)
            if not _rests_on(document, path, broken):
                found.append(Mistake(misfit.message, document.place(path), subject(whose), path))
        elif _where(misfit) not in before:
            message = f"{misfit.message} (it is not among these files, but this change would break it)"
            found.append(Mistake(message, None, subject(whose), _path(misfit)))
    if found:
        raise RefusedError(in_order(found))
    changes = [_change(on, one.resource, now) for one in wanted.values() if one.resource]
    return Plan(tuple(sorted(changes, key=_rank)), on, policy)


def plan_delete(on: Snapshot, ids: Iterable[Id], by: str = "", now: Millis = 0, *, keep: bool = False) -> Plan:
    """Plan to delete resources. The entries of sharings are withdrawn, or with `keep` stay at the vendors.

    Raises:
        NotFoundError: a resource does not exist.
        RefusedError: one is built in, or another resource refers to one; names both.

    """
    ids = dict.fromkeys(ids)
    if missing := [id_ for id_ in ids if id_ not in on.listed]:
        raise NotFoundError("\n".join(f"there is no {kind} named {name}" for kind, name in missing))
    built_in = [id_ for id_ in ids if on.stored[id_].version is None]
    mistakes = [Mistake("is built in and cannot be deleted", None, subject(id_)) for id_ in built_in]
    rest = Policy.of((stored.resource for id_, stored in on.stored.items() if id_ not in ids), on.version)
    for id_ in ids:
        for misfit in () if id_ in built_in else referrers(on, id_):
            if _whose(misfit) not in ids:
                message = f"cannot be deleted: {subject(_whose(misfit))} refers to it at {'.'.join(misfit.path)}; "
                mistakes.append(Mistake(f"{message}delete that as well, or change it first", None, subject(id_)))
    if keep:
        others = [id_ for id_ in ids if id_[0] != "Sharing"]
        mistakes += [Mistake("is no sharing; only these can be deleted with keep", None, subject(o)) for o in others]
    if mistakes:
        raise RefusedError(mistakes)
    changes = [_deletion(id_, on.stored[id_].resource, by, now, keep=keep) for id_ in ids]
    return Plan(tuple(sorted(changes, key=_rank, reverse=True)), on, rest)


def plan_put(on: Snapshot, resource: Verdict | Reconciliation) -> Plan:
    """Plan to write a verdict or a request. It replaces an earlier one on the same hold or connection."""
    change = Change((resource.kind, resource.name), resource_key(resource), "created", encode_resource(resource))
    return Plan((change,), on, on.policy)


def referrers(on: Snapshot, id_: Id) -> list[Misfit]:
    """The references to a resource: what would be a misfit without it, with the field."""
    before = {_where(misfit) for misfit in on.policy.misfits()}
    without = Policy.of((stored.resource for other, stored in on.stored.items() if other != id_), on.version)
    if id_ in _FIXED:
        without.rules.pop(id_[1])
    return [found for found in without.misfits() if _where(found) not in before and _whose(found) != id_]


def _conflict(on: Snapshot, one: Checked) -> list[Mistake]:
    assert one.id
    assert one.sketch
    given = one.sketch.metadata.resource_version
    stored = on.listed.get(one.id)
    now = stored.version if stored else None
    if given is None or given == now:
        return []
    is_now = (
        "it does not exist any more" if stored is None else f"the stored one is {'built in' if now is None else now}"
    )
    message = f"conflict: this was made from version {given}, {is_now}; get it again and repeat your change"
    return [Mistake(message, one.document.place(_VERSION), subject(one.id), _VERSION)]


def _built_in(one: Checked) -> list[Mistake]:
    assert one.id
    assert one.sketch
    built_in = _FIXED.get(one.id)
    if built_in is None or encode_resource(built_in) == encode_resource(one.sketch):
        return []
    return [Mistake("is built in and cannot be changed; use another name", one.document.place(), subject(one.id))]


def _deletion(id_: Id, found: AnyResource, by: str, now: Millis, *, keep: bool) -> Change:
    if not isinstance(found, Sharing):
        return Change(id_, resource_key(found), "deleted")
    if keep:
        return Change(id_, resource_key(found), "deleted", encode_resource(ended_with_keep(found)))
    verdicts = confirmations(found, now, by) if found.spec.enabled else []
    also = tuple((resource_key(one), encode_resource(one)) for one in verdicts)
    return Change(id_, resource_key(found), "deleted", also=also)


def _flaws(one: Checked) -> list[Mistake]:
    assert one.id
    assert one.sketch
    found = [(flaw.message, one.path_in_document(_path(flaw))) for flaw in flaws([one.sketch])]
    return [Mistake(message, one.document.place(path), subject(one.id), path) for message, path in found]


def _change(on: Snapshot, resource: AnyResource, now: Millis) -> Change:
    id_, stored = (resource.kind, resource.name), on.listed.get((resource.kind, resource.name))
    created = stored.resource.metadata.created if stored else now
    metadata = resource.metadata.model_copy(update={"created": created, "ended": None})
    noted = resource.model_copy(update={"metadata": metadata})
    key, value = resource_key(noted), encode_resource(noted)
    entries = tuple(entries_of(resource)) if isinstance(resource, Guard) else ()
    if stored is None:
        return Change(id_, key, "created", value, entries=entries)
    same = encode_resource(stored.resource) == value
    return Change(id_, key, "unchanged" if same else "changed", None if same else value, entries=entries)


def _rank(change: Change) -> tuple[int, str]:
    return _ORDER.index(change.id[0]), change.id[1]


def _whose(misfit: Misfit) -> Id:
    return misfit.kind, misfit.name


def _path(misfit: Misfit) -> Path:
    """The path of the field, with list positions as numbers."""
    return tuple(int(part) if part.isdigit() else part for part in misfit.path)


def _where(misfit: Misfit) -> tuple[str, str, tuple[str, ...]]:
    """A misfit without its message, which may name different resources for the same trouble."""
    return misfit.kind, misfit.name, misfit.path


def _rests_on(document: Document, path: Path, broken: Sequence[str]) -> bool:
    """Whether a misfit may only follow from mistakes in another document: its field names one of those."""
    value = document.value
    above: object = None
    for part in path:
        above, value = value, value.get(part) if isinstance(value, dict) else None
    names = above.values() if isinstance(value, dict) and isinstance(above, dict) else [value]
    return any(name in broken for name in names)
