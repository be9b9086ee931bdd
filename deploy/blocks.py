"""Parts of hand-written files that are made from the code: what is between two marks, `# <name>` and `# </name>`."""

import re
from collections.abc import Mapping

_BLOCK = re.compile(r"^( *)# <([a-z-]+)>[^\n]*\n(.*?)^ *# </\2>", re.MULTILINE | re.DOTALL)


def fill(text: str, blocks: Mapping[str, str]) -> str:
    """The text with these blocks, each indented as its mark.

    Raises:
        ValueError: a block is not in the text, or the text has one that nothing is made for.

    """
    found = {match[2] for match in _BLOCK.finditer(text)}
    if found != set(blocks):
        raise ValueError(f"the file has the blocks {sorted(found)}, and there are {sorted(blocks)}")

    def filled(match: re.Match[str]) -> str:
        indent, name = match[1], match[2]
        lines = (f"{indent}{line}".rstrip() for line in blocks[name].rstrip("\n").split("\n"))
        first = match[0].split("\n", 1)[0]
        return "\n".join((first, *lines, f"{indent}# </{name}>"))

    return _BLOCK.sub(filled, text)
