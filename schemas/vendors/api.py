"""The source of indicators that other systems send to our API. No puller reads it."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.connections import ConnectionSpec
from schemas.vendors.vendor import Vendor


class ApiSource(ConnectionSpec):
    """A source that other systems send indicators to over our API. It has no targets."""

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
