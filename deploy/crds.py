"""`python -m deploy.crds NAME-AND-VERSION CRD.yaml...`: keeps the schemas of custom resources that the manifests use.

Descriptions and rules in CEL go. Otherwise what is kept is stricter than the original: whole subtrees that no manifest
here uses go, and a field that is not named is refused, so that a misspelt one is found.
"""

import json
import sys
from pathlib import Path
from typing import Any

import yaml

from deploy.rendering import KUBERNETES

SCHEMAS = KUBERNETES / "schemas"
_UNUSED = {"template", "cruiseControl", "kafkaExporter", "status", "description", "default"}
"""Names of subtrees left out. `template` is how pods can be changed in every way there is."""
_KEPT = {"type", "properties", "items", "required", "enum", "pattern", "minimum", "maximum", "additionalProperties",
         "minLength", "maxLength", "minItems", "maxItems", "oneOf", "anyOf", "allOf", "not", "format"}  # fmt: skip


def compact(schema: dict[str, Any]) -> dict[str, Any]:
    """A JSON Schema (draft 2020-12) of a structural schema of Kubernetes."""
    found = {key: _value(key, value) for key, value in schema.items() if key in _KEPT}
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    if schema.get("nullable") and "type" in found:
        found["type"] = [found["type"], "null"]
    if "properties" in found and not schema.get("x-kubernetes-preserve-unknown-fields"):
        found.setdefault("additionalProperties", False)
    return found


def _value(key: str, value: Any) -> Any:  # noqa: ANN401  # JSON
    if key == "properties":
        return {name: compact(part) for name, part in value.items() if name not in _UNUSED - {"description", "default"}}
    if key in ("items", "not", "additionalProperties") and isinstance(value, dict):
        return compact(value)
    if key in ("oneOf", "anyOf", "allOf"):
        # These add to the properties around them, and must not close the object on their own.
        return [{name: part for name, part in branch.items() if name == "required"} for branch in value]
    return value


def schema_path(api_version: str, kind: str) -> Path:
    """Where the schema of a kind is kept."""
    return SCHEMAS / f"{kind.lower()}-{api_version.replace('/', '-')}.json"


def main() -> None:
    """Keep the newest served version of each definition."""
    source, *files = sys.argv[1:]
    SCHEMAS.mkdir(exist_ok=True)
    for file in files:
        definition = yaml.safe_load(Path(file).read_text("utf-8"))["spec"]
        group, kind = definition["group"], definition["names"]["kind"]
        version = next(found for found in definition["versions"] if found["served"] and found["storage"])
        schema = compact(version["schema"]["openAPIV3Schema"])
        schema["properties"] |= {"metadata": {"type": "object"}}
        kept = {
            "$comment": f"{group}/{version['name']} {kind} of {source} (Apache-2.0), made compact by deploy/crds.py"
        }
        text = json.dumps(kept | schema, separators=(",", ":"), sort_keys=True)
        schema_path(f"{group}/{version['name']}", kind).write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
