"""Documents as YAML text that reads back as what it was."""

from collections.abc import Sequence

import yaml

_BREAKS = frozenset("\x85\u2028\u2029\ufeff")
"""Characters that YAML takes for line breaks or drops, and that PyYAML writes as they are unless they are in quotes."""


class _Dumper(yaml.SafeDumper):
    """Quotes what would not come back otherwise."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002  # the name is PyYAML's
        """People read it: the same thing twice is written twice."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if _BREAKS.intersection(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def yaml_text(documents: Sequence[object]) -> str:
    """Documents, each after a `---` where there are several; fields in the order given."""
    return yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
