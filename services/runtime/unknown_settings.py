"""Variables that begin as settings do and are none: each is a mistake, with the setting that is probably meant.

What begins with the name of one service is checked by that service alone, so that all can be given one environment.
"""

from collections.abc import Collection, Iterator
from difflib import get_close_matches

PREFIX = "IOC_BRIDGE_"
OF_ONE_SERVICE = ("CONSOLE_",)
"""Settings that begin so are only one service's, and pass others by."""
BESIDE = frozenset({"CONFIG", "API_URL", "API_TOKEN", "CACHE", "JAVA", "PICTURES", "TEST_BOOTSTRAP", "TEST_BASE_IMAGE"})
"""No settings of a service: where its file is; what the command line, the embedded Kafka and the tests are told."""


def unknown_settings(environment: Collection[str], known: Collection[str]) -> list[str]:
    """A line for each name of the environment that is no setting. `known`: what is one, in capitals, without prefix."""
    taken = {*known, *BESIDE}
    passed = _of_others(known)
    return [
        _line(name, taken)
        for name in sorted(_ours(environment))
        if name not in taken and not name.startswith(passed)
    ]  # fmt: skip


def unknown_settings_in_file(file: str, names: Collection[str], known: Collection[str]) -> list[str]:
    """The same of a file of settings, where names are in lower case and without the prefix; so is `known`."""
    passed = tuple(start.lower() for start in _of_others({name.upper() for name in known}))
    return [
        f"{name} in {file} is no setting; the nearest is {get_close_matches(name, known, 1, cutoff=0)[0]}: correct it, "
        "or take it out"
        for name in sorted(names)
        if name not in known and not name.startswith(passed)
    ]  # fmt: skip


def _of_others(known: Collection[str]) -> tuple[str, ...]:
    return tuple(start for start in OF_ONE_SERVICE if not any(name.startswith(start) for name in known))


def _ours(environment: Collection[str]) -> Iterator[str]:
    """The names that are meant for us, in capitals as they are read, without prefix.

    Kubernetes puts the addresses of Services into pods, by names made of theirs, and those of brokers may begin as our
    settings do. Source: https://kubernetes.io/docs/concepts/services-networking/service/, environment variables.
    """
    ended = "_SERVICE_HOST"
    links = tuple(f"{name.removesuffix(ended)}_" for name in environment if name.endswith(ended))
    for name in environment:
        if name.upper().startswith(PREFIX) and not name.startswith(links):
            yield name.upper().removeprefix(PREFIX)


def _line(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, known, 1, cutoff=0)
    return (
        f"{PREFIX}{name} is no setting; the nearest is {PREFIX}{near[0]}: correct it, or call it by another beginning"
    )
