#!/usr/bin/env bash
# cel-expr-python 0.1.3.
# Guessed: each exists() has a step limit of its own, and a failed evaluation returns a Value of type ERROR, as 1/0 does.
# Seen: all loops of one evaluation share 10,000 steps; exceeding them raises RuntimeError instead of returning an error.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder"
"$folder/bin/pip" install --quiet --disable-pip-version-check cel-expr-python==0.1.3
"$folder/bin/python" - <<'PYTHON'
import sys

from cel_expr_python import cel

env = cel.NewEnv(variables={"tags": cel.Type.List(cel.Type.STRING)})
tags = {"tags": ["a"] * 1_000}


def outcome(expression):
    try:
        value = env.compile(expression).eval(data=tags)
    except RuntimeError as error:
        return f"raised RuntimeError: {error}"
    return f"returned {value.type().name()}: {value.value()}"


loop = "tags.exists(tag, tag == \"b\")"
seen = {
    "1 / 0 == 1": outcome("1 / 0 == 1"),
    "nine loops of 1,000": outcome(" || ".join([loop] * 9)),
    "ten loops of 1,000": outcome(" || ".join([loop] * 10)),
}
for what, came in seen.items():
    print(f"{what}: {came}")
first, nine, ten = seen.values()
sys.exit(not (first.startswith("returned ERROR") and nine == "returned BOOL: False" and "Iteration budget" in ten))
PYTHON
