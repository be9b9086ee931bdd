"""Resources as tables, with a selection of columns for each kind or all of them."""

from collections.abc import Sequence

from pydantic import BaseModel
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.table import Table

from schemas.flaws import expression_flaws
from schemas.guard_explained import entries_of
from schemas.policy import Policy
from schemas.resources import AnyResource, Connection, Guard
from services.console.manifests.fields import fields, given
from services.console.manifests.places import dotted
from services.console.queries.states import States, at_length, in_short, states_of
from services.console.resources.planning import referrers
from services.console.resources.store import Snapshot, Stored

COLUMNS: dict[str, tuple[str, ...]] = {
    "Connection": ("type", "polling", "pollInterval", "aging"),
    "Rule": ("match", "folder", "description"),
    "Sharing": ("source", "rule", "destination", "target", "enabled"),
}
"""Fields of the spec in a table. A kind that is not listed shows every field that differs from its default."""
_BREAKER = {"Connection": ("breaker",)}


def console() -> Console:
    """The console to print on. Lines are wrapped on a terminal only."""
    found = Console(markup=False, highlight=False, emoji=False)
    return found if found.is_terminal else Console(markup=False, highlight=False, emoji=False, width=1000)


def tables(found: Sequence[Stored], on: Snapshot, states: States, *, wide: bool = False) -> Group:
    """A table for each kind among the resources; for connections also the state that services last reported."""
    groups: dict[str, list[Stored]] = {}
    for stored in found:
        groups.setdefault(stored.resource.kind, []).append(stored)
    draw = _wide if wide else _narrow
    titles = len(groups) > 1
    drawn = [draw(group, on, states, kind if titles else None) for kind, group in groups.items()]
    return Group(*(part for table in drawn for part in ("", table))) if titles else Group(*drawn)


def description(stored: Stored, on: Snapshot, states: States) -> Group:
    """Everything about one resource."""
    resource = stored.resource
    head = _grid()
    head.add_row("Kind", resource.kind)
    head.add_row("Name", resource.name)
    head.add_row("Version", "built in" if stored.version is None else str(stored.version))
    head.add_row("In force", in_force(stored, on.policy))
    spec = _table(("field", "value", ""), None)
    for field in fields(resource):
        spec.add_row(field.path, text(field.value), "default" if field.default else "")
    meanings = _table(("entry", "text", "what it means"), None)
    for entry in entries_of(resource) if isinstance(resource, Guard) else ():
        meanings.add_row(dotted(entry.place), repr(entry.text), entry.meaning or f"nothing: {entry.flaw}")
    refers = referrers(on, (resource.kind, resource.name))
    needed = [f"{misfit.kind}/{misfit.name} at {'.'.join(misfit.path)}" for misfit in refers]
    foot = _grid()
    if isinstance(resource, Connection):
        for state in states_of(resource, states):
            foot.add_row(f"Breaker of {state.service}", at_length(state))
    foot.add_row("Referred to by", "\n".join(needed) or "nothing")
    return Group(head, "", spec, "", *((meanings, "") if meanings.row_count else ()), foot)


def in_force(stored: Stored, policy: Policy) -> str:
    """`yes`, with expressions that can fail; or `no`, or `in part`, with the reasons."""
    resource = stored.resource
    wrong = [
        f"no: {'.'.join(misfit.path)}: {misfit.message}"
        for misfit in policy.misfits()
        if (misfit.kind, misfit.name) == (resource.kind, resource.name)
    ]
    if isinstance(resource, Guard):
        entries = [entry for entry in entries_of(resource) if entry.flaw is not None]
        wrong += [f"in part: {dotted(entry.place)} {entry.text!r}: {entry.flaw}" for entry in entries]
    if getattr(resource.spec, "enabled", True) is False:
        wrong.insert(0, "no: it is not enabled")
    unsafe = [f"yes, but {'.'.join(flaw.path)}: {flaw.message}" for flaw in expression_flaws(resource)]
    return "\n".join(wrong or unsafe) or "yes"


def text(value: object) -> str:
    """A value as the text of a cell."""
    match value:
        case None | "" | [] | ():
            return "-"
        case bool():
            return str(value).lower()
        case list() | tuple():
            return ", ".join(map(text, value))
    return str(value)


def _narrow(group: Sequence[Stored], on: Snapshot, states: States, title: str | None) -> RenderableType:
    kind = group[0].resource.kind
    columns = COLUMNS.get(kind, ())
    rest = () if columns else ("spec",)
    table = _table(("name", *columns, *rest, "in force", *_BREAKER.get(kind, ())), title)
    for stored in group:
        spec = stored.resource.spec
        cells = [_cell(spec, column) for column in columns] or [_part(spec)]
        table.add_row(stored.resource.name, *cells, in_force(stored, on.policy), *_breaker(stored.resource, states))
    return table


def _breaker(resource: AnyResource, states: States) -> list[str]:
    return [in_short(resource, states)] if isinstance(resource, Connection) else []


def _wide(group: Sequence[Stored], on: Snapshot, states: States, title: str | None) -> RenderableType:
    columns = list(dict.fromkeys(field.path for stored in group for field in fields(stored.resource)))
    breaker = _BREAKER.get(group[0].resource.kind, ())
    table = _table(("name", "version", *columns, "in force", *breaker), title)
    for stored in group:
        values = {field.path: text(field.value) for field in fields(stored.resource)}
        version = "built in" if stored.version is None else str(stored.version)
        cells = [values.get(column, "") for column in columns]
        ends = (in_force(stored, on.policy), *_breaker(stored.resource, states))
        table.add_row(stored.resource.name, version, *cells, *ends)
    return table


def _cell(spec: BaseModel, column: str) -> str:
    """The text of a field of a spec, by its name in files."""
    for name, info in type(spec).model_fields.items():
        if (info.alias or name) == column:
            value = getattr(spec, name)
            dumped = spec.model_dump(mode="json", include={name})[column]
            return _part(value) if isinstance(value, BaseModel) else text(dumped)
    return ""


def _part(part: BaseModel) -> str:
    """A part of a spec in one line: its kind first, then the fields that differ from their defaults."""
    shown = (
        text(field.value) if field.path == "kind" else f"{field.path}={text(field.value)}" for field in given(part)
    )
    return ", ".join(shown) or "-"


def _table(columns: Sequence[str], title: str | None) -> Table:
    return Table(*columns, title=title, title_justify="left", box=SIMPLE_HEAD, show_edge=False, pad_edge=False)


def _grid() -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(min_width=14)
    return grid
