#!/usr/bin/env bash
# cel-expr-python 0.1.3.
# Guessed: two timestamps can be subtracted when their difference is a duration that the library reads, up to 10,000 years.
# Seen: a difference of more than 292 years is an integer overflow, although both timestamps and the duration are valid.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder"
"$folder/bin/pip" install --quiet --disable-pip-version-check cel-expr-python==0.1.3
"$folder/bin/python" - <<'PYTHON'
import sys

from cel_expr_python import cel

env = cel.NewEnv()


def outcome(expression):
    value = env.compile(expression).eval(data={})
    return f"{value.type().name()}: {value.value()}"


seen = [
    outcome(expression)
    for expression in (
        "duration(\"87660000h\") > duration(\"1h\")",
        "timestamp(\"2318-01-01T00:00:00Z\") - timestamp(\"2026-01-01T00:00:00Z\") > duration(\"1h\")",
        "timestamp(\"2319-01-01T00:00:00Z\") - timestamp(\"2026-01-01T00:00:00Z\") > duration(\"1h\")",
    )
]
print("a duration of 10,000 years", seen[0])
print("moments 292 years apart", seen[1])
print("moments 293 years apart", seen[2])
sys.exit(seen != ["BOOL: True", "BOOL: True", "ERROR: OUT_OF_RANGE: integer overflow"])
PYTHON
