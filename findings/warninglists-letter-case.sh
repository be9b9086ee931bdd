#!/usr/bin/env bash
# pymispwarninglists 1.7.0.
# Guessed: host names and hashes are found in any case of letters, since neither differs by it.
# Seen: in lower case only. A name or hash has to be put into lower case before it is looked up.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder"
"$folder/bin/pip" install --quiet --disable-pip-version-check pymispwarninglists==1.7.0
"$folder/bin/python" - <<'PYTHON'
import sys

from pymispwarninglists import WarningLists

lists = WarningLists()
empty_file = "d41d8cd98f00b204e9800998ecf8427e"  # MD5 of nothing
seen = {text: len(lists.search(text)) for text in ("google.com", "GOOGLE.COM", empty_file, empty_file.upper())}
for text, count in seen.items():
    print(f"{text}: on {count} lists")
lower, upper, hash_lower, hash_upper = seen.values()
sys.exit(not (lower > 0 and upper == 0 and hash_lower > 0 and hash_upper == 0))
PYTHON
