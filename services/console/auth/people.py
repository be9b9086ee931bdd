"""The token file: people and programs that may use the API, each with a role.

The file is read again when it changes, so a token removed from it is refused at once.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.console.auth.roles import Role
from services.console.auth.tokens import Verifier, name_of
from services.runtime.settings import SettingsError

NAME = r"^[A-Za-z0-9_@-]{1,64}$"
_Stamp = tuple[int, int, int]


class Person(BaseModel):
    """One entry of the token file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=NAME)]
    role: Role
    hash: Annotated[str, Field(pattern=r"^\$argon2id\$")]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    tokens: list[Person]


class TokenFile:
    """Finds the person that a token belongs to.

    Raises:
        SettingsError: the file cannot be read or is invalid.

    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._verifier = Verifier()
        self._stamp: _Stamp | None = None
        self._people: Mapping[str, Person] = {}
        if file is not None:
            self._read(file)

    @property
    def is_open(self) -> bool:
        """Whether the API needs no token. True only where it serves a loopback address."""
        return self._file is None

    def person_of(self, token: str) -> Person | None:
        """The person that a token belongs to; None for an unknown token."""
        assert self._file is not None
        self._refresh(self._file)
        person = self._people.get(name_of(token))
        return person if self._verifier.is_right(token, person.hash if person else None) else None

    def _refresh(self, file: Path) -> None:
        try:
            if _stamp(file) != self._stamp:
                self._read(file)
        except (OSError, SettingsError):
            self._people = {}  # fail closed

    def _read(self, file: Path) -> None:
        self._people = {person.name: person for person in read_people(file)}
        self._stamp = _stamp(file)


def read_people(file: Path) -> list[Person]:
    """The people in a token file.

    Raises:
        SettingsError: the file cannot be read or is invalid; names the field.

    """
    try:
        return _File.model_validate(yaml.safe_load(file.read_text("utf-8"))).tokens
    except OSError as error:
        raise SettingsError(f"console_tokens_file: {file} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"console_tokens_file: {file} is not YAML; `ioc-bridge token` shows its form") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "file"
        raise SettingsError(f"console_tokens_file: {file}: {place}: {first['msg']}") from error


def _stamp(file: Path) -> _Stamp:
    found = file.stat()
    return found.st_mtime_ns, found.st_size, found.st_ino
