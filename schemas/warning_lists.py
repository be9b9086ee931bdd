"""The MISP warning lists, as they come with the `pymispwarninglists` wheel: names that are no threat, or seldom one.

Invariant: a list is parsed only when it is asked for by name. All together they take gigabytes.
Source: https://github.com/MISP/misp-warninglists; docs/reference/guards.md shows every one.
"""

import json
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from pymispwarninglists.api import WarningList


def _folder() -> Traversable:
    return files("pymispwarninglists").joinpath("data", "misp-warninglists", "lists")


@cache
def names() -> frozenset[str]:
    """The lists there are, by the names of their folders."""
    return frozenset(entry.name for entry in _folder().iterdir() if entry.joinpath("list.json").is_file())


def load(name: str) -> WarningList:
    """Parse one list.

    Raises:
        KeyError: there is none of this name.

    """
    if name not in names():
        raise KeyError(name)
    return WarningList(json.loads(_folder().joinpath(name, "list.json").read_text(encoding="utf-8")))
