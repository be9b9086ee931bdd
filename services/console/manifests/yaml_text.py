"""Writes documents as YAML text that reads back unchanged."""

from collections.abc import Sequence

import yaml

_BREAKS = frozenset("\x85\u2028\u2029\ufeff")
"""Characters that YAML reads as line breaks or drops. PyYAML escapes them only inside double quotes."""


class _Dumper(yaml.SafeDumper):
    """Puts text with such characters in double quotes."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002  # the name is PyYAML's
        """Never write aliases: they are hard to read."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if _BREAKS.intersection(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def yaml_text(documents: Sequence[object]) -> str:
    """The documents as YAML text, separated by `---`, with fields in the given order."""
    return yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
