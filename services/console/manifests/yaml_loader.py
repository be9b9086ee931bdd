"""The reader of YAML text: PyYAML with a bound on nesting, tabs where YAML allows them, and no dates."""

import re

import yaml
from yaml.scanner import ScannerError

MAX_DEPTH = 50
"""Levels of nesting in a text. A resource has fewer than ten."""

_NOT_RESOLVED = {"tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value"}
_REST_IS_BLANK = re.compile(r"[ \t]*[#\n\0]")


class ManifestLoader(yaml.SafeLoader):
    """Reads what looks like a date as text: no field is a date, and a name may look like one.

    A tab may separate words and indent what stands in brackets, as in JSON. It may not indent anything else.
    """

    yaml_implicit_resolvers = {  # noqa: RUF012  # the name and the kind of this attribute are PyYAML's
        first: [found for found in resolvers if found[0] not in _NOT_RESOLVED]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def scan_to_next_token(self) -> None:
        """Skip blanks, comments and the tabs that YAML allows."""
        super().scan_to_next_token()
        while self.peek() == "\t" and self._is_separator():
            self.forward()
            super().scan_to_next_token()

    def add_indent(self, column: int) -> bool:
        """Open a block. Raises `ScannerError` where it is nested too deeply."""
        is_new: bool = super().add_indent(column)
        if is_new:
            self._check_depth(len(self.indents) + self.flow_level)
        return is_new

    def fetch_flow_collection_start(self, token: type[yaml.Token]) -> None:
        """Open a bracket. Raises `ScannerError` where it is nested too deeply."""
        self._check_depth(len(self.indents) + self.flow_level + 1)
        super().fetch_flow_collection_start(token)

    def _is_separator(self) -> bool:
        text, at = self.buffer, self.pointer
        before = text[text.rfind("\n", 0, at) + 1 : at]
        return bool(self.flow_level or before.strip(" \t-?:") or _REST_IS_BLANK.match(text, at))

    def _check_depth(self, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise ScannerError(None, None, TOO_DEEP, self.get_mark())


TOO_DEEP = f"is nested in more than {MAX_DEPTH} levels, which no resource is; remove the surplus levels"
