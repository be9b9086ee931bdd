"""Answers to requests about stored indicators, computed by the same evaluation as routing. Pure.

`test`: what a sharing sends, or would send, of a period. `diff`: what other resources would change at each target.
`sync`: the entries of a period, written again. `explain`: why one indicator is where it is.
"""

from collections import Counter

from schemas.coverage import size_in_list
from schemas.desired import split_key
from schemas.indicator import Indicator
from schemas.policy import Policy
from schemas.record import Millis, UndecodableError
from schemas.request import Effect, Line, Reply, Request, RequestVerb, Step, Tally
from schemas.resources import AnyResource, decode_resource, resource_key
from schemas.types import IndicatorType
from services.router.evaluation.combine import asserting, combine
from services.router.evaluation.compile import CompiledPolicy, ResolvedTarget, compile_policy
from services.router.evaluation.evaluate import Blocked, evaluate, match_routes
from services.router.queries.explain import explain

_Key = tuple[str, str, Effect, IndicatorType, str]


class UnanswerableError(ValueError):
    """The request cannot be answered; the text says why."""


class Answer:
    """The answer of one partition, built indicator by indicator.

    Raises:
        UnanswerableError: the request names a missing resource or holds unreadable ones.

    """

    def __init__(self, request: Request, policy: CompiledPolicy, now: Millis) -> None:
        self.request = request
        self._now = now
        self._policy = _with_resources(policy, request, now) if request.resources else policy
        if request.sharing is not None and request.sharing not in self._policy.policy.sharings:
            raise UnanswerableError(f"there is no Sharing named {request.sharing}")
        if request.verb is RequestVerb.TEST and request.sharing is None:
            raise UnanswerableError("sharing: name one; a test is about a single sharing")
        self._counts: Counter[_Key] = Counter()
        self._sizes: Counter[_Key] = Counter()
        self._targets = {
            (sharing.spec.destination, sharing.spec.target.id): sharing.spec.target
            for known in (policy.policy, self._policy.policy)
            for sharing in known.sharings.values()
            if sharing.spec.target.is_shared
        }
        self._lines: list[Line] = []
        self._more = 0
        self._examined = 0
        self._about: Indicator | None = None
        self._steps: tuple[Step, ...] = ()

    def concerns(self, indicator: Indicator) -> bool:
        """Whether the request is about this indicator: it is named, or within the period."""
        if self.request.entries:
            return True
        since = self.request.since
        if since is not None and indicator.last_seen < since:
            return False
        if self.request.sharing is None:
            return True
        return self._policy.policy.sharings[self.request.sharing].spec.source in indicator.sources

    def examine(self, indicator: Indicator) -> None:
        """Add one stored indicator to the answer."""
        self._examined += 1
        match self.request.verb:
            case RequestVerb.TEST:
                self._test(indicator)
            case RequestVerb.DIFF:
                self._diff(indicator)
            case RequestVerb.EXPLAIN:
                self._about, self._steps = indicator, tuple(explain(indicator, self._policy, self._now))
            case RequestVerb.SYNC:
                pass  # `sent` adds what is written

    def sent(self, indicator: Indicator, keys: list[tuple[str, str]]) -> None:
        """Add entries of an indicator, as (destination, key), that are written again."""
        for destination, key in keys:
            self._note(destination, split_key(key)[0], Effect.SEND, indicator)

    def reply(self, partition: int, partitions: int, error: str | None = None) -> Reply:
        """Return the answer so far."""
        tallies = [
            Tally(
                destination=key[0], target=key[1], effect=key[2], type=key[3], reason=key[4], count=count,
                size=self._sizes[key],
            )
            for key, count in sorted(self._counts.items())
        ]  # fmt: skip
        return Reply(
            id=self.request.id, partition=partition, partitions=partitions, at=self._now,
            policy_version=self._policy.version, examined=self._examined, tallies=tuple(tallies),
            lines=tuple(self._lines), more_lines=self._more, indicator=self._about, steps=self._steps, error=error,
        )  # fmt: skip

    def _test(self, stored: Indicator) -> None:
        assertions = asserting(stored, self._policy.terms, self._now)
        indicator = combine(stored, assertions, self._policy.terms, self._policy.merging, self._now)
        for _, route, result in match_routes(indicator, assertions, self._policy):
            if route.sharing != self.request.sharing:
                continue
            if isinstance(result, ResolvedTarget):
                self._note(route.destination, result.target_id, Effect.SEND, indicator)
            elif isinstance(result, Blocked):
                self._note(route.destination, result.key.partition("/")[2], Effect.SKIP, indicator, result.code)
            else:
                self._note(route.destination, route.target.id, Effect.SKIP, indicator, result)

    def _diff(self, indicator: Indicator) -> None:
        decision = evaluate(indicator, self._policy, self._now, self._now)
        for change in decision.changes:
            target = split_key(change.key)[0]
            there = f"{change.destination}/{target}" in indicator.desired
            if change.entry is None:
                effect = Effect.WITHDRAW
            elif change.entry.released:
                effect = Effect.RELEASE
            else:
                effect = Effect.CHANGE if there else Effect.PUT
            self._note(change.destination, target, effect, indicator)
        for key, code in decision.indicator.skipped.items():
            if indicator.skipped.get(key) != code:
                destination, _, target = key.partition("/")
                self._note(destination, target, Effect.SKIP, indicator, code)

    def _note(self, destination: str, target: str, effect: Effect, indicator: Indicator, reason: str = "") -> None:
        key = (destination, target, effect, indicator.type, reason)
        self._counts[key] += 1
        listed = self._targets.get((destination, target))
        self._sizes[key] += size_in_list(
            indicator.type, indicator.value, listed, has_wide_wildcard=self._has_wide_wildcard(destination)
        )
        if len(self._lines) < self.request.lines:
            identity = f"{indicator.type}:{indicator.value}"
            self._lines.append(
                Line(destination=destination, target=target, effect=effect, indicator=identity, reason=reason)
            )
        else:
            self._more += 1

    def _has_wide_wildcard(self, destination: str) -> bool:
        connection = self._policy.policy.connections.get(destination)
        return connection is not None and connection.spec.has_wide_wildcard


def _with_resources(policy: CompiledPolicy, request: Request, now: Millis) -> CompiledPolicy:
    """Return the policy with the resources of the request."""
    resources: dict[str, AnyResource] = {resource_key(found): found for found in policy.policy}
    for key, text in request.resources.items():
        if not text:
            resources.pop(key, None)
            continue
        try:
            resources[key] = decode_resource(text.encode())
        except UndecodableError as error:
            raise UnanswerableError(f"{key}: {error}") from error
    return compile_policy(Policy.of(resources.values(), policy.version), now)
