"""The input of a campaign can be repeated by its seed, and no two legal values of it are the same."""

from schemas.canonical import canonicalise
from services.sandbox.demo.world import Alert, Row
from tests.campaign.inputs import Inputs

COUNT = 60


def drawn(seed: int) -> list[object]:
    inputs = Inputs(seed)
    return [
        (inputs.row(), inputs.alert(), inputs.pushed(), inputs.odd_row(), inputs.odd_alert(), inputs.harmless_fields())
        for _ in range(COUNT)
    ]


def test_the_same_seed_gives_the_same_input_and_another_seed_another() -> None:
    assert drawn(7) == drawn(7)
    assert drawn(7) != drawn(8)


def test_what_is_legal_is_an_indicator_that_no_other_one_is() -> None:
    inputs = Inputs(3)
    legal: list[Row | Alert] = [one for _ in range(COUNT) for one in (inputs.row(), inputs.alert())]
    hosts = [inputs.pushed()[0] for _ in range(COUNT)]
    ids = {canonicalise(one.value, one.type).id for one in legal} | {canonicalise(host).id for host in hosts}
    assert len(ids) == 3 * COUNT


def test_records_of_a_topic_differ() -> None:
    inputs = Inputs(5)
    for topic in ("reports", "policy", "requests"):
        assert len({value for value, _ in (inputs.record(topic) for _ in range(COUNT))}) > COUNT / 3
