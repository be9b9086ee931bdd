"""The command line on a real Kafka, as a person and a running service see it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.console.__main__ import app
from services.console.manifests.documents import read_text
from services.console.resources.operations import Operations
from services.console.resources.store import PolicyStore
from services.runtime.deadletters import DeadLetters
from services.runtime.kafka import clients
from services.runtime.kafka.bulk_read import latest
from services.runtime.kafka.topics import apply_topics
from services.runtime.kafka.transactional_producer import FencedError, OutgoingRecord, TransactionalProducer
from services.runtime.observability.health import Health
from services.runtime.policy import PolicyFollower
from services.runtime.settings import Settings
from services.runtime.supervision import Supervisor
from tests.waiting import eventually

POLICY = """\
apiVersion: ioc-bridge/v1
kind: Sharing
metadata: {name: to-netskope}
spec:
  source: mde
  destination: netskope
  target: {kind: url-list, name: "Blocked [by] Defender"}
---
apiVersion: ioc-bridge/v1
kind: Connection
metadata: {name: mde}
spec: {type: defender, tenantId: t, appId: a, appSecret: {env: MDE_SECRET}, aging: never}
---
apiVersion: ioc-bridge/v1
kind: Connection
metadata: {name: netskope}
spec: {type: netskope, tenantUrl: "https://acme.example", v2Token: {file: /run/secrets/netskope}}
"""
FEED = """\
---
apiVersion: ioc-bridge/v1
kind: Connection
metadata: {name: feed}
spec: {type: api, tokenHash: "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$Zm9yIGEgdGVzdCBvbmx5"}
"""
RULE = "apiVersion: ioc-bridge/v1\nkind: Rule\nmetadata: {{name: {name}}}\nspec: {{folder: {folder}}}\n"


class Ran:
    """One run of the command line."""

    def __init__(self, arguments: list[str], stdin: str | None) -> None:
        result = CliRunner().invoke(app, arguments, input=stdin)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        self.code = result.exit_code
        self.out = result.stdout
        self.errors = result.stderr


Run = Callable[..., Ran]


@pytest.fixture
def settings(bootstrap: str, prefix: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("IOC_BRIDGE_KAFKA_BOOTSTRAP", bootstrap)
    monkeypatch.setenv("IOC_BRIDGE_TOPIC_PREFIX", prefix)
    return Settings()


@pytest.fixture
def run(settings: Settings) -> Run:
    with closing(clients.admin(settings)) as admin:
        apply_topics(
            admin, [settings.topics.policy, settings.topics.activity, settings.topics.deadletters], replication=1
        )
    return lambda *arguments, stdin=None: Ran(list(arguments), stdin)


def end_of_policy(settings: Settings) -> int:
    return PolicyStore(settings).read().version


def kept(settings: Settings) -> dict[str, object]:
    """The specs of what is configured; a verdict on a withdrawal is no configuration."""
    found = latest(settings, settings.topics.policy.name).items()
    return {key.decode(): json.loads(value)["spec"] for key, value in found if not key.startswith(b"verdict/")}


def test_a_policy_is_applied_shown_and_deleted(run: Run, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "policy.yaml").write_text(POLICY)
    would = run("apply", "-f", str(tmp_path), "--dry-run")
    assert (would.code, end_of_policy(settings)) == (0, 0)
    did = run("apply", "-f", str(tmp_path))
    assert did.out == would.out.replace(" (dry run)", "")
    assert did.out.splitlines()[-3:] == [
        "Connection/mde created",
        "Connection/netskope created",
        "Sharing/to-netskope created",
    ]
    end = end_of_policy(settings)
    again = run("apply", "-f", "-", stdin=POLICY)
    assert again.out.splitlines() == [line.replace("created", "unchanged") for line in did.out.splitlines()[-3:]]
    assert end_of_policy(settings) == end, "what is unchanged is not written"

    assert run("get", "all", "-o", "name").out.split() == [
        "Connection/mde", "Connection/netskope", "Rule/all", "Sharing/to-netskope", "Guard/default", "Merging/default"
    ]  # fmt: skip
    table = run("get", "SHARINGS").out.splitlines()
    assert table[0].split() == ["name", "source", "rule", "destination", "target", "enabled", "in", "force"]
    assert table[2].split() == [
        "to-netskope", "mde", "all", "netskope", "url-list,", "name=Blocked", "[by]", "Defender", "true", "yes"
    ]  # fmt: skip
    assert "ioc-bridge.invalid" in run("get", "sharing", "-o", "wide").out
    assert "match" in run("get", "all").out

    refused = run("delete", "connection", "mde")
    assert refused.code == 1
    assert "Sharing/to-netskope refers to it at spec.source" in refused.errors
    assert run("delete", "-f", str(tmp_path), "--dry-run").out.endswith("Connection/mde deleted (dry run)\n")
    assert run("delete", "-f", str(tmp_path)).out.splitlines() == [
        "Sharing/to-netskope deleted", "Connection/netskope deleted", "Connection/mde deleted"
    ]  # fmt: skip
    assert kept(settings) == {}
    assert run("get", "connections").errors == "ioc-bridge: there is none\n"


def test_topics_of_connections_exist_before_services_look_for_them(run: Run, settings: Settings) -> None:
    out = run("apply", "-f", "-", stdin=POLICY).out
    names = [
        f"{settings.topic_prefix}.{what}.{name}" for name in ("mde", "netskope") for what in ("desired", "applied")
    ]
    assert out.splitlines()[:4] == [f"topic {name} created" for name in names]
    with closing(clients.admin(settings)) as admin:
        assert set(names) <= set(admin.list_topics())


def test_a_source_that_has_no_write_side_has_no_topics_of_its_own(run: Run, settings: Settings) -> None:
    assert run("apply", "-f", "-", stdin=POLICY + FEED).code == 0
    assert run("topics", "apply").code == 0
    assert run("topics", "check").code == 0
    with closing(clients.admin(settings)) as admin:
        there = {name for name in admin.list_topics() if name.startswith(settings.topic_prefix)}
    assert f"{settings.topic_prefix}.desired.mde" in there
    assert not [name for name in there if name.endswith(".feed")]


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_what_get_writes_can_be_applied_again_elsewhere(run: Run, settings: Settings, form: str) -> None:
    run("apply", "-f", "-", stdin=POLICY)
    written = run("get", "all", "-o", form).out
    same = run("apply", "-f", "-", stdin=written)
    assert (same.code, {line.split()[-1] for line in same.out.splitlines()}) == (0, {"unchanged"})
    before = kept(settings)
    run("delete", "-f", "-", stdin=POLICY)
    gone = run("apply", "-f", "-", stdin=written)
    assert gone.code == 1
    assert "it does not exist any more" in gone.errors
    unversioned = "\n".join(line for line in written.splitlines() if "resourceVersion" not in line)
    assert run("apply", "-f", "-", stdin=unversioned).code == 0
    assert kept(settings) == before


def test_one_resource_by_name_is_one_json_object(run: Run) -> None:
    run("apply", "-f", "-", stdin=POLICY)
    found = json.loads(run("get", "sharing", "to-netskope", "-o", "json").out)
    assert found["spec"]["target"]["name"] == "Blocked [by] Defender"
    assert isinstance(found["metadata"]["resourceVersion"], int)


def test_describe_says_everything_about_a_resource_and_no_secret(run: Run) -> None:
    run("apply", "-f", "-", stdin=POLICY)
    rows = [line.split() for line in run("describe", "connection", "mde").out.splitlines()]
    assert ["aging", "never"] in rows
    assert ["pollInterval", "5m", "default"] in rows
    assert ["appSecret.env", "MDE_SECRET"] in rows
    assert ["Referred", "to", "by", "Sharing/to-netskope", "at", "spec.source"] in rows


def test_a_sharing_that_is_not_in_force_says_why(run: Run, settings: Settings) -> None:
    run("apply", "-f", "-", stdin=POLICY)
    with closing(TransactionalProducer(settings, "policy")) as producer:  # as an older version may have done
        producer.write([OutgoingRecord(settings.topics.policy.name, b"connection/mde", None)])
    assert "no: spec.source: there is no Connection named mde" in run("get", "sharings").out
    assert "no: spec.source: there is no Connection named mde" in run("describe", "sharing", "to-netskope").out


@pytest.mark.parametrize(("kind", "spec", "path"), [
    ("rule", '{"match": "100 / ioc.hits > 5"}', "spec.match"),
    ("guard", '{"allow": {"cel": ["100 / ioc.hits > 5"]}}', "spec.allow.cel.0"),
])  # fmt: skip
def test_an_expression_that_can_fail_is_shown_where_an_earlier_version_accepted_it(
    run: Run, settings: Settings, kind: str, spec: str, path: str
) -> None:
    run("apply", "-f", "-", stdin=POLICY)
    with closing(TransactionalProducer(settings, "policy")) as producer:
        value = f'{{"kind": "{kind.title()}", "metadata": {{"name": "odd"}}, "spec": {spec}}}'
        producer.write([OutgoingRecord(settings.topics.policy.name, f"{kind}/odd".encode(), value.encode())])
    shown = f"yes, but {path}: line 1, column 5: this can divide by zero"
    for found in (run("get", kind).out, run("describe", kind, "odd").out):
        assert shown in found
        assert "fails for an indicator with hits: 0" in found


def test_nothing_is_written_when_anything_is_wrong(run: Run, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(POLICY)
    (tmp_path / "bad.yaml").write_text(RULE.format(name="Some", folder="x"))
    refused = run("apply", "-f", str(tmp_path / "good.yaml"), "-f", str(tmp_path / "bad.yaml"), "-f", "absent.yaml")
    assert refused.code == 1
    assert [line.split(": ")[0] for line in refused.errors.splitlines()] == [f"{tmp_path}/bad.yaml:3:18", "absent.yaml"]
    assert end_of_policy(settings) == 0


def test_a_change_made_on_an_outdated_version_is_a_conflict(run: Run) -> None:
    run("apply", "-f", "-", stdin=RULE.format(name="some", folder="one"))
    mine = run("get", "rule", "some", "-o", "yaml").out
    run("apply", "-f", "-", stdin=RULE.format(name="some", folder="theirs"))
    now = json.loads(run("get", "rule", "some", "-o", "json").out)["metadata"]["resourceVersion"]
    refused = run("apply", "-f", "-", stdin=mine.replace("one", "mine"))
    assert refused.code == 1
    assert f"conflict: this was made from version 0, the stored one is {now}" in refused.errors
    assert "theirs" in run("get", "rules").out


def test_a_writer_that_is_overtaken_plans_again(run: Run, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    write, overtakers = PolicyStore.write, iter(["first", "second"])

    def overtaken(
        self: PolicyStore, values: list[tuple[str, bytes | None]], version: int, also: list[OutgoingRecord]
    ) -> None:
        if name := next(overtakers, None):
            documents = read_text(RULE.format(name=name, folder="x"), "f")[0]
            Operations(settings, "other").apply(documents)
        write(self, values, version, also)

    monkeypatch.setattr(PolicyStore, "write", overtaken)
    assert run("apply", "-f", "-", stdin=RULE.format(name="mine", folder="x")).out == "Rule/mine created\n"
    assert run("get", "rules", "-o", "name").out.split() == ["Rule/all", "Rule/first", "Rule/mine", "Rule/second"]


def test_a_writer_that_slept_while_another_wrote_cannot_write_any_more(run: Run, settings: Settings) -> None:
    with closing(TransactionalProducer(settings, "policy")) as sleeper:
        assert run("apply", "-f", "-", stdin=RULE.format(name="some", folder="x")).code == 0
        with pytest.raises(FencedError):
            sleeper.write([OutgoingRecord(settings.topics.policy.name, b"rule/some", None)])
    assert "Rule/some" in run("get", "rules", "-o", "name").out


def test_a_running_service_sees_it_at_once(run: Run, settings: Settings) -> None:
    with closing(DeadLetters(settings, "test")) as deadletters:
        follower = PolicyFollower(settings, deadletters, Supervisor(), Health())
        follower.start()
        try:
            run("apply", "-f", "-", stdin=POLICY)
            eventually(lambda: "mde" in follower.view.sharings_by_source, "the sharing is in force")
            run("delete", "sharing", "to-netskope")
            eventually(lambda: not follower.view.sharings, "it is gone")
        finally:
            follower.stop()


def test_a_record_that_cannot_be_read_is_said_and_can_be_replaced(run: Run, settings: Settings) -> None:
    with closing(TransactionalProducer(settings, "policy")) as producer:
        producer.write([OutgoingRecord(settings.topics.policy.name, b"rule/some", b'{"kind": "Rule"}')])
    assert "rule/some in the policy cannot be read by this version" in run("get", "rules").errors
    assert run("apply", "-f", "-", stdin=RULE.format(name="some", folder="x")).code == 0
    assert run("get", "rules").errors == ""


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ["get", "thing"],
            2,
            (
                "ioc-bridge: thing is not a kind of resource; the kinds are connections, rules, sharings, "
                "guards, mergings, verdicts, reconciliations"
            ),
        ),
        (["get", "rule", "x"], 3, "ioc-bridge: there is no Rule named x"),
        (["describe", "rule", "x"], 3, "ioc-bridge: there is no Rule named x"),
        (["delete", "rule", "x"], 3, "ioc-bridge: there is no Rule named x"),
        (["delete", "rule", "all"], 1, "Rule/all: is built in and cannot be deleted"),
        (["apply", "-f", "absent"], 1, "absent: cannot be read: No such file or directory"),
    ],
)
def test_a_refusal_is_one_line_and_has_its_own_exit_code(
    run: Run, arguments: list[str], code: int, message: str
) -> None:
    ran = run(*arguments)
    assert (ran.code, ran.out, ran.errors) == (code, "", f"{message}\n")


def test_delete_without_names_or_files_is_a_usage_error(run: Run) -> None:
    assert run("delete", "rule").code == 2
    assert run("delete").code == 2


def test_a_missing_topic_says_how_to_make_it(settings: Settings) -> None:
    ran = Ran(["get", "all"], None)
    assert ran.code == 1
    assert f"there is no topic {settings.topics.policy.name}" in ran.errors
    assert "`ioc-bridge topics apply`" in ran.errors


def test_topics_are_made_and_checked(settings: Settings) -> None:
    assert Ran(["topics", "check"], None).code == 1
    assert Ran(["topics", "apply"], None).code == 0
    assert Ran(["topics", "check"], None).code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["get", "all"], 75, "ioc-bridge: Kafka does not answer"),
        (["apply", "-f", "-"], 1, "-:1:1: Rule/: apiVersion: is missing"),
    ],
    ids=["nothing to say", "mistakes in files are found without it"],
)
def test_a_kafka_that_does_not_answer_is_exit_code_75(arguments: list[str], code: int, says: str) -> None:
    # In a process of its own: a client that cannot connect leaves its socket to the garbage collector.
    ran = without_kafka(arguments, waits_ms=200, patience_s=30)
    assert (ran.returncode, ran.stdout) == (code, "")
    assert ran.stderr.startswith(says)
    assert "Traceback" not in ran.stderr


def test_a_person_who_waits_for_kafka_is_told_so() -> None:
    waits, gave_up = without_kafka(["get", "all"], waits_ms=1_500, patience_s=0.1).stderr.splitlines()
    assert waits.startswith("ioc-bridge: Kafka at 127.0.0.1:1 does not answer yet")
    assert gave_up.startswith("ioc-bridge: Kafka does not answer")


def without_kafka(arguments: list[str], *, waits_ms: int, patience_s: float) -> subprocess.CompletedProcess[str]:
    program = f"""
from services.console.resources import store
from services.console import __main__
from services.runtime.kafka import clients
store.BOOTSTRAP_WITHIN_MS, clients.PATIENCE_S = {waits_ms}, {patience_s}
__main__.main()
"""
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={**os.environ, "IOC_BRIDGE_KAFKA_BOOTSTRAP": "127.0.0.1:1"},
        input="kind: Rule\n",
        capture_output=True,
        text=True,
        check=False,
    )


def test_wrong_settings_are_exit_code_78(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOC_BRIDGE_PARTITIONS", "none")
    ran = Ran(["get", "all"], None)
    assert ran.code == 78
    assert ran.errors.startswith("ioc-bridge: partitions (IOC_BRIDGE_PARTITIONS): ")


def test_help_does_not_wait_for_what_only_verbs_need() -> None:
    code = "import sys, services.console.__main__; print({'kafka', 'pydantic', 'yaml'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_kinds_are_completed() -> None:
    environment = {
        **os.environ, "_IOC_BRIDGE_COMPLETE": "complete_bash", "COMP_WORDS": "ioc-bridge get sh", "COMP_CWORD": "2"
    }  # fmt: skip
    command = [sys.executable, "-m", "services.console"]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.stdout.split() == ["sharings"]
