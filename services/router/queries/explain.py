"""Why an indicator is, or is not, at each target: source by source, sharing by sharing. Pure, by the evaluator."""

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
    """One step for each source of the indicator and each sharing of that source, in force or not."""
    vouchers = asserting(indicator, policy.terms, now)
    judged = {(source, route.sharing): said for source, route, said in match_routes(indicator, vouchers, policy)}
    for source, state in sorted(indicator.sources.items()):
        for name, sharing in sorted(policy.policy.sharings.items()):
            if sharing.spec.source != source or sharing.metadata.ended:
                continue
            said = judged.get((source, name))
            if said is None:
                verdict, detail = _unjudged(state, sharing, policy)
                yield _step(source, sharing, verdict, detail=detail)
            elif said is Verdict.NOT_MATCHED:
                shown = as_asserted(indicator, vouchers)
                verdict, detail = explain_rule(policy.policy.rules[sharing.spec.rule], shown, now)
                yield _step(source, sharing, verdict, detail=detail)
            elif isinstance(said, Blocked) and said.code == Verdict.RULE_FAILED:
                rule, shown = policy.policy.rules[sharing.spec.rule], as_asserted(indicator, vouchers)
                yield _judged(source, sharing, said._replace(detail=explain_rule(rule, shown, now)[1]))
            else:
                yield _judged(source, sharing, said)


def _unjudged(state: SourceState, sharing: Sharing, policy: CompiledPolicy) -> tuple[Verdict, str]:
    if not sharing.spec.enabled:
        return Verdict.DISABLED, "enabled: false"
    if sharing.name in policy.policy.out_of_force:
        why = [misfit.message for misfit in policy.policy.misfits() if misfit.name == sharing.name]
        return Verdict.MISFIT, "; ".join(why)
    if state.withdrawn_at is not None:
        return Verdict.WITHDRAWN_AT_SOURCE, ""
    if state.echo:
        return Verdict.ECHO, "the source only met what was put there by ourselves"
    return Verdict.EXPIRED, ""


def _judged(source: str, sharing: Sharing, said: Judgement) -> Step:
    if isinstance(said, ResolvedTarget):
        return _step(source, sharing, Verdict.WANTED, target=said.target_id)
    if isinstance(said, Blocked):
        verdict = Verdict.RULE_FAILED if said.code == Verdict.RULE_FAILED else Verdict.SKIPPED
        target = said.key.partition("/")[2]
        return _step(source, sharing, verdict, target=target, reason=said.code, detail=said.detail)
    return _step(source, sharing, said, detail="the source said so before the sharing was made; see backfill")


def _step(
    source: str, sharing: Sharing, verdict: Verdict, *, target: str = "", reason: str = "", detail: str = ""
) -> Step:
    spec = sharing.spec
    return Step(
        source=source, sharing=sharing.name, rule=spec.rule, destination=spec.destination,
        target=target or spec.target.id, verdict=verdict, reason=reason, detail=detail,
    )  # fmt: skip
