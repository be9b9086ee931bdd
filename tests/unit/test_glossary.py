"""Public names use the words of the glossary, or plain words: a private noun is a language a reader has to learn."""

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

from schemas.vendors.registry import NAMES

ROOT = Path(__file__).parents[2]
GLOSSARY = ROOT / "docs" / "glossary.md"
PLAIN = ROOT / "tests" / "data" / "plain_words.txt"
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
ROW = re.compile(r"^\| ([a-z][a-z -]*) \| ([^|]+) \| `([^`]+)` \|$", re.MULTILINE)
PRIVATE = {
    "keeper", "spot", "wish", "told", "barred", "standing", "aside", "tenure", "hire", "fleet", "ledger", "outbox",
    "parcel", "leave", "chores", "inquiry", "settled", "parted", "spilling", "spread", "vouch", "lane", "hearing",
    "desk", "said", "placed", "putting", "withdrawing", "evicting", "accepting", "doing", "kept",
}  # fmt: skip
"""Words that once named things here and that nobody else uses so."""


def terms() -> list[tuple[str, str, str]]:
    return [(term, meaning, where) for term, meaning, where in ROW.findall(GLOSSARY.read_text("utf-8"))]


def allowed() -> set[str]:
    plain = {line for line in PLAIN.read_text("utf-8").splitlines() if line and not line.startswith("#")}
    return plain | {*NAMES} | {word for term, _, _ in terms() for word in re.split(r"[ -]", term)}


def singular(word: str) -> set[str]:
    """The word, and what it may be the plural or another form of."""
    forms = {word, word.removesuffix("s"), word.removesuffix("es")}
    return forms | {word.removesuffix("ies") + "y"} if word.endswith("ies") else forms


def public_words() -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for folder in ("schemas", "services"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            names = [*path.relative_to(ROOT).with_suffix("").parts]
            tree = ast.parse(path.read_text("utf-8"))
            names += [node.name for node in tree.body if isinstance(node, ast.ClassDef) and node.name[0] != "_"]
            for name in names:
                for word in WORD.findall(name):
                    found[word.lower()].append(f"{path.relative_to(ROOT)}: {name}")
    return found


def test_the_glossary_is_alphabetical_one_line_a_term_and_not_too_long() -> None:
    names = [term for term, _, _ in terms()]
    assert names == sorted(names, key=str.lower)
    assert len(names) == len(set(names))
    assert 40 <= len(names) <= 80


@pytest.mark.parametrize(("term", "where"), [(term, where) for term, _, where in terms()])
def test_a_term_lives_where_the_glossary_says(term: str, where: str) -> None:
    assert (ROOT / where).exists(), f"{term}: {where} does not exist"


def test_public_names_use_words_of_the_glossary_or_plain_ones() -> None:
    words = allowed()
    unknown = {
        word: places[0]
        for word, places in public_words().items()
        if not singular(word) & words
    }  # fmt: skip
    assert not unknown, (
        "use a word of docs/glossary.md, or add the word there (a term) or to tests/data/plain_words.txt (plain "
        f"English, or the name of a format or product): {unknown}"
    )


def test_no_private_word_names_anything_any_more() -> None:
    assert {word: places for word, places in public_words().items() if word in PRIVATE} == {}
    assert not allowed() & PRIVATE
