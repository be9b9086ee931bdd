"""Any text gives resources, or mistakes with a place inside the text, the field and what to do: never a traceback."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.resources.sharing import Sharing
from services.console.manifests.documents import read_text
from services.console.manifests.places import Mistake
from services.console.manifests.validation import Checked, check

SHARING = """\
apiVersion: ioc-bridge/v1
kind: Sharing
metadata: {name: one}
spec:
  source: a
  destination: b
  target: {kind: defender-action, action: Block}
"""
OTHER = SHARING.replace("name: one", "name: two")
GUARD = "apiVersion: ioc-bridge/v1\nkind: Guard\nmetadata: {name: g}\nspec:\n  listing: {shrinkPercent: %s}\n"
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{after}: &{after} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, after in zip("abcdefghi", "bcdefghij", strict=True)
)
CHAIN = "a0: &a0 [x]\n" + "".join(f"a{number}: &a{number} [*a{number - 1}]\n" for number in range(1, 1_000))
AMBIGUOUS = "is a number that YAML 1.1 and 1.2 read in different ways; write it in plain digits, or put it in quotes if"
TEXT = "must be text; put it in quotes"
NAME = "the name of a field must be text; put it in quotes"


def read(text: str) -> tuple[list[Checked], list[str]]:
    documents, mistakes = read_text(text, "f.yaml")
    checked, wrong = check(documents)
    return checked, [str(mistake) for mistake in [*mistakes, *wrong]]


def names(checked: list[Checked]) -> list[str]:
    return [one.resource.metadata.name for one in checked if one.resource is not None]


@pytest.mark.parametrize(
    "text",
    [
        f"\ufeff{SHARING}---\n{OTHER}",
        f"{SHARING}---\n\ufeff{OTHER}",
        f"{SHARING}\ufeff---\n{OTHER}",
        f"{SHARING}---\n{OTHER}".replace("\n", "\r\n"),
        f"{SHARING}---\n{OTHER}".replace("\n", "\r"),
        f"{SHARING}---\n{OTHER}".replace(": a", ":\ta").replace(": b", ": b\t# c").replace("spec:", "\t\nspec:"),
    ],
    ids=["mark", "mark in the second", "mark before ---", "CR LF", "CR", "tabs between words"],
)
def test_what_editors_and_shells_leave_in_a_file_changes_nothing(text: str) -> None:
    checked, mistakes = read(text)
    assert (names(checked), mistakes) == (["one", "two"], [])


def test_json_may_be_indented_with_tabs() -> None:
    checked, mistakes = read(
        '{\n\t"apiVersion": "ioc-bridge/v1",\n\t"kind": "Guard",\n\t"metadata": {"name":\t"g"}\n}\n'
    )
    assert (mistakes, len(checked)) == ([], 1)


@pytest.mark.parametrize("break_", ["\n", "\r\n", "\r"])
def test_a_bad_document_hides_no_other_and_lines_count_as_editors_count_them(break_: str) -> None:
    text = f"{SHARING}---\nkind: [\n---\n{OTHER}  zzz: 1\n"
    checked, mistakes = read(text.replace("\n", break_))
    assert names(checked) == ["one"]
    assert [line.partition(": ")[0] for line in mistakes] == ["f.yaml:9:8", "f.yaml:18:3"]


@pytest.mark.parametrize(
    ("wrong", "mistake"),
    [
        ("source: no", f"5:11: Sharing/one: spec.source: {TEXT} (without quotes it means false)"),
        ("source: on", f"5:11: Sharing/one: spec.source: {TEXT} (without quotes it means true)"),
        ("source: 12", f"5:11: Sharing/one: spec.source: {TEXT}"),
        ("source: 1:30", f"5:11: Sharing/one: spec.source: {AMBIGUOUS} it is text"),
        ("source: 0o7", f"5:11: Sharing/one: spec.source: {AMBIGUOUS} it is text"),
        ("source: 010", f"5:11: Sharing/one: spec.source: {AMBIGUOUS} it is text"),
        ("source: 1_000", f"5:11: Sharing/one: spec.source: {AMBIGUOUS} it is text"),
        ("source: !!python/object:os.system x",
         "5:11: Sharing/one: spec.source: the tag !!python/object:os.system is not known here; remove it"),
        ("source: !!set {a}", "5:11: Sharing/one: spec.source: the tag !!set is not known here; remove it"),
        ("source: !!int abc", ("5:11: Sharing/one: spec.source: is not what its tag says, or has too many digits; "
                              "correct it, or put it in quotes if it is text")),
        ('source: "\\uD800"', "5:11: Sharing/one: spec.source: has broken Unicode in it; remove it"),
        ("source: a\n  1: x", f"6:3: Sharing/one: spec.1: {NAME}"),
        ("source: a\n  on: x", f"6:3: Sharing/one: spec.on: {NAME}"),
        ("source: a\n  ~: x", f"6:3: Sharing/one: spec.~: {NAME}"),
        ("source: a\n  [k]: x", ("6:3: Sharing/one: spec: a list or a mapping is no name of a field; remove it, or put "
                                "it in quotes")),
        ("source: a\n  <<: 3", ("6:3: Sharing/one: spec.<<: << takes a mapping, or a list of mappings; name one by its "
                               "alias, for example <<: *base")),
        ("source: b\n  source: a",
         "6:3: Sharing/one: spec.source: is given twice, the first 1 line above; keep one of the two"),
        ('source: a\n  "\\e[31m\\uD800": x',
         r"6:3: Sharing/one: spec.\x1b[31m\ud800: has broken Unicode in it; remove it"),
    ],
)  # fmt: skip
def test_a_surprise_of_yaml_is_one_mistake_at_its_field(wrong: str, mistake: str) -> None:
    assert read(SHARING.replace("source: a", wrong))[1] == [f"f.yaml:{mistake}"]


@pytest.mark.parametrize("number", ["010", "1:30", "1_000", "0o7", "0b101"])
def test_a_number_of_two_meanings_is_not_read_as_one_of_them(number: str) -> None:
    assert read(GUARD % number)[1] == [f"f.yaml:5:28: Guard/g: spec.listing.shrinkPercent: {AMBIGUOUS} it is text"]


def test_a_date_is_text() -> None:
    checked, mistakes = read(SHARING.replace("source: a", "source: 2024-01-01"))
    assert not mistakes
    assert isinstance(checked[0].resource, Sharing)
    assert checked[0].resource.spec.source == "2024-01-01"


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        (BOMB, "6:4: f: stands for more than 100000 values by its aliases; write out what is meant"),
        (BOMB.replace("j: &j", "kind: &j"), "6:4: f: stands for more than 100000 values by its aliases; write out"),
        (CHAIN, "100:6: a99: is nested in more than 100 levels by its aliases; write out what is meant"),
        ("a: &a [*a]\n", "1:4: a[0]: holds itself by an alias; write out what is meant instead of the alias"),
        ("&a\nkind: Rule\n<<: *a\n", "1:1: <<: holds itself by an alias; write out what is meant instead"),
        ("[" * 100_000, "1:51: is nested in more than 50 levels, which no resource is; remove the surplus levels"),
        ("".join(f"{' ' * depth}a:\n" for depth in range(100)), "51:52: is nested in more than 50 levels"),
        ("spec:\n\tsource: a\n", "2:1: this is not YAML: there is a tab in the indentation; YAML indents with spaces"),
        ("a: b: c\n", "1:5: this is not YAML: there is a second colon, or the line is indented unlike the lines"),
        ("a: *b\n", "1:4: this is not YAML: there is no anchor of this name above; put text that begins with * in"),
        ("a: @b\n", "1:4: this is not YAML: a value cannot begin with this character; put the value in quotes"),
        ('a: "b\n', "2:1: this is not YAML: a quote is not closed; close it"),
        ("a: {b\n", "2:1: this is not YAML: a bracket is not closed, or a comma is missing; close the bracket"),
        ("a: 1\n...\nb: 2\n", "3:1: this is not YAML: another document begins here without ---; add a line --- before"),
        ("a: \u2028\n", "1:4: character U+2028 is not allowed in YAML; remove it, or write it as an escape in double"),
    ],
    ids=["bomb", "bomb as kind", "chain", "list in itself", "mapping in itself", "brackets", "indents", "tab", "colons",
         "alias", "at", "quote", "bracket", "end", "separator"],
)  # fmt: skip
def test_what_cannot_be_read_is_a_mistake_with_its_place_and_what_to_do(text: str, mistake: str) -> None:
    found = read(text)[1]
    assert found[0].startswith(f"f.yaml:{mistake}")


def test_an_alias_within_the_bounds_is_what_its_anchor_says() -> None:
    checked, mistakes = read(
        f"- &one\n  {SHARING.replace(chr(10), chr(10) + '  ')}\n- <<: *one\n  metadata: {{name: two}}\n"
    )
    assert (names(checked), mistakes) == (["one", "two"], [])


_TOKENS = st.sampled_from([
    *"ab:-[]{}&*!|>'\"%#?,\n\r\t~<=@`\\0179_.", " ", "  ", "\n  ", "\n---\n", "\ufeff", "\x07", "\x85", "\u2028", "é",
    "&a ", "*a", "<<: *a", "!!int ", "!!set ", "!x ", "\n- ", ": ", "kind: Sharing\n", "metadata: {name: a}\n", "spec:",
    "010", "1:30", "no", "2024-01-01", '"\\uD800"', SHARING, GUARD,
])  # fmt: skip


def is_inside(mistake: Mistake, lines: list[str]) -> bool:
    place = mistake.place
    return place is not None and 1 <= place.line <= len(lines) and 1 <= place.column <= len(lines[place.line - 1]) + 1


@given(st.one_of(st.text(max_size=80), st.lists(_TOKENS, max_size=30).map("".join)))
@example("- &a {x: *a}\n- *a\n")
@example("\ud800")
@example("!!int")
def test_any_text_gives_resources_or_mistakes_inside_it(text: str) -> None:
    documents, mistakes = read_text(text, "f.yaml")
    checked, wrong = check(documents)
    lines = re.split(r"\r\n|\n|\r", text)
    assert all(is_inside(mistake, lines) for mistake in [*mistakes, *wrong])
    assert all(str(mistake).isprintable() for mistake in [*mistakes, *wrong])
    assert all(one.resource is not None for one in checked) or mistakes or wrong
