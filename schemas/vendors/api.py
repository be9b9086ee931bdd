"""The endpoint of ours that other systems push indicators to: a source that no puller reads."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.connections import ConnectionSpec
from schemas.vendors.vendor import Vendor


class ApiSource(ConnectionSpec):
    """An endpoint of ours where other systems push indicators. It has no write side."""

    type: Annotated[Literal["api"], Field(description="which kind of source")]
    token_hash: Annotated[
        str,
        Field(pattern=r"^\$argon2id\$", description="of the token that pushers show; made by `ioc-bridge token`"),
    ]

    @property
    def is_source(self) -> bool:
        """Whether it reports indicators."""
        return True


VENDOR = Vendor(name="api", title="The API of this installation", spec=ApiSource)
