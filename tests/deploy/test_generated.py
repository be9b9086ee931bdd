"""What is made from the code is as the code is now."""

from deploy import rendering
from deploy.access import grants
from deploy.generate import files
from schemas.topics import Topics
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


PULLERS, PUSHERS = {"pull-defender", "pull-netskope"}, {"push-defender", "push-netskope"}
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
