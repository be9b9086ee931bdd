#!/usr/bin/env bash
# stix2 3.0.2.
# Guessed: a timestamp with nine digits of a second is read and cut off. STIX 2.1 defines the type as
# yyyy-mm-ddThh:mm:ss[.s+]Z, one or more digits (https://docs.oasis-open.org/cti/stix/v2.1/os/stix-v2.1-os.html).
# Seen: from seven digits on it is refused as no timestamp in a "recognizable format".
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder"
"$folder/bin/pip" install --quiet --disable-pip-version-check stix2==3.0.2
"$folder/bin/python" - <<'PYTHON'
import sys

import stix2


def outcome(digits):
    moment = "2026-01-01T00:00:00." + "123456789"[:digits] + "Z"
    try:
        made = stix2.Indicator(pattern="[ipv4-addr:value = '198.51.100.7']", pattern_type="stix", valid_from=moment)
    except stix2.exceptions.InvalidValueError:
        return "refused"
    return made.valid_from.isoformat()


seen = {digits: outcome(digits) for digits in (3, 6, 7, 9)}
for digits, came in seen.items():
    print(f"{digits} digits: {came}")
sys.exit([came == "refused" for came in seen.values()] != [False, False, True, True])
PYTHON
