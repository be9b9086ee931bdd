"""Shares of the tenant's total of URL-list entries, by target. Pure.

Invariant: over all targets, no held entry ranks better than one that stays (severity, reputation, last report, then
text). Entries of other people take no share. The total counts list entries: a domain with its subdomains is two.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from schemas.desired import AppliedState
from services.push_netskope.list_entries import all_of, entries_of, split
from services.push_netskope.url_lists.outcomes import ALREADY_THERE, LIST_FULL, TENANT_FULL
from services.push_netskope.url_lists.ranking import RankedText, best, list_entry_of, ranks
from services.runtime.reconciling.entry import Entry

_NO_CLAIM = frozenset({LIST_FULL.code, "list_type"})
"""Reason codes of entries that their own list cannot take, so they claim no share of the tenant."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What one target needs of the total, in texts without their list (`list_entries`).

    `free` are entries of these texts that other people wrote. `ours` is the number of our entries there now.
    """

    ranks: Mapping[str, RankedText]
    free: Collection[str]
    ours: int


def claim_of(entries: Collection[Entry]) -> Claim:
    """Return the claim of a target from the records of its entries. Every entry has its form."""
    found, free = dict[str, RankedText](), set[str]()
    for entry in entries:
        list_entry = list_entry_of(entry)
        if list_entry is None or entry.because in _NO_CLAIM:
            continue
        text = split(list_entry)[0]
        rank = (entry.rank, text)
        found[text] = min(rank, found.get(text, rank))
        if entry.state is AppliedState.APPLIED and entry.because == ALREADY_THERE.code:
            free.update(set(entries_of(text)) - {split(ours)[0] for ours in all_of([entry.remote_id])})
    return Claim(found, free, len(all_of(entry.remote_id for entry in entries if not entry.stays)))


def claim_for(entries: Iterable[Entry], keep: Collection[str], free: Collection[str], ours: int) -> Claim:
    """Return the claim of a target for the entries that fit into its lists (`keep`, remote ids)."""
    wanted = {text: rank for text, rank in ranks(entries).items() if all(one in keep for one in entries_of(text))}
    found = {split(text)[0]: (rank, split(text)[0]) for text, (rank, _) in wanted.items()}
    theirs = {split(one)[0] for text in wanted for one in entries_of(text) if one in free}
    return Claim(found, theirs, ours)


def shares(claims: Mapping[str, Claim], capacity: int) -> dict[str, int]:
    """Return how many entries of `capacity` each target may have, best ranks of all targets first."""
    ordered = sorted((rank, name, text) for name, claim in claims.items() for text, rank in claim.ranks.items())
    kept: dict[str, set[str]] = {name: set() for name in claims}
    for _, name, text in ordered:
        needed = [one for one in entries_of(text) if one not in kept[name] and one not in claims[name].free]
        capacity -= len(needed)
        if capacity < 0:
            break
        kept[name].update(needed)
    return {name: len(list_entries) for name, list_entries in kept.items()}


def hold_back(entries: Collection[Entry], keep: Collection[str], free: Collection[str], limit: int) -> int:
    """Set the form of entries beyond `limit` to TENANT_FULL, and of those not in `keep` to LIST_FULL.

    Returns the number of indicators beyond the limit.
    """
    wanted = [(entry, text) for entry in entries if (text := list_entry_of(entry)) is not None]
    for entry, text in wanted:
        if any(one not in keep for one in entries_of(text)):
            entry.form = LIST_FULL
    within, held = best(entries, limit, lambda _: 1, free), 0
    for entry, text in wanted:
        if isinstance(entry.form, str) and any(one not in within for one in entries_of(text)):
            entry.form, held = TENANT_FULL, held + 1
    return held
