"""What changes of a record hurt a rolling upgrade: a table, and real readers that must agree with the verdict."""

import json
from itertools import product
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, create_model

from schemas.compatibility import incompatible_changes
from schemas.record import Record, UndecodableError
from schemas.report import ReportBatch

Schema = dict[str, Any]


def an_object(*required: str, **properties: Any) -> Schema:
    return {"type": "object", "properties": properties, "required": list(required)}


def one_of(tag: str, **kinds: Schema) -> Schema:
    return {
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in kinds],
        "discriminator": {"propertyName": tag},
    }


TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer"}
NULL: Schema = {"type": "null"}
A = an_object("kind", kind={"const": "a"}, size=COUNT)
B = an_object("kind", kind={"const": "b"})
TAGGED = {**an_object("spec", spec=one_of("kind", A=A, B=B)), "$defs": {"A": A, "B": B}}
TAGGED_A = {**an_object("spec", spec=one_of("kind", A=A)), "$defs": {"A": A, "B": B}}
TREE = {"$ref": "#/$defs/T", "$defs": {"T": an_object(name=TEXT, inner={"$ref": "#/$defs/T"})}}
BIG_TREE = {"$ref": "#/$defs/T", "$defs": {"T": an_object(name=COUNT, inner={"$ref": "#/$defs/T"})}}

SAFE: list[tuple[str, Schema, Schema]] = [
    ("nothing", an_object(a=TEXT), an_object(a=TEXT)),
    ("a new optional field", an_object(a=TEXT), an_object(a=TEXT, b=COUNT)),
    ("another description", an_object(a=TEXT), an_object(a={**TEXT, "description": "d", "title": "A"})),
    ("another default", an_object(a={**TEXT, "default": "x"}), an_object(a={**TEXT, "default": "y"})),
    ("another order", an_object(a={"enum": ["x", "y"]}), an_object(a={"enum": ["y", "x"]})),
    ("a definition of another name", TAGGED, json.loads(json.dumps(TAGGED).replace('"A"', '"C"').replace("/A", "/C"))),
    ("a type that contains itself", TREE, TREE),
    ("one allowed value, spelt as an enumeration", an_object(a={"const": "x"}), an_object(a={"enum": ["x"]})),
]

HURTFUL: list[tuple[Schema, Schema, str]] = [
    (an_object(a=TEXT, b=COUNT), an_object(a=TEXT), "b: removed; new readers lose"),
    (an_object("b", a=TEXT, b=COUNT), an_object(a=TEXT), "b: removed; old readers refuse"),
    (an_object(a=TEXT), an_object("b", a=TEXT, b=COUNT), "b: new and required; new readers"),
    (an_object(a=TEXT), an_object("a", a=TEXT), "a: was optional, is required; new readers"),
    (an_object("a", a=TEXT), an_object(a=TEXT), "a: was required, is optional; old readers"),
    (an_object(a=TEXT), an_object(a=COUNT), "a: the type was string, is integer; new readers"),
    (an_object(a=COUNT), an_object(a={"type": "number"}), "a: the type was integer, is number; old readers"),
    (an_object(a={"type": "number"}), an_object(a=COUNT), "a: the type was number, is integer; new readers"),
    (an_object(a={"enum": ["x", "y"]}), an_object(a={"enum": ["x"]}), "a: no longer 'y'; new readers"),
    (an_object(a={"enum": ["x"]}), an_object(a={"enum": ["x", "y"]}), "a: now also 'y'; old readers"),
    (an_object(a={"const": "x"}), an_object(a={"const": "y"}), "a: no longer 'x'; new readers"),
    (an_object(a=TEXT), an_object(a={**TEXT, "enum": ["x"]}), "a: now only 'x'; new readers"),
    (an_object(a={**TEXT, "enum": ["x"]}), an_object(a=TEXT), "a: no longer only 'x'; old readers"),
    (an_object(a={**COUNT, "maximum": 9}), an_object(a={**COUNT, "maximum": 8}), "a: maximum was 9, is 8; new readers"),
    (an_object(a={**COUNT, "maximum": 8}), an_object(a={**COUNT, "maximum": 9}), "a: maximum was 8, is 9; old readers"),
    (an_object(a=COUNT), an_object(a={**COUNT, "minimum": 0}), "a: minimum was not set, is 0; new readers"),
    (an_object(a={**COUNT, "minimum": 0}), an_object(a=COUNT), "a: minimum was 0, is not set; old readers"),
    (an_object(a={**TEXT, "maxLength": 9}), an_object(a={**TEXT, "maxLength": 8}), "a: maxLength was 9, is 8; new"),
    (an_object(a=TEXT), an_object(a={**TEXT, "pattern": "^x$"}), "a: pattern was not set, is ^x$; new readers"),
    (an_object(a={**TEXT, "pattern": "x"}), an_object(a={**TEXT, "pattern": "y"}), "a: pattern was x, is y; new"),
    (an_object(a=TEXT), an_object(a={**TEXT, "not": {"const": "x"}}), "a: not was not set, is something else; new"),
    (an_object(a={"anyOf": [TEXT, NULL]}), an_object(a=TEXT), "a: no longer null; new readers"),
    (an_object(a=TEXT), an_object(a={"anyOf": [TEXT, NULL]}), "a: now also null; old readers"),
    (
        an_object(a={"type": "array", "items": TEXT}),
        an_object(a={"type": "array", "items": COUNT}),
        "a[]: the type was string, is integer; new readers",
    ),
    (
        an_object(a={"type": "object", "additionalProperties": COUNT}),
        an_object(a={"type": "object", "additionalProperties": TEXT}),
        "a{}: the type was integer, is string; new readers",
    ),
    (an_object(a=TEXT), {**an_object(a=TEXT), "additionalProperties": False}, "{}: was anything, is nothing; new"),
    (
        {**an_object(a=TEXT), "additionalProperties": False},
        {**an_object(a=TEXT, b=TEXT), "additionalProperties": False},
        "b: new, where no more fields are allowed; old readers",
    ),
    (TAGGED, TAGGED_A, "spec: no longer b; new readers"),
    (TAGGED_A, TAGGED, "spec: now also b; old readers"),
    (
        TAGGED,
        json.loads(json.dumps(TAGGED).replace('"kind"', '"type_"')),
        "spec: the discriminator was kind, is type_; new readers",
    ),
    (
        TAGGED,
        {**TAGGED, "$defs": {"A": an_object("kind", kind={"const": "a"}, size=TEXT), "B": B}},
        "spec(a).size: the type was integer, is string; new readers",
    ),
    (TREE, BIG_TREE, "name: the type was string, is integer; new readers"),
    ({"type": "object"}, {"type": "array"}, "record: the type was object, is array; new readers"),
]


@pytest.mark.parametrize(("old", "new"), [pytest.param(old, new, id=name) for name, old, new in SAFE])
def test_a_safe_change_is_let_through(old: Schema, new: Schema) -> None:
    assert incompatible_changes(old, new) == []


@pytest.mark.parametrize(("old", "new", "finding"), HURTFUL)
def test_a_hurtful_change_is_found_and_named(old: Schema, new: Schema, finding: str) -> None:
    found = incompatible_changes(old, new)
    assert any(line.startswith(finding) for line in found), found
    assert not any("\n" in line for line in found)


def test_a_new_version_is_the_only_finding_for_its_object() -> None:
    old = an_object("inner", inner=an_object("a", v={"const": 1}, a=TEXT, b=TEXT), other=TEXT)
    new = an_object("inner", inner=an_object("c", v={"const": 2}, a=COUNT, c=TEXT), other=TEXT)
    assert incompatible_changes(old, new) == [
        "inner.v: was 1, is 2; readers of either version refuse records of the other"
    ]


def test_the_path_leads_into_a_real_record() -> None:
    old = ReportBatch.model_json_schema()
    new = json.loads(json.dumps(old).replace('"sha256"', '"sha512"'))
    found = incompatible_changes(old, new)
    assert found[0].startswith("reports[].type: no longer 'sha256'; ")
    assert found[1].startswith("reports[].type: now also 'sha512'; ")


VALUES: tuple[Any, ...] = (0, 5, 50, "", "x", "xyz", None, ["x"], [1], {"x": 1}, {"x": "y"})
KINDS: tuple[Any, ...] = (
    int,
    Annotated[int, Field(ge=5)],
    Annotated[int, Field(ge=0, le=5)],
    str,
    Annotated[str, Field(max_length=1)],
    Annotated[str, Field(pattern="^x")],
    Literal["x", "xyz"],
    Literal["x"],
    str | None,
    int | str,
    tuple[str, ...],
    Annotated[tuple[str, ...], Field(max_length=0)],
    dict[str, int],
    dict[str, str],
)
TEXTS = ["{}", *(json.dumps({"a": value}) for value in VALUES)]
"""Every value, and none."""


def _models() -> list[type[Record]]:
    """A record without the field, and with it in every kind, required and optional."""
    made: list[type[Record]] = [create_model("Made", __base__=Record)]
    for kind in KINDS:
        made.append(create_model("Made", __base__=Record, a=(kind, ...)))
        made.append(create_model("Made", __base__=Record, a=(kind, Field(default_factory=lambda: None))))
    return made


def test_where_nothing_is_found_each_reader_takes_what_the_other_writes() -> None:
    models = [(model, model.model_json_schema(), _taken(model)) for model in _models()]
    for (old, old_schema, old_takes), (new, new_schema, new_takes) in product(models, repeat=2):
        if not incompatible_changes(old_schema, new_schema):
            # Whoever does not know the field does not write it.
            assert old_takes <= new_takes or "a" not in old.model_fields, (old_schema, new_schema)
            assert new_takes <= old_takes or "a" not in new.model_fields, (old_schema, new_schema)


def _taken(model: type[Record]) -> set[str]:
    """What a reader of this model takes."""
    return {text for text in TEXTS if _takes(model, text)}


def _takes(model: type[Record], text: str) -> bool:
    try:
        model.decode(text)
    except UndecodableError:
        return False
    return True
