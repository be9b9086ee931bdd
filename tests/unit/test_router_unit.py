"""Units of work: what they write is remembered, so that whatever is written can be withdrawn."""

from schemas.policy import Policy
from schemas.report import Report, ReportBatch, Verb
from schemas.topics import Topics
from schemas.types import IndicatorType
from services.router.engine.state import PartitionState
from services.router.engine.unit import Unit
from services.router.evaluation.compile import CompiledPolicy, compile_policy
from tests.pushing import reconciliation
from tests.unit.test_router_evaluate import TENANTS, TO_URLS

TOPICS = Topics("t", 1)
KEY = b"domain:evil.example"
SAID = Report(
    verb=Verb.UPDATE, type=IndicatorType.DOMAIN, value="evil.example", first_seen=1, last_seen=1, observed_at=1
)


def policy(*sharings: object, version: int) -> CompiledPolicy:
    return compile_policy(Policy.of([*TENANTS, *sharings], version), 1)  # type: ignore[list-item]  # resources


def committed(state: PartitionState, unit: Unit) -> dict[bytes, bytes | None]:
    """The desired entries that it writes."""
    found = {
        item.key: item.value
        for (topic, _), items in unit.outgoing(state.progress).items()
        for item in items
        if topic != TOPICS.indicators.name
    }
    state.commit(unit.changed, unit.moments, state.progress)
    return found


def test_what_is_sent_again_before_it_was_evaluated_for_the_policy_is_withdrawn_with_it() -> None:
    state = PartitionState(0)
    first = Unit(state, policy(version=1), TOPICS, 1)
    first.take(ReportBatch(source="mde", poll="p", reports=(SAID,)), ())
    assert committed(state, first) == {}
    again = Unit(state, policy(TO_URLS, version=2), TOPICS, 2)
    assert again.resend(KEY, None) == [("ns", "url-list:from%20defender/domain:evil.example")]
    assert list(committed(state, again).values()) != [None]
    gone = Unit(state, policy(version=3), TOPICS, 3)
    gone.reevaluate(KEY)
    assert list(committed(state, gone).values()) == [None]


def test_only_the_places_that_are_named_are_written_again() -> None:
    state, entry = PartitionState(0), ("ns", "url-list:from%20defender/domain:evil.example")
    first = Unit(state, policy(TO_URLS, version=1), TOPICS, 1)
    first.take(ReportBatch(source="mde", poll="p", reports=(SAID,)), ())
    committed(state, first)
    again = Unit(state, policy(TO_URLS, version=1), TOPICS, 2)
    assert again.resend(KEY, None, {"ns/url-list:other", "mde/url-list:from%20defender"}) == []
    assert again.is_empty
    assert again.resend(KEY, None, {"ns/url-list:from%20defender"}) == [entry]


def test_another_process_hears_of_each_source_that_expires() -> None:
    state = PartitionState(0)
    day = 24 * 60 * 60 * 1000
    unit = Unit(state, policy(TO_URLS, version=1), TOPICS, 1)
    unit.take(ReportBatch(source="mde", poll="p", reports=(SAID.model_copy(update={"expires_at": day}),)), ())
    unit.take(ReportBatch(source="lab", poll="p", reports=(SAID,)), ())
    committed(state, unit)
    taken_over = PartitionState(0, state.indicators, state.progress)
    taken_over.begin_priming()
    assert not taken_over.prime(10)
    assert taken_over.alarms.first == day


def test_what_a_person_asks_of_a_service_is_no_reason_to_evaluate_anything_again() -> None:
    assert policy(reconciliation("any", "one"), version=2).meaning == policy(version=1).meaning
