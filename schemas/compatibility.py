"""Finds changes of a record's JSON Schema that break a rolling upgrade, where old and new readers and writers mix.

Readers are strict, so both directions count. If the new schema accepts less, new readers refuse records of old writers;
if it accepts more, old readers refuse records of new writers. Adding an optional field is safe, and so are changes of
titles, descriptions and defaults (writers leave out absent values only). A change of an unknown keyword counts as
incompatible. If `v` changes in an object, that is its only finding: readers of either version refuse the other.
"""

# No maintained library fits: jsoncompat needs Python 3.12, jsonsubschema supports draft 4 only, and both answer yes or
# no without naming the field.

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

_MISSING = object()
_ANNOTATIONS = {"title", "description", "default", "examples", "deprecated", "$schema", "$id", "$defs", "$comment"}
_LOWER = {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"}
_UPPER = {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"}
_TREATED = {"type", "enum", "const", "properties", "required", "additionalProperties", "items", "prefixItems", "anyOf"}
_TREATED |= {"oneOf", "discriminator", "$ref"} | _ANNOTATIONS | _LOWER | _UPPER

_NARROWED = "new readers refuse what old writers wrote"
_LOST = "new readers lose what old writers wrote"
_WIDENED = "old readers refuse what new writers write"


def incompatible_changes(old: Schema, new: Schema) -> list[str]:
    """Every incompatible change, one line each: the field's path, what changed, and which readers refuse what."""
    return list(dict.fromkeys(_Comparison(old, new).compare(old, new, "")))


class _Comparison:
    """Compares two schemas, each with the definitions of its own root."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self._old = old
        self._new = new
        self._under_way: set[tuple[str, str]] = set()

    def compare(self, old: Schema, new: Schema, path: str) -> Iterator[str]:
        refs = old.get("$ref", ""), new.get("$ref", "")
        if all(refs) and refs in self._under_way:
            return  # a recursive type is compared once, where it first occurs
        self._under_way.add(refs)
        yield from self._values(_resolved(old, self._old), _resolved(new, self._new), path)
        self._under_way.discard(refs)

    def _values(self, old: Schema, new: Schema, path: str) -> Iterator[str]:
        old_choices, new_choices = _choices(old), _choices(new)
        if len(old_choices) > 1 or len(new_choices) > 1:
            yield from self._alternatives(old, new, path)
            return
        if (before := _constant(old, "v")) != (after := _constant(new, "v")) and None not in (before, after):
            yield f"{_join(path, 'v')}: was {before}, is {after}; readers of either version refuse records of the other"
            return
        if differing := list(_types(old, new, path)):
            yield from differing
            return
        yield from _members(old, new, path)
        yield from _bounds(old, new, path)
        yield from _others(old, new, path)
        yield from self._fields(old, new, path)
        yield from self._items(old, new, path)

    def _alternatives(self, old: Schema, new: Schema, path: str) -> Iterator[str]:
        place = path or "record"
        tags = [schema.get("discriminator", {}).get("propertyName") for schema in (old, new)]
        if tags[0] != tags[1]:
            yield f"{place}: the discriminator was {tags[0]}, is {tags[1]}; {_NARROWED}"
        before = _named(self._old, _choices(old), tags[0])
        after = _named(self._new, _choices(new), tags[1])
        for name in sorted(before.keys() - after.keys()):
            yield f"{place}: no longer {name}; {_NARROWED}"
        for name in sorted(after.keys() - before.keys()):
            yield f"{place}: now also {name}; {_WIDENED}"
        for name in sorted(before.keys() & after.keys()):
            yield from self.compare(before[name], after[name], f"{path}({name})" if tags[0] else path)

    def _fields(self, old: Schema, new: Schema, path: str) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        needed, needs = set(old.get("required", ())), set(new.get("required", ()))
        for name in sorted(before.keys() - after.keys()):
            yield f"{_join(path, name)}: removed; {_WIDENED if name in needed else _LOST}"
        for name in sorted(after.keys() - before.keys()):
            if name in needs:
                yield f"{_join(path, name)}: new and required; {_NARROWED}"
            if old.get("additionalProperties") is False:
                yield f"{_join(path, name)}: new, where no more fields are allowed; {_WIDENED}"
        for name in sorted(before.keys() & after.keys()):
            if name in needs - needed:
                yield f"{_join(path, name)}: was optional, is required; {_NARROWED}"
            if name in needed - needs:
                yield f"{_join(path, name)}: was required, is optional; {_WIDENED}"
            yield from self.compare(before[name], after[name], _join(path, name))
        yield from self._inside(
            old.get("additionalProperties", True), new.get("additionalProperties", True), f"{path}{{}}"
        )

    def _items(self, old: Schema, new: Schema, path: str) -> Iterator[str]:
        yield from self._inside(old.get("items", True), new.get("items", True), f"{path}[]")
        before, after = old.get("prefixItems", []), new.get("prefixItems", [])
        if len(before) != len(after):
            yield f"{path}[]: had {len(before)} fixed items, has {len(after)}; {_NARROWED}"
        for number, (one, other) in enumerate(zip(before, after, strict=False)):
            yield from self.compare(one, other, f"{path}[{number}]")

    def _inside(self, old: Schema | bool, new: Schema | bool, path: str) -> Iterator[str]:
        if isinstance(old, bool) or isinstance(new, bool):
            if old != new:
                narrowed = new is False or (old is True and new is not True)
                yield f"{path}: was {_shown(old)}, is {_shown(new)}; {_NARROWED if narrowed else _WIDENED}"
            return
        yield from self.compare(old, new, path)


def _types(old: Schema, new: Schema, path: str) -> Iterator[str]:
    before, after = _as_set(old.get("type")), _as_set(new.get("type"))
    if before == after:
        return
    change = f"{path or 'record'}: the type was {_listed(before)}, is {_listed(after)}"
    if not (after and before <= _with_integers(after)) or not before:
        yield f"{change}; {_NARROWED}" if after else f"{change}; {_WIDENED}"
    if before and after and not after <= _with_integers(before):
        yield f"{change}; {_WIDENED}"


def _members(old: Schema, new: Schema, path: str) -> Iterator[str]:
    before, after = _allowed(old), _allowed(new)
    place = path or "record"
    if before is None and after is not None:
        yield f"{place}: now only {_listed(after)}; {_NARROWED}"
    elif before is not None and after is None:
        yield f"{place}: no longer only {_listed(before)}; {_WIDENED}"
    elif before is not None and after is not None:
        if gone := before - after:
            yield f"{place}: no longer {_listed(gone)}; {_NARROWED}"
        if added := after - before:
            yield f"{place}: now also {_listed(added)}; {_WIDENED}"


def _bounds(old: Schema, new: Schema, path: str) -> Iterator[str]:
    for keyword in sorted(_LOWER | _UPPER):
        before, after = old.get(keyword), new.get(keyword)
        if before == after:
            continue
        if before is None or after is None:
            narrowed = before is None
        else:
            narrowed = after > before if keyword in _LOWER else after < before
        change = f"{keyword} was {_shown(before)}, is {_shown(after)}"
        yield f"{path or 'record'}: {change}; {_NARROWED if narrowed else _WIDENED}"


def _others(old: Schema, new: Schema, path: str) -> Iterator[str]:
    for keyword in sorted((old.keys() | new.keys()) - _TREATED):
        before, after = old.get(keyword, _MISSING), new.get(keyword, _MISSING)
        if before != after:
            effect = _WIDENED if after is _MISSING else _NARROWED
            yield f"{path or 'record'}: {keyword} was {_shown(before)}, is {_shown(after)}; {effect}"


def _resolved(schema: Schema, root: Schema) -> Schema:
    """The referenced schema, overridden by the keywords beside the reference."""
    while "$ref" in schema:
        _, _, name = schema["$ref"].rpartition("/")
        schema = {**root["$defs"][name], **{key: value for key, value in schema.items() if key != "$ref"}}
    return schema


def _choices(schema: Schema) -> list[Schema]:
    return schema.get("anyOf") or schema.get("oneOf") or [schema]


def _named(root: Schema, choices: Iterable[Schema], tag: str | None) -> dict[str, Schema]:
    """The alternatives by name: the value of the discriminator, else the type, numbered if equal."""
    found: dict[str, Schema] = {}
    for choice in choices:
        schema = _resolved(choice, root)
        name = str(_constant(schema, tag)) if tag else _listed(_as_set(schema.get("type")))
        while name in found:
            name += " (another)"
        found[name] = choice
    return found


def _constant(schema: Schema, field: str) -> object:
    """The one value that a field of an object may have, or None."""
    found = schema.get("properties", {}).get(field, {})
    return found.get("const")


def _allowed(schema: Schema) -> set[str] | None:
    if "const" in schema:
        return {repr(schema["const"])}
    return {repr(member) for member in schema["enum"]} if "enum" in schema else None


def _as_set(types: str | list[str] | None) -> set[str]:
    return set() if types is None else {types} if isinstance(types, str) else set(types)


def _with_integers(types: set[str]) -> set[str]:
    return types | {"integer"} if "number" in types else types


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _listed(members: Iterable[str]) -> str:
    return ", ".join(sorted(members)) or "anything"


def _shown(value: object) -> str:
    if value is None or value is _MISSING:
        return "not set"
    if isinstance(value, bool):
        return "anything" if value else "nothing"
    return f"{value}" if isinstance(value, int | float | str) else "something else"
