"""Iterators of the stand-in Netskope tenant under faults: what moved the cursor, and what a resend still brings."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.contract.test_sandbox_netskope_gate import MALWARE, START, Api, serving
from tests.contract.test_sandbox_netskope_iterators import DAY, happen, objects


@pytest.fixture(scope="module")
def served() -> Iterator[Api]:
    with serving(page_size=3) as api:
        yield api


@pytest.fixture
def api(served: Api) -> Api:
    served.admin("reset")
    return served


def in_flight(api: Api, *indexes: str) -> None:
    """Waits until exactly the requests of these indexes are being served."""
    while api.truth()["in_flight"] != [["alerts/malware", index] for index in indexes]:
        pass


def test_overlapping_requests_on_one_index_are_refused(api: Api) -> None:
    happen(api, *"abcd")
    api.pull(0)
    api.pull(0, "other")
    api.switch(page_delay_s=60)
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.submit(api.pull, "next"), pool.submit(api.pull, "next", "other")
        in_flight(api, "i", "other")
        refused = api.pull()
        api.switch(page_delay_s=0)
    assert refused.status_code == 409
    assert refused.json() == {"message": "Concurrency found while calling the API"}
    assert (objects(one.result()), objects(other.result()), objects(api.pull("resend"))) == ("d", "d", "d")


def test_the_concurrency_fault_leaves_the_cursor(api: Api) -> None:
    happen(api, *"abcd")
    api.pull(0)
    api.fault("concurrency")
    assert api.pull().status_code == 409
    assert objects(api.pull()) == "d"


@pytest.mark.parametrize("code", [429, 500, 502, 503])
def test_refusals_do_not_move_the_cursor(api: Api, code: int) -> None:
    happen(api, *"abcd")
    api.pull(0)
    api.fault("status", path="malware", code=code)
    assert api.pull().status_code == code
    assert objects(api.pull()) == "d"


@pytest.mark.parametrize("chunked", [False, True])
def test_a_cut_body_has_moved_the_cursor(api: Api, chunked: bool) -> None:
    happen(api, *"abcdefg")
    api.pull(0)
    api.fault("cut", path="malware", chunked=chunked)
    with pytest.raises(httpx.RemoteProtocolError):
        api.pull()
    assert objects(api.pull("resend")) == "def"
    assert objects(api.pull()) == "g"


def test_who_goes_on_after_a_lost_answer_has_lost_a_page(api: Api) -> None:
    happen(api, *"abcdefg")
    api.pull(0)
    api.fault("reset_after", path="malware")
    with pytest.raises(httpx.TransportError):
        api.pull()
    assert objects(api.pull()) == "g"


def test_an_empty_200_has_moved_the_cursor(api: Api) -> None:
    happen(api, *"abcd")
    api.pull(0)
    api.fault("empty", path="malware")
    answer = api.pull()
    assert (answer.status_code, answer.content) == (200, b"")
    assert objects(api.pull("resend")) == "d"


def test_a_client_that_gives_up_has_moved_the_cursor(api: Api) -> None:
    happen(api, *"abcd")
    api.pull(0)
    api.switch(page_delay_s=60)
    api.tenant.clock.advance(1)
    with pytest.raises(httpx.ReadTimeout):
        api.http.get(MALWARE, params={"index": "i", "operation": "next"}, timeout=httpx.Timeout(30, read=0.05))
    in_flight(api, "i")
    assert api.pull().status_code == 409
    api.switch(page_delay_s=0)
    in_flight(api)
    assert objects(api.pull("resend")) == "d"


def test_retention_takes_records_away_without_moving_cursors(api: Api) -> None:
    happen(api, *"ab", at=START - DAY)
    happen(api, *"cdef")
    assert objects(api.pull(0)) == "abc"
    assert api.admin(f"alerts?before={START}", method="DELETE") == {"removed": 4}
    assert objects(api.pull("resend")) == "c"
    assert objects(api.pull()) == "def"
    api.admin("alerts", method="DELETE")
    assert objects(api.pull(0)) == ""
    assert api.truth()["records"] == {"alerts/malware": 0, "events/alert": 0}
    assert api.http.delete("/_admin/alerts?before=x").status_code == 422


def test_calls_before_the_wait_is_over_are_counted(api: Api) -> None:
    happen(api, *"abcd")
    api.pull(0)
    api.pull()
    api.pull("resend")
    assert api.truth()["iterators"][0]["early_calls"] == 0
    api.pull()
    api.advance(5)
    api.pull()
    assert api.truth()["iterators"][0]["early_calls"] == 1
