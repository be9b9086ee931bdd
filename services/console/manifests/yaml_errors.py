"""What PyYAML says of text that it cannot read, as sentences that say what to do."""

import yaml

from services.console.manifests.yaml_loader import TOO_DEEP

_TEXTS = {
    TOO_DEEP: TOO_DEEP,
    "found character '\\t'": "there is a tab in the indentation; YAML indents with spaces: replace the tab by spaces",
    "cannot start any token": "a value cannot begin with this character; put the value in quotes",
    "mapping values are not allowed": (
        "there is a second colon, or the line is indented unlike the lines around it; put text with a colon in quotes, "
        "or correct the indentation"
    ),
    "sequence entries are not allowed": "a list cannot begin here; begin it on a line of its own",
    "found undefined alias": "there is no anchor of this name above; put text that begins with * in quotes",
    "found duplicate anchor": "an anchor of this name is above already; give this one another name",
    "unexpected end of stream": "a quote is not closed; close it",
    "unexpected document separator": "a quote is not closed before the next ---; close it",
    "expected ',' or '": "a bracket is not closed, or a comma is missing; close the bracket, or add the comma",
    "could not find expected ':'": "this is neither `name: value` nor `- item`; correct it, or put long text in quotes",
    "expected <block end>": "this is indented unlike the lines above, or text goes on after a quote; correct it",
    "expected '<document start>'": "another document begins here without ---; add a line --- before it",
    "unknown escape character": "there is no such escape; in double quotes write \\\\ for \\, or use single quotes",
    "found incompatible YAML document": "this version of YAML is not read; remove the line that begins with %YAML",
}
"""By a part of PyYAML's words."""


def describe(error: yaml.MarkedYAMLError) -> str:
    """One sentence for a text that is no YAML."""
    what = ", ".join(part for part in (error.context, error.problem) if part)
    known = next((text for part, text in _TEXTS.items() if part in what), None)
    if known is None:
        return f"this is not YAML: {what}; correct it, or put the value in quotes if it is text"
    return known if known is TOO_DEEP else f"this is not YAML: {known}"
