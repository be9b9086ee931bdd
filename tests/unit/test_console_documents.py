"""Where things stand in YAML text, and that no text is too odd to be answered with places."""

import string

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from services.console.manifests.documents import Document, read_text
from services.console.manifests.places import Path

TEXT = """\
# of two documents
kind: Sharing
metadata: {name: a}
spec:
  types:
    - url
    - domain
---
kind: Rule
"""


@pytest.fixture
def document() -> Document:
    return read_text(TEXT, "f.yaml")[0][0]


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ((), "f.yaml:2:1"),
        (("kind",), "f.yaml:2:7"),
        (("metadata", "name"), "f.yaml:3:18"),
        (("spec",), "f.yaml:4:1"),
        (("spec", "types", 1), "f.yaml:7:7"),
        (("spec", "source"), "f.yaml:4:1"),
        (("absent", "field"), "f.yaml:2:1"),
    ],
)
def test_a_place_is_that_of_a_value_or_of_the_name_of_what_it_would_be_in(
    document: Document, path: Path, place: str
) -> None:
    assert str(document.place(path)) == place


def test_a_name_has_a_place_of_its_own(document: Document) -> None:
    assert str(document.place(("metadata", "name"), key=True)) == "f.yaml:3:12"


def test_lines_count_from_the_start_of_the_file() -> None:
    assert str(read_text(TEXT, "f")[0][1].place(("kind",))) == "f:9:7"


def test_a_document_that_is_no_yaml_does_not_hide_the_others() -> None:
    documents, mistakes = read_text("kind: [\n---\nkind: A\n---\na: b: c\n---\nkind: B\n", "f")
    assert [document.value for document in documents] == [{"kind": "A"}, {"kind": "B"}]
    assert [str(mistake.place) for mistake in mistakes] == ["f:1:8", "f:5:5"]


def test_a_field_given_twice_is_found_wherever_it_is() -> None:
    (document,), mistakes = read_text("a: 1\nb:\n  - c: 1\n    c: 2\na: 3\n", "f")
    assert not mistakes
    assert sorted(map(str, document.flaws)) == [
        "f:4:5: b[0].c: is given twice, the first 1 line above; keep one of the two",
        "f:5:1: a: is given twice, the first 4 lines above; keep one of the two",
    ]


def test_merged_fields_are_not_given_twice() -> None:
    (one, two), mistakes = read_text("- &a {x: 1, y: 2}\n- &b {<<: *a, x: 3, z: *a}\n", "f")
    assert (mistakes, one.flaws, two.flaws) == ([], (), ())
    assert two.value == {"x": 3, "y": 2, "z": {"x": 1, "y": 2}}
    assert str(two.place(("x",))) == "f:2:18"


def test_what_looks_like_a_date_is_text() -> None:
    assert read_text("name: 2024-01-01", "f")[0][0].value == {"name": "2024-01-01"}


def test_directives_belong_to_the_document_after_them() -> None:
    documents, mistakes = read_text("# c\n%YAML 1.1\n---\nkind: A\n", "f")
    assert (len(documents), mistakes) == (1, [])
    assert str(documents[0].place(("kind",))) == "f:4:7"


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "---\n---\n", "---\n# c\n...\n"])
def test_empty_documents_count_as_none(text: str) -> None:
    assert read_text(text, "f") == ([], [])


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: \x07", "f:1:4"),
        ("---\na: 1\n---\nb: \x07", "f:4:4"),
        ("a: !!python/object:os.system x", "f:1:4"),
        ("a: !!bool x", "f:1:4"),
        ("a: " + "9" * 5000, "f:1:4"),
        ("? [a]\n: b", "f:1:3"),
        ("[" * 3000, "f:1:51"),
    ],
    ids=["control", "control in the second", "tag", "wrong tag", "huge number", "list as key", "depth"],
)
def test_oddities_are_mistakes_with_a_place(text: str, place: str) -> None:
    documents, mistakes = read_text(text, "f")
    assert [str(mistake.place) for mistake in [*mistakes, *(flaw for one in documents for flaw in one.flaws)]] == [
        place
    ]


_NAMES = st.text(string.ascii_lowercase, min_size=1, max_size=8).map(lambda name: f"n{name}")
_TREES = st.recursive(
    st.integers(0, 999).map(lambda number: f"v{number}"),
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(_NAMES, inner, min_size=1, max_size=3),
    max_leaves=12,
)


@settings(max_examples=40)  # each is parsed in pure Python
@given(st.lists(st.dictionaries(_NAMES, _TREES, min_size=1), min_size=1, max_size=3), st.booleans())
def test_the_place_of_every_value_is_where_it_stands(values: list[dict[str, object]], flow: bool) -> None:
    text = yaml.safe_dump_all(values, default_flow_style=flow, explicit_start=True)
    documents, _ = read_text(text, "f")
    lines = text.split("\n")
    assert [document.value for document in documents] == values
    for document in documents:
        for path, value in _leaves(document.value, ()):
            place = document.place(path)
            assert lines[place.line - 1][place.column - 1 :].startswith(value)


def _leaves(value: object, path: Path) -> list[tuple[Path, str]]:
    if isinstance(value, str):
        return [(path, value)]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [leaf for key, inner in items for leaf in _leaves(inner, (*path, key))]
