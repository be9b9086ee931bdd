"""Re-evaluation: every indicator for every policy, gone on with after a kill, and never taken for done half way."""

from schemas.policy import Policy
from schemas.progress import Progress
from services.router.engine import background_work
from services.router.engine.background_work import Reevaluation
from services.router.engine.state import PartitionState
from services.router.evaluation.compile import CompiledPolicy, compile_policy
from tests.unit.test_router_evaluate import TENANTS, URLS, sharing

KEYS = [f"domain:h{number:05}.example".encode() for number in range(background_work.AT_ONCE * 2 + 10)]
ON = sharing("urls", "mde", "ns", URLS)
OFF = sharing("urls", "mde", "ns", URLS, enabled=False)


def policy(version: int, *sharings: object) -> CompiledPolicy:
    return compile_policy(Policy.of([*TENANTS, *sharings], version), 1)  # type: ignore[list-item]  # resources


def stored() -> PartitionState:
    return PartitionState(0, dict.fromkeys(KEYS, b"{}"))


def all_of(state: PartitionState, wanted: CompiledPolicy, slices: int = 100) -> list[bytes]:
    """The keys that are looked at, committing each slice."""
    reevaluation, found = Reevaluation(), list[bytes]()
    for _ in range(slices):
        if not reevaluation.is_due(state, wanted):
            break
        keys, progress = reevaluation.slice(state, wanted)
        found += keys
        state.commit({}, {}, progress)
    return found


def test_every_indicator_is_looked_at_once_and_progress_is_told() -> None:
    state = stored()
    assert all_of(state, policy(5, ON), slices=1) == KEYS[: background_work.AT_ONCE]
    assert (state.progress.done, state.progress.of) == (background_work.AT_ONCE, len(KEYS))
    assert state.progress.policy_version == 0, "not before all are done"


def test_another_process_goes_on_where_the_former_one_stopped() -> None:
    state = stored()
    first = all_of(state, policy(5, ON), slices=2)
    rest = all_of(PartitionState(0, state.indicators, state.progress), policy(5, ON))
    assert first + rest == KEYS


def test_done_is_remembered_with_its_version() -> None:
    state = stored()
    all_of(state, policy(5, ON))
    assert (state.progress.policy_version, state.progress.reevaluating) == (5, None)
    assert all_of(state, policy(5, ON)) == []


def test_a_change_that_means_nothing_for_indicators_costs_nothing() -> None:
    state = stored()
    all_of(state, policy(5, ON))
    assert all_of(state, policy(6, ON)) == []
    assert state.progress.policy_version == 6


def test_a_policy_taken_back_half_way_is_evaluated_again_whole() -> None:
    state = stored()
    all_of(state, policy(5, ON))
    all_of(state, policy(6, OFF), slices=1)
    assert all_of(state, policy(7, ON)) == KEYS


def test_an_older_view_of_the_policy_never_undoes_a_newer_one() -> None:
    state = stored()
    all_of(state, policy(6, OFF))
    assert not Reevaluation().is_due(state, policy(5, ON))


def test_a_partition_without_progress_is_due() -> None:
    assert Reevaluation().is_due(PartitionState(0, {}, Progress()), policy(1))
