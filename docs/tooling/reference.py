"""The reference pages of what all services share: metrics, settings, topics, records, rules.

`make docs` writes them.
"""

import inspect
import sys
from typing import Any

from docs.tooling import schema_fields
from docs.tooling.pages import Page, main, table
from schemas.export import RECORDS, json_schema
from schemas.expression import MAX_HITS, MAX_LENGTH, MAX_STEPS, MAX_TAGS, NEVER, VARIABLES
from schemas.resources import KINDS
from schemas.topics import DAY_MS, Topic, Topics
from services.runtime.observability.metrics import DEFINITIONS
from services.runtime.settings import CONFIG_VARIABLE, ENV_PREFIX, Settings


def _metrics() -> str:
    rows = [
        [
            f"`{found.name}`",
            found.kind,
            ", ".join(f"`{label}`" for label in found.labels),
            found.meaning,
            found.services,
        ]
        for found in DEFINITIONS
    ]
    intro = (
        "Every service answers `/metrics` with those that concern it. Labels are names of connections, fixed "
        "vocabularies, partitions and reason codes, never a value, a URL or an id, so their number is bounded: it "
        "grows with what people configure, not with what travels. A process forgets the gauges of a connection or a "
        "partition that is another's now. `tests/integration/test_metrics_conformance.py` holds the services to this."
    )
    return f"{intro}\n\n{table(['name', 'kind', 'labels', 'meaning', 'services'], rows)}"


def settings_table(kind: type[Settings], beyond: type[Settings] | None = None) -> str:
    """The settings of a kind, or those that it has beyond another."""
    schema, known = kind.model_json_schema(), beyond.model_fields if beyond else {}
    rows = [
        [
            f"`{ENV_PREFIX}{name.upper()}`",
            *schema_fields.type_and_bounds(field, schema),
            schema_fields.default(field),
            meaning,
        ]
        for name, field in schema["properties"].items()
        if name not in known
        for meaning in [field.get("description", "")]
    ]
    return table(["environment variable", "type", "bounds", "default", "meaning"], rows)


def _settings() -> str:
    intro = (
        "Every service and the command line take these from the environment, or, under the same name in lower case "
        f"without `{ENV_PREFIX}`, from the YAML file that `{CONFIG_VARIABLE}` names; the environment wins. A mistake "
        "ends a service with exit code 78 and a line for each setting that is wrong; a variable that begins so and is "
        "none is wrong, too, and so is a name in the file. Settings of the console, which begin with "
        "`IOC_BRIDGE_CONSOLE_`, pass other services by; they are [on the page of the API](api.md#settings)."
    )
    return f"{intro}\n\n{settings_table(Settings)}"


def _topics() -> str:
    few, more = Topics(partitions=12), Topics(partitions=13)
    rows = []
    for name, member in vars(Topics).items():
        if isinstance(member, property):
            topic, other = getattr(few, name), getattr(more, name)
        elif name in ("desired", "applied"):
            topic, other = (getattr(topics, name)("<destination>") for topics in (few, more))
        else:
            continue
        partitions = str(topic.partitions) if topic.partitions == other.partitions else f"`{ENV_PREFIX}PARTITIONS`"
        meaning = inspect.getdoc(member) or ""
        rows.append([f"`{topic.name}`", meaning, topic.key, partitions, _kept(topic), topic.written_by, topic.read_by])
    intro = (
        f"`ioc` is `{ENV_PREFIX}TOPIC_PREFIX`. `ioc-bridge topics apply` makes what is missing and says what differs. "
        "[records.md](records.md) has the fields of what they carry."
    )
    heads = ["name", "holds", "key", "partitions", "kept", "written by", "read by"]
    return f"{intro}\n\n{table(heads, rows)}"


def _kept(topic: Topic) -> str:
    match topic.config.get("cleanup.policy"):
        case "compact":
            return f"latest per key; tombstones {int(topic.config['delete.retention.ms']) // DAY_MS} days"
        case "delete":
            days = int(topic.config["retention.ms"]) // DAY_MS
            return f"{days} days" if days > 1 else "1 day"
        case _:
            return ""


def _records() -> str:
    records = {name: record for name, record in RECORDS.items() if record not in KINDS.values()}
    parts: dict[str, dict[str, Any]] = {}
    sections = []
    for name, record in records.items():
        schema = json_schema(record)
        parts |= schema.get("$defs", {})
        sections.append(
            _section(f"{record.__name__}", schema, schema, f"[JSON Schema](../../schemas/json/{name}.json). ")
        )
    sections += [_section(name, part, {"$defs": parts}) for name, part in sorted(parts.items())]
    intro = (
        "Values are JSON in UTF-8. A reader ignores fields it does not know, and sets a record aside whose fields it "
        "cannot trust. Absent optional fields are left out. A dead letter keeps the original key and value; its own "
        "fields travel as headers `ioc-bridge.<field>`. What travels in the policy topic is in "
        "[resources.md](resources.md)."
    )
    return "\n\n".join([intro, *sections])


def _section(title: str, schema: dict[str, Any], root: dict[str, Any], before: str = "") -> str:
    meaning = before + " ".join(schema.get("description", "").split())
    if "properties" not in schema:
        members = ", ".join(f"`{member}`" for member in schema.get("enum", [schema.get("const")]))
        return f"## {title}\n\n{meaning}\n\nOne of {members}."
    needed = schema.get("required", ())
    rows = [
        [
            f"`{name}`",
            *schema_fields.type_and_bounds(field, root),
            "required" if name in needed else schema_fields.default(field),
            field.get("description", ""),
        ]
        for name, field in schema["properties"].items()
    ]
    return f"## {title}\n\n{meaning}\n\n{table(['field', 'type', 'bounds', 'default', 'meaning'], rows)}"


def _rules() -> str:
    rows = [[f"`{name}`", f"`{found.type.name().lower()}`", found.meaning] for name, found in VARIABLES.items()]
    intro = (
        "A rule, its exceptions, and the expressions of a guard's allow list are written in [CEL](https://cel.dev), "
        "over these variables. [rules.md](../rules.md) has examples."
    )
    variables = table(["variable", "type", "meaning"], rows)
    can = f"## What CEL can do here\n\n{_CAN}\n\n## What cannot fail\n\n{_TOTAL}"
    return f"{intro}\n\n{variables}\n\n{can}\n\n## What it cannot, and why\n\n{_CANNOT}"


_CAN = """\
- Compare (`==`, `!=`, `<`, `>=`, `in`), combine (`&&`, `||`, `!`, `a ? b : c`) and calculate (`+ - * / %`).
- Texts: `startsWith`, `endsWith`, `contains`, `size`, and `matches` with a pattern of
  [RE2](https://github.com/google/re2/wiki/Syntax) (no look-around, no back-references; `(?i)` ignores case).
- Lists: `exists`, `all`, `exists_one`, `filter`, `size`, for example `ioc.tags.exists(tag, tag.startsWith("apt"))`.
- Moments and spans: `timestamp("2026-03-01T00:00:00Z")`, `duration("72h")` (`h`, `m`, `s`), their sums and differences,
  `getFullYear("UTC")`, `getDayOfWeek("UTC")` and the like.
- Notes, from `//` to the end of the line."""

COULD_FAIL = [
    ("100 / ioc.hits > 5", "`ioc.hits` can be 0", "ioc.hits > 0 && 100 / ioc.hits > 5"),
    ('ioc.tags[0] == "a"', "there can be no tag", 'ioc.tags.size() > 0 && ioc.tags[0] == "a"'),
    ("ioc.hits * ioc.hits * ioc.hits > 8", "the result can exceed 64 bits", "ioc.hits > 2"),
    (
        'ioc.last_seen - timestamp("1900-01-01T00:00:00Z") > duration("24h")',
        "the two can be more than 292 years apart",
        'ioc.last_seen > timestamp("1900-01-02T00:00:00Z")',
    ),
    ("int(ioc.value) > 5", "the text can be no number", 'ioc.value.matches("^([6-9]|[1-9][0-9]+)$")'),
    ('{"url": 8, "domain": 6}[ioc.type] > 7', "the map can be without the key", 'ioc.type == "url"'),
    ("ioc.last_seen.getHours(ioc.value) > 5", "the text can be no time zone", 'ioc.last_seen.getHours("UTC") > 5'),
]
"""Expressions that are refused, why, and what says the same and is accepted."""

_TOTAL = f"""\
An expression that is accepted gives true or false for every indicator. It is refused when an operation in it could
fail, with an indicator for which it fails where one is at hand:

{table(["could fail", "why", "write"], [[f"`{bad}`", why, f"`{good}`"] for bad, why, good in COULD_FAIL])}

The bounds that this relies on: moments lie between 1970-01-01 and {NEVER:%Y-%m-%dT%H:%M:%SZ}, which means *never*; a
later one is shown as the second before it, and a later one in quotes is read the same way (`9999-12-31` is *never*).
`ioc.hits` lies between 0 and {MAX_HITS:,}, `ioc.reputation` between 1 and 10. Differences of the moments of an
indicator never fail."""

_CANNOT = f"""\
- **There is no `now`.** What a rule says of an indicator changes only when the indicator or the rule does. What depends
  on the hour has its own place: `aging` of a Connection, `mute: {{until: …}}` of a rule, `backfill` of a sharing.
- **No loop within a loop, and no `map`.** So the cost of an expression is bounded before it ever runs: at most
  {MAX_LENGTH:,} characters, lists cut off after {MAX_TAGS:,} elements, patterns matched in linear time, and at most
  {MAX_STEPS:,} steps of all loops of one expression, which is nine loops over `ioc.tags`. Exceptions by `tags` are
  no loops, and compare with all tags of the indicator.
- **A pattern is a text in quotes**, so that a mistake in it is found when the rule is saved, not for each indicator.
- **No other indicator, no other resource, no network.** A rule sees one indicator.
- Whatever is misspelt or compared with the wrong type is refused when it is saved, with line and column.
- **Nothing that can fail**: see above. A rule that an earlier version accepted can still fail. Where it does, it does
  not match, the indicator is *skipped* with the reason `rule_failed`, and an alert names the rule."""


PAGES = [
    Page("metrics.md", "Metrics", "services/runtime/observability/metrics.py", _metrics),
    Page("settings.md", "Settings", "services/runtime/settings.py", _settings),
    Page("topics.md", "Topics", "schemas/topics.py", _topics),
    Page("rules.md", "What rules can say", "schemas/expression/ and docs/tooling/reference.py", _rules),
    Page("records.md", "Records", "the models in schemas/", _records),
]

if __name__ == "__main__":
    sys.exit(main(PAGES))
