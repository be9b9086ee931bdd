"""What is made from the code is as the code is now."""

import pytest
import yaml

from deploy import rendering, vendors
from deploy.access import grants
from deploy.blocks import fill
from deploy.generate import files
from schemas.topics import Topics
from schemas.vendors import registry
from schemas.vendors.vendor import Service
from tests.deploy.overlays import of_kind


def test_generated_files_are_up_to_date() -> None:
    stale = [path.name for path, text in files().items() if path.read_text("utf-8") != text]
    assert not stale, "run: make manifests"


def test_every_topic_of_the_code_is_declared_as_the_code_says() -> None:
    for overlay in ("staging", "production"):
        declared = {
            found["metadata"]["name"]: (found["spec"]["partitions"], found["spec"]["config"])
            for found in of_kind(overlay, "KafkaTopic")
        }
        assert declared == {topic.name: (topic.partitions, topic.config) for topic in Topics().all()}


def test_users_touch_only_topics_there_are() -> None:
    topics = Topics()
    known = {topic.name for topic in topics.all()} | {topics.desired("").name, topics.applied("").name, "ioc."}
    for user, granted in grants(topics).items():
        strange = [grant.name for grant in granted if grant.kind == "topic" and grant.name not in known]
        assert not strange, user


PULLERS = {service.workload for service in registry.PULLERS}
PUSHERS = {service.workload for service in registry.PUSHERS}
OTHERS = {"router", "console"}
WHO = {
    "puller": PULLERS, "pusher": PUSHERS, "router": {"router"}, "console": {"console"},
    "every service": {*PULLERS, *PUSHERS, *OTHERS},
}  # fmt: skip


def _named(words: str) -> set[str]:
    """The users that a topic's description speaks of."""
    return {user for word, users in WHO.items() if word in words for user in users}


def test_who_may_read_and_write_a_topic_is_who_the_code_says_does() -> None:
    topics, granted = Topics(), grants(Topics())
    for topic in topics.all([""]):
        for operation, words in (("Read", topic.read_by), ("Write", topic.written_by)):
            users = {
                user
                for user, found in granted.items()
                if user not in ("operator", "keda")
                and any(one.kind == "topic" and one.name == topic.name and operation in one.operations for one in found)
            }
            assert users - {"console"} == _named(words) - {"console"}, f"{operation} {topic.name}"


def test_the_console_shows_whatever_there_is_and_sends_dead_letters_back_to_where_services_write() -> None:
    topics, granted = Topics(), grants(Topics())["console"]
    assert any(one.prefixed and one.name == "ioc." and "Read" in one.operations for one in granted)
    written = {one.name for one in granted if one.kind == "topic" and "Write" in one.operations}
    never = {topics.indicators.name, topics.leases.name, topics.replies.name}
    assert written == {topic.name for topic in topics.all([""])} - never


def test_only_the_command_line_and_the_console_write_the_policy() -> None:
    topics = Topics()
    writers = {
        user
        for user, found in grants(topics).items()
        for grant in found
        if grant.name == topics.policy.name and "Write" in grant.operations
    }
    assert writers == {"operator", "console"}


def test_every_overlay_is_rendered() -> None:
    folders = {path.name for path in (rendering.KUBERNETES / "overlays").iterdir()}
    assert folders == set(rendering.OVERLAYS)


def test_there_is_a_base_for_every_service_and_no_other() -> None:
    folders = {path.name for path in vendors.BASE.iterdir() if path.is_dir()}
    assert folders == PULLERS | PUSHERS | OTHERS


def test_a_service_that_others_call_has_its_ports_in_the_pod_and_a_service() -> None:
    made = vendors.base(Service("push_toy", "toy-tenants", ports=(8090,)), "pusher")
    container = yaml.safe_load(made["deployment.yaml"])["spec"]["template"]["spec"]["containers"][0]
    assert container["ports"] == [{"name": "port-8090", "containerPort": 8090}]
    (port,) = yaml.safe_load(made["service.yaml"])["spec"]["ports"]
    assert port == {"name": "port-8090", "port": 8090, "targetPort": "port-8090"}
    assert "service.yaml" in yaml.safe_load(made["kustomization.yaml"])["resources"]


def test_blocks_are_filled_at_their_indent_and_none_is_forgotten() -> None:
    text = "a:\n  # <one> of the code\n  - old\n  # </one>\nb: 1\n"
    filled = fill(text, {"one": "- x\n\n- y"})
    assert filled == "a:\n  # <one> of the code\n  - x\n\n  - y\n  # </one>\nb: 1\n"
    assert fill(filled, {"one": "- x\n\n- y"}) == filled
    for blocks in ({}, {"one": "", "two": ""}):
        with pytest.raises(ValueError, match="the file has the blocks"):
            fill(text, blocks)
