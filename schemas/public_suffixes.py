"""Public suffixes: names below which different owners register their own names (`co.uk`, `github.io`).

The list is Mozilla's Public Suffix List with its private section, from the `publicsuffixlist` wheel; nothing is
fetched. A name above public suffixes (`amazonaws.com`) covers all of them, so it is recognised too.

The wheel's own lookup takes 7 µs a name, for every indicator; a set takes 0.1 µs. A test compares the two.
"""

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

MORE_SUFFIXES: Final = frozenset({
    "azurefd.net", "cloudapp.azure.com", "cloudapp.azure.net", "files.1drv.com", "livefilestore.com", "msecnd.net",
    "sharepoint.com", "visualstudio.com", "vo.msecnd.net", "windows.net",
})  # fmt: skip
"""Names of Microsoft that the list lacks, below which its customers have names."""


class _Rules(NamedTuple):
    """The rules of the list. `wildcards` has the names after `*.`, `parents` the names above those of rules."""

    exact: frozenset[str]
    wildcards: frozenset[str]
    exceptions: frozenset[str]
    parents: dict[str, str]


@cache
def _rules() -> _Rules:
    rules = sorted({*_read(), *MORE_SUFFIXES})
    wildcards = frozenset(rule[2:] for rule in rules if rule.startswith("*."))
    exceptions = frozenset(rule[1:] for rule in rules if rule.startswith("!"))
    exact = wildcards.union(rule for rule in rules if rule[0] not in "*!")
    parents: dict[str, str] = {}
    for name in sorted(exact, key=lambda name: (len(name), name)):
        above = name.partition(".")[2]
        while above:
            parents.setdefault(above, name)
            above = above.partition(".")[2]
    return _Rules(exact, wildcards, exceptions, parents)


def _read() -> Iterator[str]:
    text = files("publicsuffixlist").joinpath("public_suffix_list.dat").read_text(encoding="utf-8")
    for line in text.splitlines():
        rule = line.split(" ")[0].strip().lower()
        if rule and not rule.startswith("//"):
            mark = rule[0] if rule[0] == "!" else ""
            yield mark + rule.removeprefix("!").encode("idna").decode("ascii")


def is_public_suffix(name: str) -> bool:
    """Whether a canonical name (A-labels, lower case) is a public suffix, including top-level domains of the list."""
    rules = _rules()
    if name in rules.exact:
        return True
    return name.partition(".")[2] in rules.wildcards and name not in rules.exceptions


def suffix_below(name: str) -> str | None:
    """A public suffix below a name; None if there is none."""
    return _rules().parents.get(name)


def registrable(name: str) -> str:
    """The registered part of a name: its public suffix and one more label. A public suffix yields itself.

    Below a top-level domain that is not in the list, names are registered directly.
    """
    if is_public_suffix(name):
        return name
    found = name
    while (above := found.partition(".")[2]) and "." in above and not is_public_suffix(above):
        found = above
    return found
