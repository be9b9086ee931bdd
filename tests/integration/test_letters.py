"""Dead letters on a real Kafka, by the command line: what is shown, what is mended, and what is produced again."""

import json
from base64 import b85encode
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from typer.testing import CliRunner, Result

from schemas.activity import Activity
from schemas.canonical import canonicalise
from schemas.partitions import partition_of
from schemas.report import Report, ReportBatch, Verb
from schemas.resources import encode_resource
from schemas.topics import Topic
from services.console.__main__ import app
from services.runtime.deadletters import DeadLetters
from services.runtime.kafka import clients
from services.runtime.kafka.bulk_read import Raw, read_everything
from services.runtime.kafka.record_headers import RawName, sendable
from services.runtime.kafka.topics import apply_topics
from services.runtime.kafka.transactional_producer import FencedError, OutgoingRecord, TransactionalProducer
from services.runtime.settings import Settings
from tests.routing import SHARING, settings_for
from tests.waiting import ANSWER_S

RULE = json.loads(encode_resource(SHARING))
BROKEN = {**RULE, "spec": {**RULE["spec"], "enabled": "perhaps"}}


@pytest.fixture
def settings(bootstrap: str, prefix: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    settings = settings_for(bootstrap, prefix)
    monkeypatch.setenv("IOC_BRIDGE_KAFKA_BOOTSTRAP", bootstrap)
    monkeypatch.setenv("IOC_BRIDGE_TOPIC_PREFIX", prefix)
    monkeypatch.setenv("IOC_BRIDGE_PARTITIONS", str(settings.partitions))
    with closing(clients.admin(settings)) as admin:
        apply_topics(admin, settings.topics.all(["mde"]), replication=1)
    return settings


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, ["deadletters", *arguments], input=stdin)


def listed(*arguments: str) -> dict[str, dict[str, Any]]:
    said = run("list", "-o", "json", *arguments)
    assert said.exit_code == 0, said.output
    return {item["id"]: item for item in json.loads(said.stdout)["items"]}


def shown(id_: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("show", id_, "-o", "json").stdout)
    return found


def records(settings: Settings, topic: Topic, partition: int = 0) -> list[Raw]:
    return list(read_everything(settings, topic.name, partition))


def die(
    settings: Settings, topic: Topic, key: bytes, value: bytes, *, partition: int = 0, service: str = "router"
) -> str:
    """A record that is written and set aside; returns the dead letter's id."""
    header = ("schema", b"test/1")
    with closing(clients.producer(settings)) as producer:
        sent = producer.send(topic.name, value, key=key, partition=partition, headers=[header]).get(timeout=ANSWER_S)
    with closing(DeadLetters(settings, service)) as aside:
        aside.set_aside(topic.name, partition, Raw(sent.offset, key, value, [header]), ValueError("spec.enabled: no"))
    return f"{topic.name}@{partition}:{sent.offset}"


def die_as_stub(settings: Settings, topic: Topic, key: bytes, value: bytes) -> str:
    """As `die`, of a record that the topic of dead letters does not take: only where it is can be kept."""
    with closing(clients.admin(settings)) as admin:
        limit = {"max.message.bytes": "700000"}
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, settings.topics.deadletters.name, limit)])
    with closing(clients.producer(settings, max_request_size=2_000_000)) as producer:
        headers = sendable([("schema", None), (RawName(b"\xff"), b"1"), ("schema", b"2")])
        sent = producer.send(topic.name, value, key=key, partition=0, headers=headers).get(timeout=ANSWER_S)
    (raw,) = [record for record in records(settings, topic) if record.offset == sent.offset]
    with closing(DeadLetters(settings, "router")) as aside:
        aside.set_aside(topic.name, 0, raw, ValueError("not a Desired: value: too long"))
    return f"{topic.name}@0:{sent.offset}"


def policy_letter(settings: Settings, **more: Any) -> str:
    return die(settings, settings.topics.policy, b"sharing/share", json.dumps(BROKEN).encode(), **more)


def test_what_is_dead_is_listed_once_however_many_services_set_it_aside(settings: Settings) -> None:
    one = policy_letter(settings)
    note = records(settings, settings.topics.deadletters)[0]
    with closing(DeadLetters(settings, "push_defender")) as aside:
        aside.set_aside(settings.topics.policy.name, 0, Raw(0, note.key, note.value), ValueError("no"))
    other = die(settings, settings.topics.reports, b"mde", b"\xfe", partition=2)

    found = listed()
    assert list(found) == [one, other]
    assert (found[one]["services"], found[one]["times"], found[one]["state"]) == (
        ["push_defender", "router"],
        2,
        "open",
    )
    assert list(listed("--topic", "reports")) == list(listed("--topic", settings.topics.reports.name)) == [other]
    assert list(listed("--service", "push_defender")) == [one]
    assert listed("--since", "2040-01-01") == {}
    assert run("list", "-o", "name").stdout.split() == [one, other]
    table = run("list")
    assert "push_defender, router" in table.stdout
    assert "2 open" in table.stderr

    told = run("show", one.removeprefix(f"{settings.topic_prefix}.")).stdout
    assert f"came from   topic {settings.topics.policy.name}, partition 0, offset 0" in told
    assert "header      schema: test/1" in told
    assert "spec.enabled" in told, "what is wrong with it"
    assert '"enabled": "perhaps"' in told, "the payload as people read it"
    assert shown(other)["original"] == {"base64": "/g=="}
    assert run("show", "nothing@0:0").exit_code == 3


def test_a_mended_letter_goes_back_with_its_key_and_headers_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = policy_letter(settings)
    refused = run("replay", letter)
    assert refused.exit_code == 1
    assert "not_readable" in refused.stderr
    assert "spec.enabled" in refused.stderr
    wrong = run("edit", letter, "--set", "spec.enabled=maybe")
    assert (wrong.exit_code, listed()[letter]["edited"]) == (1, False)
    assert "spec.enabled" in wrong.stderr
    monkeypatch.setenv("EDITOR", "sed -i s/perhaps/rarely/")
    slip = run("edit", letter).stderr
    written = Path(slip.partition("what you wrote is in ")[2].partition(";")[0])
    assert "rarely" in written.read_text(), "what was written in an editor is not lost"
    written.unlink()
    assert "there is no specs in an object" in run("edit", letter, "--set", "specs.enabled=true").stderr

    assert run("edit", letter, "--set", "spec.enabled=false").exit_code == 0
    assert shown(letter)["edited_by"]
    assert shown(letter)["original"] == BROKEN, "the original is kept"
    assert len(records(settings, settings.topics.policy)) == 1, "an edit produces nothing"
    assert run("replay", letter).stdout == f"{letter} replayed\n"
    _, again = records(settings, settings.topics.policy)
    assert (again.key, list(again.headers)) == (b"sharing/share", [("schema", b"test/1")])
    assert json.loads(again.value or b"")["spec"]["enabled"] is False

    twice = run("replay", letter)
    assert (twice.exit_code, "already_replayed" in twice.stderr) == (1, True)
    assert run("replay", "--all").stderr == "ioc-bridge: there is no open dead letter of that kind\n"
    assert len(records(settings, settings.topics.policy)) == 2
    assert run("replay", letter, "--force").exit_code == 0
    assert (len(records(settings, settings.topics.policy)), shown(letter)["replays"]) == (3, 2)


def test_dropping_keeps_who_and_why_and_can_be_taken_back(settings: Settings) -> None:
    letter = policy_letter(settings)
    whole = json.dumps({**BROKEN, "spec": {**BROKEN["spec"], "enabled": True}})
    assert run("drop", letter, "--reason", "a slip").exit_code == 0
    assert (shown(letter)["state"], shown(letter)["reason"]) == ("dropped", "a slip")
    assert "already_dropped" in run("drop", letter).stderr
    assert listed("--state", "open") == {}
    assert run("edit", letter, "--file", "-", stdin=whole).exit_code == 0
    assert run("replay", "--all", "--topic", "policy").exit_code == 0
    told = [Activity.decode(record.value or b"") for record in records(settings, settings.topics.activity)]
    assert [one.code for one in told] == ["dead_letters_dropped", "dead_letter_edited", "dead_letters_replayed"]
    assert [(item.subject, item.reason) for item in told[0].items] == [(letter, "dropped")]
    assert told[0].counts == {"dropped": 1}
    assert told[0].message.endswith(f"dropped {letter}: a slip")


def test_nothing_newer_is_overwritten_unasked(settings: Settings) -> None:
    letter = policy_letter(settings)
    assert run("edit", letter, "--set", "spec.enabled=true").exit_code == 0
    with closing(TransactionalProducer(settings, "policy")) as producer:
        producer.write([OutgoingRecord(settings.topics.policy.name, b"sharing/share", encode_resource(SHARING))])
    refused = run("replay", letter)
    assert (refused.exit_code, "newer_exists" in refused.stderr) == (1, True)
    assert run("replay", letter, "--force").exit_code == 0
    assert len(records(settings, settings.topics.policy)) == 3


def test_a_withdrawal_that_came_after_is_newer_as_well_even_when_nothing_of_it_is_left(settings: Settings) -> None:
    letter = policy_letter(settings)
    assert run("edit", letter, "--set", "spec.enabled=true").exit_code == 0
    part = TopicPartition(settings.topics.policy.name, 0)
    with closing(clients.producer(settings)) as producer:
        producer.send(part.topic, None, key=b"sharing/share", partition=0).get(timeout=ANSWER_S)
    assert "newer_exists" in run("replay", letter).stderr

    with closing(DeadLetters(settings, "router")) as aside:  # compaction has taken the record and what came after it
        aside.set_aside(part.topic, 0, Raw(9, b"sharing/share", encode_resource(SHARING)), ValueError("no"))
    assert "original_gone" in run("replay", f"{part.topic}@0:9").stderr


def batch(verb: Verb, *values: str) -> ReportBatch:
    reports = [
        Report(verb=verb, type=found.type, value=found.value, observed_at=1, first_seen=1, last_seen=1)
        for found in map(canonicalise, values)
    ]
    return ReportBatch(source="mde", poll="p", reports=tuple(reports))


def test_reports_go_to_the_partitions_they_belong_to_unless_the_source_has_said_more(settings: Settings) -> None:
    topic, count = settings.topics.reports, settings.partitions
    places = {name: partition_of(f"domain:{name}", count) for name in (f"h{n}.evil.example" for n in range(20))}
    here = next(iter(places))
    there = next(name for name, number in places.items() if number != places[here])
    wrong = {**json.loads(batch(Verb.UPDATE, here, there).encode()), "v": 2}
    letter = die(settings, topic, b"mde", json.dumps(wrong).encode(), partition=places[here])
    spelled = run("edit", letter, "--set", "v=1", "--set", f"reports.0.value={here.upper()}")
    assert f"reports.0.value: is not in its canonical form; write {here}" in spelled.stderr
    assert run("edit", letter, "--set", "v=1").exit_code == 0
    assert run("replay", letter).exit_code == 0
    for name in (here, there):
        last = ReportBatch.decode(records(settings, topic, places[name])[-1].value or b"")
        assert [report.value for report in last.reports] == [name]

    stale = die(settings, topic, b"mde", batch(Verb.WITHDRAW, here).encode(), partition=places[here])
    with closing(clients.producer(settings)) as producer:
        again = batch(Verb.UPDATE, here).encode()
        producer.send(topic.name, again, key=b"mde", partition=places[here]).get(timeout=ANSWER_S)
    assert "newer_exists" in run("replay", stale).stderr, "an old withdrawal must not take back what is said now"


def test_a_topic_that_was_made_anew_has_open_letters_at_places_that_were_done(settings: Settings) -> None:
    letter = policy_letter(settings)
    assert run("drop", letter).exit_code == 0
    other = json.dumps({**BROKEN, "other": 1}).encode()
    with closing(DeadLetters(settings, "router")) as aside:
        aside.set_aside(settings.topics.policy.name, 0, Raw(0, b"sharing/share", other), ValueError("no"))
    assert listed()[letter]["state"] == "open"


def test_of_two_who_replay_at_once_one_does_it(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    letter = policy_letter(settings)
    assert run("edit", letter, "--set", "spec.enabled=true").exit_code == 0
    write: Callable[..., None] = TransactionalProducer.write
    said: list[Result] = []

    def meanwhile(producer: TransactionalProducer, entries: list[OutgoingRecord]) -> None:
        """Somebody else replays it just before this one's transaction."""
        if not said:
            monkeypatch.setattr(TransactionalProducer, "write", write)
            said.append(run("replay", letter))
        write(producer, entries)

    monkeypatch.setattr(TransactionalProducer, "write", meanwhile)
    late = run("replay", letter)
    assert said[0].exit_code == 0, said[0].output
    assert (late.exit_code, "already_replayed" in late.stderr) == (1, True), late.stderr
    assert len(records(settings, settings.topics.policy)) == 2


def test_a_missing_topic_is_named(bootstrap: str, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOC_BRIDGE_KAFKA_BOOTSTRAP", bootstrap)
    monkeypatch.setenv("IOC_BRIDGE_TOPIC_PREFIX", prefix)
    said = run("list")
    assert (said.exit_code, "ioc-bridge topics apply" in said.stderr) == (1, True)


def test_who_was_overtaken_by_another_writer_is_fenced(settings: Settings) -> None:
    letter = policy_letter(settings)
    with closing(TransactionalProducer(settings, "policy")) as producer:
        assert run("drop", letter).exit_code == 0
        with pytest.raises(FencedError):
            producer.write([OutgoingRecord(settings.topics.policy.name, b"sharing/x", None)])


def noise(size: int) -> str:
    """Text that gzip makes hardly smaller."""
    return b85encode(Random(size).randbytes(size * 4 // 5)).decode()


def test_of_what_is_too_large_to_be_copied_a_stub_is_kept_and_the_original_replayed(settings: Settings) -> None:
    topic = settings.topics.policy
    large = json.dumps({**RULE, "padding": noise(998_000)}).encode()
    letter = die_as_stub(settings, topic, b"sharing/share", large + b" " * (1_048_588 - 200 - len(large)))
    said = shown(letter)
    assert said["stub"]["there"] is True
    assert said["stub"]["size"] > 1_048_000
    assert said["original"]["padding"] == json.loads(large)["padding"]
    told = run("show", letter).stdout
    assert f"too many to copy, and is only at offset {letter.rpartition(':')[2]}" in told
    refused = run("replay", letter)
    assert (refused.exit_code, "too_large" in refused.stderr) == (1, True)


def test_a_stub_whose_original_fits_a_request_is_replayed_just_as_it_was(settings: Settings) -> None:
    topic = settings.topics.policy
    value = json.dumps({**RULE, "padding": noise(998_000)}).encode()
    letter = die_as_stub(settings, topic, b"sharing/share", value)
    assert shown(letter)["stub"]["there"] is True
    assert run("replay", letter).stdout == f"{letter} replayed\n"
    first, again = records(settings, topic)
    assert (again.key, again.value) == (first.key, first.value)
    assert [(name.encode(), found) for name, found in again.headers] == [
        (b"schema", None), (b"\xff", b"1"), (b"schema", b"2"),
    ]  # fmt: skip


def test_a_stub_whose_original_is_gone_says_so(settings: Settings) -> None:
    topic = settings.topics.reports
    letter = die_as_stub(settings, topic, b"mde", noise(1_048_588 - 200).encode())
    with closing(clients.admin(settings)) as admin:
        admin.delete_records({TopicPartition(topic.name, 0): 1})
    said = shown(letter)
    assert said["stub"]["there"] is False
    assert "no longer there" in said["problem"]
    refused = run("replay", letter)
    assert (refused.exit_code, "original_gone" in refused.stderr) == (1, True)
    assert run("drop", letter).exit_code == 0
