"""Settings that the console has beside those of every service."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from services.runtime.settings import Settings


class ConsoleSettings(Settings):
    """What `ioc-bridge serve` needs to know. Without tokens it serves this machine only: anything else is refused."""

    console_host: Annotated[str, Field(description="address that the API is served at")] = "127.0.0.1"
    console_port: Annotated[int, Field(ge=0, le=65535, description="its port; 0 takes a free one")] = 8080
    console_tokens_file: Annotated[
        Path | None, Field(description="YAML file with who may use the API; lines come from `ioc-bridge token`")
    ] = None
    console_read_model: Annotated[
        Path | None,
        Field(description="SQLite file of the read model, kept between starts; none: a temporary one, read anew"),
    ] = None
    console_push_backlog: Annotated[
        int, Field(ge=1, description="batches that the router may be behind before pushers are told to wait")
    ] = 2_000

    @model_validator(mode="after")
    def _is_guarded(self) -> Self:
        if self.console_tokens_file is None and not is_loopback(self.console_host):
            raise ValueError(
                f"console_host is {self.console_host}, which others can reach, and nobody would be asked for a token: "
                "set IOC_BRIDGE_CONSOLE_TOKENS_FILE, or serve 127.0.0.1"
            )
        return self


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
