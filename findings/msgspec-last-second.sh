#!/usr/bin/env bash
# msgspec 0.23.0 beside pydantic 2.14.4.
# Guessed: digits of a second beyond the sixth are cut off by both, since datetime has six.
# Seen: msgspec rounds. So the last moment of the year 9999 with seven digits, as Microsoft APIs write it, is refused as
# "Invalid RFC3339 encoded datetime", and .9999999 of any other second becomes the next second. pydantic cuts off.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder"
"$folder/bin/pip" install --quiet --disable-pip-version-check msgspec==0.23.0 pydantic==2.14.4
"$folder/bin/python" - <<'PYTHON'
import json
import sys
from datetime import datetime

import msgspec
from pydantic import TypeAdapter

pydantic = TypeAdapter(datetime)


def by_msgspec(text):
    try:
        return msgspec.json.decode(json.dumps(text), type=datetime).isoformat()
    except msgspec.ValidationError as error:
        return f"refused: {error}"


seen = {}
for text in ("2026-01-01T00:00:00.9999999Z", "9999-12-31T23:59:59.9999999Z"):
    seen[text] = (by_msgspec(text), pydantic.validate_python(text).isoformat())
    print(f"{text}: msgspec {seen[text][0]}, pydantic {seen[text][1]}")
one, last = seen.values()
sys.exit(
    not (
        one == ("2026-01-01T00:00:01+00:00", "2026-01-01T00:00:00.999999+00:00")
        and last == ("refused: Invalid RFC3339 encoded datetime", "9999-12-31T23:59:59.999999+00:00")
    )
)
PYTHON
