"""Unknown settings: variables with our prefix that name no setting, each with the setting that is probably meant.

Only the service itself checks names that begin with its own prefix, so that all services can share one environment.
"""

from collections.abc import Collection, Iterator
from difflib import get_close_matches

PREFIX = "IOC_BRIDGE_"
OF_ONE_SERVICE = ("CONSOLE_",)
"""Prefixes of settings that only one service has; the others ignore them."""
NO_SETTINGS = frozenset(
    {"CONFIG", "API_URL", "API_TOKEN", "CACHE", "JAVA", "PICTURES", "TEST_BOOTSTRAP", "TEST_BASE_IMAGE"}
)
"""Not settings of a service: the file's path, and variables of the command line, the embedded Kafka and the tests."""


def unknown_settings(environment: Collection[str], known: Collection[str]) -> list[str]:
    """Return a line for each variable that is no setting. `known` holds the settings, in capitals without prefix."""
    valid = {*known, *NO_SETTINGS}
    foreign = _of_others(known)
    return [
        _line(name, valid)
        for name in sorted(_ours(environment))
        if name not in valid and not name.startswith(foreign)
    ]  # fmt: skip


def unknown_settings_in_file(file: str, names: Collection[str], known: Collection[str]) -> list[str]:
    """Return the same for a file of settings. `names` and `known` are in lower case without prefix."""
    foreign = tuple(start.lower() for start in _of_others({name.upper() for name in known}))
    return [
        f"{name} in {file} is no setting; the nearest is {get_close_matches(name, known, 1, cutoff=0)[0]}: correct it, "
        "or remove it"
        for name in sorted(names)
        if name not in known and not name.startswith(foreign)
    ]  # fmt: skip


def _of_others(known: Collection[str]) -> tuple[str, ...]:
    return tuple(start for start in OF_ONE_SERVICE if not any(name.startswith(start) for name in known))


def _ours(environment: Collection[str]) -> Iterator[str]:
    """Yield the names with our prefix, in capitals, without it. Leaves out the service links of Kubernetes.

    Kubernetes adds variables named after Services to each pod, and the name of a broker's Service may begin like our
    settings. Source: https://kubernetes.io/docs/concepts/services-networking/service/, environment variables.
    """
    ended = "_SERVICE_HOST"
    links = tuple(f"{name.removesuffix(ended)}_" for name in environment if name.endswith(ended))
    for name in environment:
        if name.upper().startswith(PREFIX) and not name.startswith(links):
            yield name.upper().removeprefix(PREFIX)


def _line(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, known, 1, cutoff=0)
    return (
        f"{PREFIX}{name} is no setting; the nearest is {PREFIX}{near[0]}: correct it, or rename it without the prefix"
    )
