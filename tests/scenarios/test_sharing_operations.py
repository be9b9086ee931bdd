"""Operations on sharings: test, diff, sync and explain are the evaluation that routes, asked."""

import pytest

from schemas.request import Effect, RequestVerb, Verdict
from schemas.resources import resource
from services.router.queries.answers import UnanswerableError
from tests.scenarios.world import HASHES, URLS, World, counts, ms, sharing


@pytest.fixture
def world() -> World:
    found = World()
    found.report("mde", "old.example", ago="40d")
    found.report("mde", "new.example", "2001:db8::7", "a" * 64)
    found.report("lab", "other.example")
    return found


def test_test_tells_what_would_be_sent_and_what_not(world: World) -> None:
    reply = world.ask(RequestVerb.TEST, sharing="urls", applied=[sharing("urls", "mde", "ns", URLS)])
    assert counts(reply) == {(Effect.SEND, ""): 2, (Effect.SKIP, "ipv6_not_supported"): 1,
                             (Effect.SKIP, "other_family"): 1}  # fmt: skip
    sent = next(tally for tally in reply.tallies if tally.effect is Effect.SEND)
    listed = ("old.example", "*.old.example", "new.example", "*.new.example")
    assert sent.size == sum(len(f'"{value}",') for value in listed)
    assert {line.indicator for line in reply.lines if line.effect is Effect.SEND} == {
        "domain:old.example", "domain:new.example"
    }  # fmt: skip
    assert world.written == [], "a test changes nothing"


def test_test_may_be_about_a_window_of_time(world: World) -> None:
    wanted = sharing("urls", "mde", "ns", URLS)
    reply = world.ask(RequestVerb.TEST, sharing="urls", applied=[wanted], since=world.now - ms("30d"))
    assert counts(reply)[Effect.SEND, ""] == 1


def test_test_and_the_real_thing_agree(world: World) -> None:
    rule, wanted = resource("Rule", "new", {"match": 'ioc.value.startsWith("new")'}), sharing(
        "urls", "mde", "ns", URLS, rule="new"
    )  # fmt: skip
    told = world.ask(RequestVerb.TEST, sharing="urls", applied=[rule, wanted])
    world.apply(rule, wanted)
    assert {line.indicator for line in told.lines if line.effect is Effect.SEND} == {
        f"domain:{value}" for value in world.at("ns")
    }


def test_diff_tells_what_an_edit_would_change_without_changing_it(world: World) -> None:
    world.share("urls", "mde", "ns", URLS)
    world.share("hashes", "mde", "ns", HASHES)
    before = list(world.written)
    rule = resource("Rule", "new", {"match": 'ioc.value != "old.example"'})
    narrower = sharing("urls", "mde", "ns", URLS, rule="new")
    from_lab = sharing("lab-urls", "lab", "ns", URLS)
    reply = world.ask(RequestVerb.DIFF, applied=[rule, narrower, from_lab], deleted=["sharing/hashes"])
    assert {(line.effect, line.indicator) for line in reply.lines} == {
        (Effect.WITHDRAW, "domain:old.example"), (Effect.PUT, "domain:other.example"),
        (Effect.WITHDRAW, f"sha256:{'a' * 64}"),
    }  # fmt: skip
    assert world.written == before
    world.apply(rule, narrower, from_lab)
    world.delete("sharing/hashes")
    assert world.at("ns") == {"new.example", "other.example"}


def test_diff_tells_a_release_from_a_withdrawal(world: World) -> None:
    world.share("urls", "mde", "ns", URLS)
    ended = sharing("urls", "mde", "ns", URLS)
    ended = ended.model_copy(update={"metadata": ended.metadata.model_copy(update={"ended": "keep"})})
    assert counts(world.ask(RequestVerb.DIFF, applied=[ended])) == {(Effect.RELEASE, ""): 2}


def test_sync_writes_a_window_again(world: World) -> None:
    world.share("urls", "mde", "ns", URLS)
    before = len(world.written)
    reply = world.ask(RequestVerb.SYNC, sharing="urls", since=world.now - ms("30d"))
    assert counts(reply) == {(Effect.SEND, ""): 1}
    assert world.written[before:] == [("ns", "url-list:urls", "new.example")]
    assert world.entry("ns", "new.example").resend_at == world.now
    assert world.entry("ns", "old.example").resend_at is None


def test_sync_of_everything(world: World) -> None:
    world.share("urls", "mde", "ns", URLS)
    world.share("hashes", "mde", "ns", HASHES)
    assert counts(world.ask(RequestVerb.SYNC)) == {(Effect.SEND, ""): 3}


def test_explain_tells_of_every_source_and_sharing(world: World) -> None:
    world.share("urls", "mde", "ns", URLS)
    world.share("hashes", "mde", "ns", HASHES)
    world.share("lab-urls", "lab", "ns", URLS)
    world.report("lab", "new.example")
    world.withdraw("lab", "new.example")
    found = {key: step.verdict for key, step in world.why("new.example").items()}
    assert found == {
        "mde urls": Verdict.WANTED, "mde hashes": Verdict.SKIPPED, "lab lab-urls": Verdict.WITHDRAWN_AT_SOURCE
    }  # fmt: skip


def test_what_cannot_be_answered_says_why(world: World) -> None:
    with pytest.raises(UnanswerableError, match="there is no Sharing named urls"):
        world.ask(RequestVerb.TEST, sharing="urls")
    with pytest.raises(UnanswerableError, match="name one"):
        world.ask(RequestVerb.TEST)
