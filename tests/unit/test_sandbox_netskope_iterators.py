"""Nothing that happened from an epoch on is ever passed over, however late it comes and whatever the pages."""

from hypothesis import given, settings
from hypothesis import strategies as st

from services.sandbox.netskope.iterators import Iterators
from services.sandbox.netskope.streams import Stream
from services.sandbox.netskope.switches import NetskopeSwitches

NOW = 100_000
PATH = "alerts/malware"

stamps = st.lists(st.integers(0, NOW), max_size=40)


def records(body: bytes) -> list[int]:
    return [int(number) for number in body.split(b"[")[1].split(b"]")[0].split(b",") if number]


@settings(deadline=None)
@given(first=stamps, later=stamps, epoch=st.integers(0, NOW), size=st.integers(1, 7), hourly=st.booleans())
def test_next_serves_everything_once_in_order(
    first: list[int], later: list[int], epoch: int, size: int, hourly: bool
) -> None:
    stream = Stream()
    iterators = Iterators({PATH: stream}, NetskopeSwitches(hour_batches=hourly), size, lambda: float(NOW + 7200))

    def happen(times: list[int]) -> None:
        for stamp in times:
            stream.append(stamp, NOW, b"%d" % len(stream))

    def drain(operation: str) -> list[int]:
        served: list[int] = []
        while True:
            page = iterators.page(PATH, "i", operation)
            assert page.body() == iterators.page(PATH, "i", "resend").body()
            assert len(page.records) <= size
            served += records(page.body())
            operation = "next"
            if page.wait_time:
                return served

    happen(first)
    seen = drain(str(epoch))
    happen(later)
    seen += drain("next")
    assert seen == list(range(seen[0], len(stream))) if seen else True
    times = first + later
    assert {number for number, stamp in enumerate(times) if stamp >= epoch} <= set(seen)


def test_retention_leaves_holes() -> None:
    stream = Stream()
    for stamp in (1, 5, 3):
        stream.append(stamp, stamp, b"%d" % stamp)
    assert stream.expire(4) == 2
    assert stream.expire(4) == 0
    assert (stream.held(), len(stream), stream.slice(0, 3)) == (1, 3, [b"5"])
    assert [stamp for stamp, _, _ in stream.rows()] == [5]
    assert (stream.place_of(2), stream.place_of(5), stream.place_of(6)) == (1, 1, 3)
