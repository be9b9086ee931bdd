"""Sharings: which indicators of a source, selected by a rule, go to which target of a destination."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PlainSerializer

from schemas.duration import parse, render
from schemas.part import Part
from schemas.resources.base import Name, Resource
from schemas.resources.rule import ALL
from schemas.vendors.registry import AnySharingTarget

Backfill = Literal["all", "none"] | timedelta


def _read_backfill(said: object) -> object:
    return said if said in ("all", "none") else parse(said)


class SharingSpec(Part):
    """One direction. Several sharings may feed one target, and one indicator may go to several."""

    source: Annotated[Name, Field(description="the Connection whose indicators are shared")]
    rule: Annotated[Name, Field(description="the Rule that says which of them; `all` is built in")] = ALL
    destination: Annotated[Name, Field(description="the Connection they are shared with")]
    target: Annotated[AnySharingTarget, Field(description="where at the destination they go")]
    enabled: Annotated[bool, Field(description="false withdraws what only this sharing wanted")] = True
    backfill: Annotated[
        Backfill,
        BeforeValidator(_read_backfill),
        PlainSerializer(lambda said: render(said) if isinstance(said, timedelta) else said, return_type=str),
        Field(
            description="what the source said before the sharing was made: all of it, none, or what it saw so long ago "
            "at most (30d)"
        ),
    ] = "all"


class Sharing(Resource):
    """A configured sharing."""

    kind: Annotated[Literal["Sharing"], Field(description="which kind of resource")] = "Sharing"
    spec: Annotated[SharingSpec, Field(description="what travels from where to where")]
