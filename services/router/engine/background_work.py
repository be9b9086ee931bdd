"""Background work of a partition, done in slices so that reports go on flowing in between."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from schemas.progress import Progress
from services.router.engine.state import PartitionState
from services.router.evaluation.compile import CompiledPolicy

AT_ONCE = 2_000
"""Indicators in one slice."""


@dataclass(slots=True)
class Reevaluation:
    """Evaluates all stored indicators for the present policy, in order of keys so that another process can continue."""

    _todo: deque[bytes] = field(default_factory=deque)
    _meaning: str = ""

    def is_due(self, state: PartitionState, policy: CompiledPolicy) -> bool:
        """Whether the partition is not yet evaluated for this policy or a newer one."""
        progress = state.progress
        return policy.version >= progress.policy_version and (
            policy.meaning != progress.policy_digest or policy.version > progress.policy_version
        )

    def slice(self, state: PartitionState, policy: CompiledPolicy) -> tuple[Sequence[bytes], Progress]:
        """Return the keys of the next slice, and the progress after it."""
        progress = state.progress
        if policy.meaning == progress.policy_digest:  # the change does not affect indicators
            return (), progress.model_copy(update={"policy_version": policy.version, "reevaluating": None})
        if self._meaning != policy.meaning:
            self._begin(state, policy)
            done, of = (progress.done, progress.of) if progress.reevaluating == policy.meaning else (0, len(self._todo))
            # From the first slice on, the partition is fully evaluated for neither policy.
            update_begun = {"policy_digest": "", "reevaluating": policy.meaning, "done": done, "of": of}
            progress = progress.model_copy(update=update_begun)
        keys = [self._todo.popleft() for _ in range(min(AT_ONCE, len(self._todo)))]
        update: dict[str, object] = {"done": progress.done + len(keys)}
        if keys:
            update["reevaluated"] = keys[-1].decode("utf-8", "surrogatepass")
        if not self._todo:
            self._meaning = ""
            update |= {
                "policy_version": policy.version, "policy_digest": policy.meaning, "reevaluating": None,
                "reevaluated": "", "done": 0, "of": 0,
            }  # fmt: skip
        return keys, progress.model_copy(update=update)

    def _begin(self, state: PartitionState, policy: CompiledPolicy) -> None:
        """List the keys to evaluate; continues where a former owner stopped with the same policy."""
        progress = state.progress
        resumed = progress.reevaluating == policy.meaning
        after = progress.reevaluated.encode("utf-8", "surrogatepass") if resumed else b""
        self._todo = deque(sorted(key for key in state.indicators if key > after))
        self._meaning = policy.meaning
