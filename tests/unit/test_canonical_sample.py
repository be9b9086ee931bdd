"""A sample of what threat feeds give, line by line: every line is an indicator or refused, and no count moves unseen.

The sample holds every odd line of a larger collection (upper case, underscores, Unicode, paths without a host, a
regular expression) and, of the ordinary ones, an even spread over malware families.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from schemas.canonical import Canonical, Refused, canonicalise

SAMPLE = Path(__file__).parents[1] / "data" / "indicators.tsv"


def values() -> Iterator[str]:
    lines = SAMPLE.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "value\tfamily"
    for line in lines[1:]:
        yield line.split("\t")[0]


def outcomes() -> Iterator[tuple[str, Canonical | Refused]]:
    for value in values():
        try:
            yield value, canonicalise(value)
        except Refused as refusal:
            yield value, refusal


def test_every_line_becomes_an_indicator_or_is_refused() -> None:
    counts: Counter[str] = Counter(
        outcome.type if isinstance(outcome, Canonical) else f"refused: {outcome.reason}" for _, outcome in outcomes()
    )
    assert counts == {
        "url": 1650,
        "domain": 1500,
        "ipv4": 222,
        "md5": 500,
        "sha1": 500,
        "sha256": 500,
        "refused: not_recognised": 825,
        "refused: bad_host": 1,
    }


def test_what_is_refused_is_a_path_without_its_host_or_a_regular_expression() -> None:
    refused = {value for value, outcome in outcomes() if isinstance(outcome, Refused)}
    assert refused == {value for value in values() if value.startswith(("/", "("))}


def test_what_is_accepted_is_its_own_canonical_form() -> None:
    found = [outcome for _, outcome in outcomes() if isinstance(outcome, Canonical)]
    assert [canonicalise(one.value) for one in found] == found
    assert [canonicalise(one.value, one.type) for one in found] == found
