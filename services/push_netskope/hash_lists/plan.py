"""Plans the content of a file-hash list, and the outcome of every entry. Pure; see also url_lists/plan.py."""

from collections.abc import Collection
from dataclasses import dataclass

from schemas.vendors.netskope import FileHashList
from services.push_netskope.url_lists import plan, ranking
from services.push_netskope.url_lists.outcomes import outcomes_of
from services.runtime.reconciling.entry import Entry, Outcome


@dataclass(slots=True)
class HashListPlan:
    """The desired content of a list, and the outcome of every entry once it is written."""

    hashes: tuple[str, ...]
    outcomes: list[Outcome]


def plan_hash_list(entries: Collection[Entry], target: FileHashList) -> HashListPlan:
    """Plan one file-hash list. It cannot be read, so entries of other people are overwritten.

    Entries that are held or released stay in the list although nothing desires them.
    """
    staying = {entry.remote_id for entry in entries if entry.stays and entry.remote_id is not None}
    capacity = plan.capacity_of(target, plan.size_of_hashes(staying))
    bulk, others = ranking.split_settled(entries)
    keep = plan.fitting(entries, (bulk, others), capacity, plan.HASH_EXTRA, free=staying)
    outcomes = outcomes_of(others if bulk <= keep else entries, keep, frozenset())
    return HashListPlan(tuple(sorted(keep | staying)) or (target.default,), outcomes)
