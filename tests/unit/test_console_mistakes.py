"""Every mistake of a policy file is reported at its place, in words, all at once."""

import pytest

from services.console.manifests.documents import read_text
from services.console.manifests.validation import check
from services.console.resources.planning import RefusedError, plan_apply
from services.console.resources.store import Snapshot

FIVE = """\
apiVersion: ioc-bridge/v1
kind: Connection
metadata: {name: mde}
spec:
  type: defender
  tenantId: t
  appId: a
  appSecret: {env: SECRET}
  regoin: eu
---
apiVersion: ioc-bridge/v1
kind: Connection
metadata: {name: netskope}
spec:
  type: netskope
  tenantUrl: https://acme.example
  v2Token: {env: TOKEN}
  polling: yes
  pollInterval: 5 minutes
  polling: yes
---
apiVersion: ioc-bridge/v1
kind: Sharing
metadata: {name: one}
spec:
  source: mde
  destination: netskoop
  target: {kind: url-list, name: Blocked}
---
apiVersion: ioc-bridge/v1
kind: Sharring
metadata: {name: two}
"""


def refusal(text: str, on: Snapshot | None = None) -> list[str]:
    documents, mistakes = read_text(text, "f.yaml")
    checked, wrong = check(documents)
    with pytest.raises(RefusedError) as caught:
        plan_apply(on or Snapshot(), checked, [*mistakes, *wrong])
    return [str(mistake) for mistake in caught.value.mistakes]


def test_five_mistakes_are_five_messages_with_their_places() -> None:
    assert refusal(FIVE) == [
        "f.yaml:9:3: Connection/mde: spec.regoin: there is no such field; did you mean region?",
        (
            "f.yaml:19:17: Connection/netskope: spec.pollInterval: "
            "write a duration as a whole number and s, m, h or d, for example 5m or 90d"
        ),
        "f.yaml:20:3: Connection/netskope: spec.polling: is given twice, the first 2 lines above; keep one of the two",
        (
            "f.yaml:27:16: Sharing/one: spec.destination: "
            "there is no Connection named netskoop; did you mean netskope? Else apply it first or in the same file"
        ),
        (
            "f.yaml:31:7: Sharring/two: kind: Sharring is not a kind of resource; "
            "the kinds are Connection, Rule, Sharing, Guard, Merging, Verdict, Reconciliation"
        ),
    ]


NETSKOPE = """\
apiVersion: ioc-bridge/v1
kind: Connection
metadata: {name: netskope}
spec:
  type: netskope
  tenantUrl: https://acme.example
  v2Token: {env: TOKEN}
"""


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("  aging: 5", "8:10: spec.aging: write a duration as a whole number and s, m, h or d, for example 5m or 90d"),
        ("  tls: yes", "8:8: spec.tls: must be a mapping with the fields verify, caFile"),
        ("  tls: {verify: perhaps}", "8:17: spec.tls.verify: must be true or false"),
        ("  tls: {caFile: 3}", "8:17: spec.tls.caFile: must be text; put it in quotes"),
        ("  tls: {caFile: []}", "8:9: spec.tls.caFile: must be text"),
        ("  types: url", "8:10: spec.types: must be a list"),
        ("  overrideReputation: 11", "8:23: spec.overrideReputation: must be at most 10"),
        ("  overrideReputation: high", "8:23: spec.overrideReputation: must be a whole number"),
        ("  proxy: here", "8:10: spec.proxy: must be a URL, for example https://host.example"),
        ("  initialRange: 2m", "4:1: spec: initialRange must be between 1d and 365d"),
        ("  v1Token: {}", "8:3: spec.v1Token: set where the secret is: exactly one of file and env"),
        (
            "  v1Token: {env: 1x}",
            (
                "8:18: spec.v1Token.env: has the wrong form: name of an environment variable; "
                "it must match ^[A-Za-z_][A-Za-z0-9_]*$"
            ),
        ),
        ("  tenantId: x", "8:3: spec.tenantId: there is no such field; did you mean tenantUrl?"),
        (
            "  zzz: x",
            (
                "8:3: spec.zzz: there is no such field; use aging, overrideReputation, polling, "
                "initialRange, "
                "types, reconcile, tls, proxy, type, tenantUrl, v2Token, v1Token, pollInterval, "
                "wildcardCoversApex or deploy"
            ),
        ),
        (
            "  types: [url, domian]",
            (
                "8:16: spec.types[1]: domian is not allowed here; did you mean domain? "
                "(it is one of url, domain, ipv4, ipv6, md5, sha1, sha256)"
            ),
        ),
    ],
)
def test_a_wrong_field_is_named_as_in_the_file_with_what_to_do(line: str, message: str) -> None:
    place, _, rest = message.partition(": ")
    assert refusal(f"{NETSKOPE}{line}\n") == [f"f.yaml:{place}: Connection/netskope: {rest}"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3", "1:1: is not a resource: a mapping with apiVersion, kind, metadata and spec"),
        ("a: 1", "1:1: kind: is missing; use Connection, Rule, Sharing, Guard, Merging, Verdict or Reconciliation"),
        (
            "kind: [x]",
            "1:1: kind: must be text; use Connection, Rule, Sharing, Guard, Merging, Verdict or Reconciliation",
        ),
        ("kind: Rule\nmetadata: {name: x}", "1:1: Rule/x: apiVersion: is missing; add apiVersion: ioc-bridge/v1"),
        (
            "apiVersion: v1\nkind: Rule\nmetadata: {name: x}",
            ("1:13: Rule/x: apiVersion: v1 is not allowed here; use ioc-bridge/v1"),
        ),
        (
            "apiVersion: ioc-bridge/v1\nkind: Rule",
            ("1:1: Rule/: metadata: is missing; add it (what the resource is called)"),
        ),
        (
            "apiVersion: ioc-bridge/v1\nkind: Rule\nmetadata: {name: A}",
            (
                "3:18: Rule/A: metadata.name: is not a name: "
                "lower-case letters, digits and inner dashes, at most 63: it is part of topic and metric names"
            ),
        ),
        (
            NETSKOPE.replace("type: netskope", "type: netscope"),
            ("5:9: Connection/netskope: spec.type: netscope is not allowed here; did you mean netskope?"),
        ),
        (
            NETSKOPE.replace("  type: netskope\n", ""),
            ("4:1: Connection/netskope: spec.type: is missing; use api, defender or netskope"),
        ),
    ],
)
def test_what_is_no_resource_is_told_what_it_lacks(text: str, message: str) -> None:
    assert refusal(text) == [f"f.yaml:{message}"]


def test_a_misplaced_secret_is_not_repeated() -> None:
    assert "hunter2" not in "".join(refusal(NETSKOPE.replace("{env: TOKEN}", "hunter2")))


def test_the_same_resource_twice_is_refused_with_both_places() -> None:
    assert refusal(f"{NETSKOPE}---\n{NETSKOPE}") == [
        (
            "f.yaml:11:18: Connection/netskope: metadata.name: "
            "the same resource is also at f.yaml:3:18; keep one of the two"
        )
    ]


SHARING = """\
---
apiVersion: ioc-bridge/v1
kind: Sharing
metadata: {name: one}
spec:
  source: netskope
  destination: mde
  target: {kind: defender-action, action: Block}
"""


def test_a_reference_to_a_resource_that_is_wrong_itself_is_not_a_second_mistake() -> None:
    broken = NETSKOPE.replace("tenantUrl: https://acme.example", "tenantUrl: 3")
    assert [line.split(" ")[1] for line in refusal(broken + SHARING)] == ["Connection/netskope:", "Sharing/one:"]
    assert "there is no Connection named mde" in refusal(broken + SHARING)[1]


def test_a_resource_with_a_mistake_still_has_its_references_checked() -> None:
    lines = refusal(NETSKOPE + SHARING.replace("spec:", "spec:\n  enabeld: true"))
    assert [line.split(": ")[0] for line in lines] == ["f.yaml:13:3", "f.yaml:15:16"]


TO_NETSKOPE = """\
---
apiVersion: ioc-bridge/v1
kind: Connection
metadata: {name: mde}
spec: {type: defender, tenantId: t, appId: a, appSecret: {env: X}}
---
apiVersion: ioc-bridge/v1
kind: Sharing
metadata: {name: one}
spec:
  source: mde
  destination: netskope
  target: {kind: destination-profile, name: sites}
"""


@pytest.mark.parametrize(
    ("instead", "message"),
    [
        (
            'name: "a;b"',
            (
                "spec.target.name: has the wrong form: The profile's name at Netskope; no quotes, no semicolons; "
                'it must match ^[^";]*$'
            ),
        ),
        (
            "name: sites, match: regex, limit: 5000",
            "spec.target: a tenant takes 1000 regex values: set limit to at most that number, or leave it out",
        ),
        ("name: sites, limit: 100001", "spec.target.limit: must be at most 100000"),
        (
            "name: sites, match: exact",
            "spec.target.match: exact is not allowed here; use insensitive, sensitive or regex",
        ),
    ],
)
def test_what_a_destination_profile_cannot_be_is_told(instead: str, message: str) -> None:
    (told,) = refusal(NETSKOPE + TO_NETSKOPE.replace("name: sites", instead))
    assert told.partition(": Sharing/one: ")[2] == message


def test_a_destination_profile_is_of_netskope() -> None:
    there_and_back = TO_NETSKOPE.replace("source: mde", "source: netskope").replace(
        "destination: netskope", "destination: mde"
    )
    (told,) = refusal(NETSKOPE + there_and_back)
    assert told.endswith("defender connections have no destination-profile target; use defender-action")


GUARD = """\
apiVersion: ioc-bridge/v1
kind: Guard
metadata: {name: team}
spec:
  warningLists: [gogle]
  specialAdresses: true
  allow:
    domains:
      - 7
      - corp.example
      - {}
      - https://corp.example/path
    networks:
      - 10.0.0.0/33
    cel:
      - ioc.kind
"""


def test_a_mistake_in_one_field_of_a_guard_hides_none_in_another() -> None:
    found = [line.partition(": Guard/team: ")[::2] for line in refusal(GUARD)]
    assert [(place, said.partition(": ")[0]) for place, said in found] == [
        ("f.yaml:5:18", "spec.warningLists[0]"),
        ("f.yaml:6:3", "spec.specialAdresses"),
        ("f.yaml:9:9", "spec.allow.domains[0]"),
        ("f.yaml:11:9", "spec.allow.domains[2]"),
        ("f.yaml:12:9", "spec.allow.domains[3]"),
        ("f.yaml:14:9", "spec.allow.networks[0]"),
        ("f.yaml:16:9", "spec.allow.cel[0]"),
    ]
