"""The reference page of the HTTP API, written from its own description."""

from collections.abc import Iterator, Mapping
from typing import Any

from docs.tooling.reference import settings_table
from services.console.api.app import create_app
from services.console.settings import ConsoleSettings
from services.runtime.settings import Settings

_HEAD = """`ioc-bridge serve` serves it, at <http://127.0.0.1:8080> unless `IOC_BRIDGE_CONSOLE_HOST` and `_PORT` say
otherwise; its own description, in OpenAPI, is at `/openapi.json`. Whoever asks shows a token:
`Authorization: Bearer <token>`. `ioc-bridge token NAME --role viewer|editor` makes one, and says what to keep of it in
the file that `IOC_BRIDGE_CONSOLE_TOKENS_FILE` names. A viewer reads; an editor also changes things; the token of a
source that pushes (`ioc-bridge token NAME`, its hash in the Connection's `tokenHash`) opens nothing but that source.
Without a file of tokens the API is served to this machine only, and beyond it not at all.

Errors have one shape: `detail`, and `mistakes` with the resource, the field and the place where there are some. 401:
the token; 403: the role; 404: there is no such thing; 409: someone else has changed it; 422: what was sent cannot be
used; 429 and 503: try again after the seconds of `Retry-After`. Moments are milliseconds since the epoch, UTC.
Where one is pushed, it is text in ISO 8601 with a zone, or Unix time in seconds or milliseconds; an expiry on
9999-12-31 means never ([every case](../decisions/0025-moments.md)).
"""
_SETTINGS = """`ioc-bridge serve` takes these beside [those of every service](settings.md). Verbs that speak to the API
(`indicators`, `activity`, `sharings`, `rejected`, `push`) find it by `IOC_BRIDGE_API_URL`, `http://127.0.0.1:8080`
where that is not set, and show `IOC_BRIDGE_API_TOKEN`.
"""
_TITLES = {
    "read": "Looking", "ask": "Asking the router", "connections": "Connections", "resources": "Resources",
    "holds": "Holds", "dead letters": "Dead letters", "rejected": "What vendors rejected", "push": "Pushing",
}  # fmt: skip


def api_page() -> str:
    """The page."""
    description = create_app().openapi()
    parts = [_HEAD]
    for tag, title in _TITLES.items():
        parts.append(f"## {title}\n")
        for path, methods in description["paths"].items():
            for method, operation in methods.items():
                if operation["tags"] == [tag]:
                    parts.append("\n".join(_operation(method, path, operation, description)) + "\n")
    parts.append(f"## Settings\n\n{_SETTINGS}\n{settings_table(ConsoleSettings, beyond=Settings)}")
    return "\n".join(parts)


def _operation(method: str, path: str, operation: Mapping[str, Any], whole: Mapping[str, Any]) -> Iterator[str]:
    yield f"### {method.upper()} `{path}`\n"
    yield operation["description"] + "\n"
    if parameters := operation.get("parameters"):
        yield "| parameter | form | meaning |\n|---|---|---|"
        for one in parameters:
            name = f"`{one['name']}`{'' if one['required'] else ' (optional)'}"
            yield f"| {name} | {_form(one['schema'], whole)} | {one.get('description', '')} |"
        yield ""
    if body := operation.get("requestBody"):
        yield f"Body: {', '.join(f'`{kind}`' for kind in body['content'])}.\n"
    answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
    if "$ref" in answer:
        yield f"Answer: {', '.join(_fields(answer, whole))}."


def _fields(schema: Mapping[str, Any], whole: Mapping[str, Any]) -> Iterator[str]:
    for name, field in _resolved(schema, whole).get("properties", {}).items():
        inner = _resolved(field.get("items", {}), whole)
        names = ", ".join(f"`{one}`" for one in inner.get("properties", {}))
        yield f"`{name}`{f' (each with {names})' if names else ''}"


def _form(schema: Mapping[str, Any], whole: Mapping[str, Any]) -> str:
    schema = _resolved(schema, whole)
    choices = [choice for choice in schema.get("anyOf", []) if choice.get("type") != "null"]
    if choices:
        return " or ".join(_form(choice, whole) for choice in choices)
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"any of {_form(schema['items'], whole)}; may be repeated"
    bounds = [f"{word} {schema[key]:g}" for key, word in (("minimum", "from"), ("maximum", "to")) if key in schema]
    return " ".join([{"string": "text"}.get(schema.get("type", ""), schema.get("type", "any")), *bounds])


def _resolved(schema: Mapping[str, Any], whole: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    found: Mapping[str, Any] = whole["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found
