"""Public suffixes: names directly below which strangers register names of their own (`co.uk`, `github.io`).

The list is Mozilla's Public Suffix List with its private section, as it comes in the `publicsuffixlist` wheel; nothing
is fetched. A name that has public suffixes below it (`amazonaws.com`) covers all of them, so it is told apart as well.

Why not the wheel's own lookup: it takes 7 µs a name, in the path of every indicator; a set takes 0.1 µs. A test holds
the two against each other.
"""

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

MORE_SUFFIXES: Final = frozenset({
    "azurefd.net", "cloudapp.azure.com", "cloudapp.azure.net", "files.1drv.com", "livefilestore.com", "msecnd.net",
    "sharepoint.com", "visualstudio.com", "vo.msecnd.net", "windows.net",
})  # fmt: skip
"""Names that the list lacks: Microsoft's, below which its customers have names."""


class _Rules(NamedTuple):
    """The rules of the list. `wildcards` are what stands behind `*.`, `parents` the names above a rule's."""

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
    """Whether a canonical name (A-labels, lower case) is a public suffix. A top-level domain of the list is one."""
    rules = _rules()
    if name in rules.exact:
        return True
    return name.partition(".")[2] in rules.wildcards and name not in rules.exceptions


def suffix_below(name: str) -> str | None:
    """A public suffix that is below a name, and so is covered by it; None where there is none."""
    return _rules().parents.get(name)


def registrable(name: str) -> str:
    """The part of a name that one owner registered: one label more than its public suffix; a suffix is itself.

    Names below a top-level domain that the list does not have are registered directly below it.
    """
    if is_public_suffix(name):
        return name
    found = name
    while (above := found.partition(".")[2]) and "." in above and not is_public_suffix(above):
        found = above
    return found
