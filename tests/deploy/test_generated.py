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


def test_only_the_operator_may_touch_every_topic_and_nobody_writes_what_is_not_theirs() -> None:
    topics = Topics()
    writers: dict[str, set[str]] = {}
    for user, granted in grants(topics).items():
        for grant in granted:
            if grant.kind == "topic" and "Write" in grant.operations:
                writers.setdefault(grant.name, set()).add(user)
    pullers, pushers = {"pull-defender", "pull-netskope"}, {"push-defender", "push-netskope"}
    assert writers[topics.reports.name] == writers[topics.checkpoints.name] == pullers
    assert writers[topics.indicators.name] == writers[topics.desired("").name] == {"router"}
    assert writers[topics.applied("").name] == pushers
    assert writers[topics.policy.name] == {"operator"}


def test_every_overlay_is_rendered() -> None:
    folders = {path.name for path in (rendering.KUBERNETES / "overlays").iterdir()}
    assert folders == set(rendering.OVERLAYS)
