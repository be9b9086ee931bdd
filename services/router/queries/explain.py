"""Explains why an indicator is, or is not, at each target: per source and sharing. Pure, by the same evaluation."""

from collections.abc import Iterator

from schemas.indicator import Indicator, SourceState
from schemas.predicates import explain as explain_rule
from schemas.record import Millis
from schemas.request import Step, Verdict
from schemas.resources import Sharing
from services.router.evaluation.combine import as_asserted, asserting
from services.router.evaluation.compile import CompiledPolicy, ResolvedTarget
from services.router.evaluation.evaluate import Blocked, Judgement, match_routes


def explain(indicator: Indicator, policy: CompiledPolicy, now: Millis) -> Iterator[Step]:
    """Yield one step for each source of the indicator and each sharing of that source, in force or not."""
    assertions = asserting(indicator, policy.terms, now)
    results = {(source, route.sharing): result for source, route, result in match_routes(indicator, assertions, policy)}
    for source, state in sorted(indicator.sources.items()):
        for name, sharing in sorted(policy.policy.sharings.items()):
            if sharing.spec.source != source or sharing.metadata.ended:
                continue
            result = results.get((source, name))
            if result is None:
                verdict, detail = _without_route(state, sharing, policy)
                yield _step(source, sharing, verdict, detail=detail)
            elif result is Verdict.NOT_MATCHED:
                shown = as_asserted(indicator, assertions)
                verdict, detail = explain_rule(policy.policy.rules[sharing.spec.rule], shown, now)
                yield _step(source, sharing, verdict, detail=detail)
            elif isinstance(result, Blocked) and result.code == Verdict.RULE_FAILED:
                rule, shown = policy.policy.rules[sharing.spec.rule], as_asserted(indicator, assertions)
                yield _step_of(source, sharing, result._replace(detail=explain_rule(rule, shown, now)[1]))
            else:
                yield _step_of(source, sharing, result)


def _without_route(state: SourceState, sharing: Sharing, policy: CompiledPolicy) -> tuple[Verdict, str]:
    if not sharing.spec.enabled:
        return Verdict.DISABLED, "enabled: false"
    if sharing.name in policy.policy.out_of_force:
        why = [misfit.message for misfit in policy.policy.misfits() if misfit.name == sharing.name]
        return Verdict.MISFIT, "; ".join(why)
    if state.withdrawn_at is not None:
        return Verdict.WITHDRAWN_AT_SOURCE, ""
    if state.echo:
        return Verdict.ECHO, "the source only reports our own entry"
    return Verdict.EXPIRED, ""


def _step_of(source: str, sharing: Sharing, result: Judgement) -> Step:
    if isinstance(result, ResolvedTarget):
        return _step(source, sharing, Verdict.WANTED, target=result.target_id)
    if isinstance(result, Blocked):
        verdict = Verdict.RULE_FAILED if result.code == Verdict.RULE_FAILED else Verdict.SKIPPED
        target = result.key.partition("/")[2]
        return _step(source, sharing, verdict, target=target, reason=result.code, detail=result.detail)
    return _step(source, sharing, result, detail="reported before the sharing was created; see its backfill")


def _step(
    source: str, sharing: Sharing, verdict: Verdict, *, target: str = "", reason: str = "", detail: str = ""
) -> Step:
    spec = sharing.spec
    return Step(
        source=source, sharing=sharing.name, rule=spec.rule, destination=spec.destination,
        target=target or spec.target.id, verdict=verdict, reason=reason, detail=detail,
    )  # fmt: skip
