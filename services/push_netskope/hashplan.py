"""What a file-hash list should hold, and what that makes of every entry: as `services/push_netskope/plan.py`. Pure."""

from collections.abc import Collection
from dataclasses import dataclass

from schemas.targets import FileHashList
from services.push_netskope import plan
from services.runtime.item import Item, Outcome


@dataclass(slots=True)
class HashListPlan:
    """The whole list as it should be, and what that makes of every entry once it is written."""

    hashes: tuple[str, ...]
    outcomes: list[Outcome]


def plan_hash_list(items: Collection[Item], target: FileHashList) -> HashListPlan:
    """Plan one file-hash list. It cannot be read, so whatever other people put there does not stay.

    What nobody desires and is to stay nevertheless, because it is kept back or released, is written with the rest.
    """
    staying = {item.remote_id for item in items if item.stays and item.remote_id is not None}
    room = plan.room_of(target, plan.size_of_hashes(staying))
    bulk, others = plan.parted(items)
    keep = plan.fitting(items, (bulk, others), room, plan.HASH_EXTRA, free=staying)
    outcomes = plan.outcomes_of(others if bulk <= keep else items, keep, frozenset())
    return HashListPlan(tuple(sorted(keep | staying)) or (target.default,), outcomes)
