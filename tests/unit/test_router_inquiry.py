"""A request under way in one partition: whatever cannot be answered is answered with the reason."""

import pytest

from schemas.policy import Policy
from schemas.request import NEVER, Request, RequestVerb
from schemas.topics import Topics
from services.router.engine.state import PartitionState
from services.router.engine.unit import Unit
from services.router.evaluation.compile import compile_policy
from services.router.queries.query import Query
from tests.unit.test_router_evaluate import TENANTS

POLICY = compile_policy(Policy.of(TENANTS, 1), 1)


@pytest.mark.parametrize(
    ("verb", "more", "why"),
    [
        (RequestVerb.EXPLAIN, {"indicator": "no indicator"}, "'no indicator'"),
        (RequestVerb.EXPLAIN, {"indicator": "md5:zz"}, "'zz'"),
        (RequestVerb.TEST, {}, "name one"),
        (RequestVerb.TEST, {"sharing": "nobody"}, "there is no Sharing named nobody"),
        (RequestVerb.DIFF, {"resources": {"rule/x": "{"}}, "rule/x: not a resource"),
        (RequestVerb.SYNC, {"entries": ("mde/domain:evil.example",), "since": NEVER}, "'mde/domain:evil.example' is"),
        (RequestVerb.SYNC, {"entries": ("mde/t/nothing:evil.example",), "since": NEVER}, "is not <destination>"),
    ],
)
def test_an_answer_that_cannot_be_given_is_an_error(verb: RequestVerb, more: dict[str, object], why: str) -> None:
    state = PartitionState(0, {b"domain:evil.example": b"{}"})
    query = Query(Request.model_validate({"id": "q", "verb": verb, "at": 1, **more}), state, POLICY, 3)
    assert query.is_done
    found = query.reply()
    assert (found.partition, found.partitions, found.examined) == (0, 3, 0)
    assert found.error
    assert why in found.error


@pytest.mark.parametrize("named", ["evil.example", "domain:evil.example", "hxxp://Evil[.]example"])
def test_an_indicator_may_be_named_in_any_spelling_and_need_not_be_there(named: str) -> None:
    state = PartitionState(0)
    asked = Request(id="q", verb=RequestVerb.EXPLAIN, at=1, indicator=named)
    query = Query(asked, state, POLICY, 3)
    query.look(10, Unit(state, POLICY, Topics("t", 3), 1))
    assert query.is_done
    assert (query.reply().error, query.reply().indicator) == (None, None)
