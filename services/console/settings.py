"""Settings of the console, beside those of every service."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from services.runtime.settings import Settings


class ConsoleSettings(Settings):
    """Settings of `ioc-bridge serve`. Without a token file it must serve a loopback address."""

    console_host: Annotated[str, Field(description="address that the API listens on")] = "127.0.0.1"
    console_port: Annotated[int, Field(ge=0, le=65535, description="port of the API; 0 takes a free one")] = 8080
    console_tokens_file: Annotated[
        Path | None, Field(description="YAML file of those who may use the API; `ioc-bridge token` makes its lines")
    ] = None
    console_read_model: Annotated[
        Path | None,
        Field(description="SQLite file of the read model, kept between starts; none: a temporary file"),
    ] = None
    console_push_backlog: Annotated[
        int, Field(ge=1, description="batches that the router may be behind before a push is answered with 429")
    ] = 2_000

    @model_validator(mode="after")
    def _is_guarded(self) -> Self:
        if self.console_tokens_file is None and not is_loopback(self.console_host):
            raise ValueError(
                f"console_host is {self.console_host}, which other machines can reach without a token: "
                "set IOC_BRIDGE_CONSOLE_TOKENS_FILE, or serve 127.0.0.1"
            )
        return self


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
