"""Validates documents into resources, or reports every mistake with its place."""

from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from schemas.resources import KINDS, AnyResource
from services.console.manifests.documents import Document
from services.console.manifests.mistake_texts import alternatives, error_text, suggest
from services.console.manifests.places import Mistake, Path
from services.console.manifests.shape import shape

NEEDED_IN_FILES = ("apiVersion", "kind")
"""Fields that a file must have although the models have defaults for them."""

Id = tuple[str, str]
"""Kind and name: the identity of a resource."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A document with its id, if known, and its resource, if valid."""

    document: Document
    id: Id | None
    resource: AnyResource | None
    sketch: AnyResource | None = None
    """The resource without its invalid fields, if possible: used to find further mistakes."""
    left_out: tuple[Path, ...] = ()
    """List items that are missing in `sketch`."""

    def path_in_document(self, path: Path) -> Path:
        """The path in the document of a path in `sketch`, in which list items may be missing."""
        found: Path = ()
        for part in path:
            found = (*found, self._original(found, part) if isinstance(part, int) else part)
        return found

    def _original(self, items: Path, number: int) -> int:
        gone = sorted(one[-1] for one in self.left_out if one[:-1] == items and isinstance(one[-1], int))
        for before in gone:
            number += before <= number
        return number


def check(documents: list[Document]) -> tuple[list[Checked], list[Mistake]]:
    """Check each document, and that each resource is given once. Returns one Checked per document, and all mistakes."""
    checked: list[Checked] = []
    mistakes: list[Mistake] = []
    first: dict[Id, Document] = {}
    for document in documents:
        found, wrong = _check(document)
        checked.append(found)
        about = subject(found.id) if found.id else ""
        mistakes += [*(replace(flaw, subject=about) for flaw in document.flaws), *wrong]
        if found.id is None:
            continue
        if found.id in first:
            path: Path = ("metadata", "name")
            message = f"the same resource is also at {first[found.id].place(path)}; keep one of the two"
            mistakes.append(Mistake(message, document.place(path), about, path))
        first.setdefault(found.id, document)
    return checked, mistakes


def subject(id_: Id) -> str:
    """A resource's name in messages: `Sharing/to-netskope`."""
    return "/".join(id_)


def identify(document: Document) -> tuple[Id | None, list[Mistake]]:
    """Kind and name of a document, and the mistakes in these."""
    value = document.value
    if not isinstance(value, dict):
        message = "is not a resource: a mapping with apiVersion, kind, metadata and spec"
        return None, [Mistake(message, document.place())]
    kind = value.get("kind")
    if kind is None:
        message = f"is missing; use {alternatives(KINDS)}"
        return None, [Mistake(message, document.place(("kind",)), _name(value), ("kind",))]
    if not isinstance(kind, str):
        message = f"must be text; use {alternatives(KINDS)}"
        return None, [Mistake(message, document.place(("kind",)), _name(value), ("kind",))]
    if kind not in KINDS:
        message = f"{kind[:40]} is not a kind of resource; the kinds are {', '.join(KINDS)}"
        return None, [Mistake(message, document.place(("kind",)), f"{kind[:40]}/{_name(value)}", ("kind",))]
    name = _name(value)
    return ((kind, name) if name else None), []


def _name(value: dict[object, object]) -> str:
    metadata = value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return name if isinstance(name, str) else ""


def _check(document: Document) -> tuple[Checked, list[Mistake]]:
    id_, mistakes = identify(document)
    if mistakes:
        return Checked(document, id_, None), mistakes
    assert isinstance(document.value, dict)
    kind: str = document.value["kind"]
    about = subject(id_ or (kind, ""))
    if "apiVersion" not in document.value:
        message = "is missing; add apiVersion: ioc-bridge/v1"
        mistakes.append(Mistake(message, document.place(), about, ("apiVersion",)))
    try:
        resource = KINDS[kind].model_validate(document.value, extra="forbid")
    except ValidationError as error:
        found = error.errors(include_url=False)
        wrong = [_mistake(one, document, kind, about) for one in found]
        mistakes += [one for one in wrong if not _is_unread(one.path, document)]
        sketch, left_out = _sketch(document, kind, found)
        return Checked(document, id_, None, sketch, left_out), mistakes
    return Checked(document, id_, None if mistakes else resource, resource), mistakes


def _is_unread(path: Path, document: Document) -> bool:
    """Whether the document's flaws already name the field, or a field that it is in."""
    return any(path[:length] in document.unread for length in range(1, len(path) + 1))


def _sketch(document: Document, kind: str, errors: list[ErrorDetails]) -> tuple[AnyResource | None, tuple[Path, ...]]:
    """The resource without its invalid fields, and the list items that were removed."""
    value = deepcopy(document.value)
    left_out: set[Path] = set()
    paths = {shape(kind).follow(error["loc"])[0] or ("",) for error in errors}
    for path in sorted(paths, key=lambda path: [(isinstance(part, int), part) for part in path], reverse=True):
        *parents, last = path
        within: Any = value
        with suppress(KeyError, IndexError, TypeError):
            for part in parents:
                within = within[part]
            del within[last]
            if isinstance(within, list):
                left_out.add(path)
    with suppress(ValidationError):
        return KINDS[kind].model_validate(value), tuple(sorted(left_out, key=str))
    return None, ()


def _mistake(error: ErrorDetails, document: Document, kind: str, about: str) -> Mistake:
    known = shape(kind)
    path, node = known.follow(error["loc"])
    context = error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden":
            fields = known.follow(error["loc"][:-1])[1].get("properties", {})
            message = f"there is no such field; {suggest(str(error['loc'][-1]), fields)}"
            return Mistake(message, document.place(path, key=True), about, path)
        case "union_tag_invalid" | "union_tag_not_found":
            path = (*path, context["discriminator"].strip("'"))
            tags = list(node["discriminator"]["mapping"])
            tag = context.get("tag")
            message = f"is missing; use {alternatives(tags)}" if tag is None else (
                f"{tag[:40]} is not allowed here; {suggest(tag, tags)}"
            )  # fmt: skip
            return Mistake(message, document.place(path), about, path)
    return Mistake(error_text(error, node), document.place(path), about, path)
