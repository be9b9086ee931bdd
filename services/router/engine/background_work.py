"""What a partition has to do beside merging reports: evaluate for a new policy, wake what is due, answer requests.

Each is done a slice at a time, so that reports go on flowing in between.
"""

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
    """Evaluating everything stored for the present policy, in order of keys so that another process can go on."""

    _todo: deque[bytes] = field(default_factory=deque)
    _meaning: str = ""

    def is_due(self, state: PartitionState, policy: CompiledPolicy) -> bool:
        """Whether the partition has not been evaluated for this policy, or a newer one."""
        progress = state.progress
        return policy.version >= progress.policy_version and (
            policy.meaning != progress.policy_digest or policy.version > progress.policy_version
        )

    def slice(self, state: PartitionState, policy: CompiledPolicy) -> tuple[Sequence[bytes], Progress]:
        """The keys of the next slice, and the progress once it is done."""
        progress = state.progress
        if policy.meaning == progress.policy_digest:  # nothing that matters for indicators is new
            return (), progress.model_copy(update={"policy_version": policy.version, "reevaluating": None})
        if self._meaning != policy.meaning:
            self._begin(state, policy)
            done, of = (progress.done, progress.of) if progress.reevaluating == policy.meaning else (0, len(self._todo))
            # From the first slice on what is stored is evaluated for neither policy as a whole.
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
        """A policy that was being evaluated for when the former owner left is gone on with where it stopped."""
        progress = state.progress
        resumed = progress.reevaluating == policy.meaning
        after = progress.reevaluated.encode("utf-8", "surrogatepass") if resumed else b""
        self._todo = deque(sorted(key for key in state.indicators if key > after))
        self._meaning = policy.meaning
