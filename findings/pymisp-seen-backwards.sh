#!/usr/bin/env bash
# pymisp 2.5.34.4.
# Guessed: an attribute whose last_seen is before its first_seen is refused, and a count of seconds since 1970 is read
# the same whether it is a number or a text.
# Seen: the attribute is made with both moments, and only a log line says so; the number is read, and the same digits as
# a text are left out with a log line, so the attribute has no first_seen.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder"
"$folder/bin/pip" install --quiet --disable-pip-version-check pymisp==2.5.34.4
"$folder/bin/python" - <<'PYTHON'
import sys

from pymisp import MISPEvent

event = MISPEvent()
backwards = event.add_attribute("ip-dst", "198.51.100.7", first_seen="2026-02-01", last_seen="2026-01-01")
number = event.add_attribute("ip-dst", "198.51.100.8", first_seen=1767225600)
text = event.add_attribute("ip-dst", "198.51.100.9", first_seen="1767225600")
print("first seen", backwards.first_seen, "and last seen", backwards.last_seen)
print("as a number:", getattr(number, "first_seen", "left out"))
print("as a text:", getattr(text, "first_seen", "left out"))
as_expected = (
    backwards.last_seen.date() < backwards.first_seen.date()
    and number.first_seen.isoformat() == "2026-01-01T00:00:00+00:00"
    and not hasattr(text, "first_seen")
)
sys.exit(not as_expected)
PYTHON
