"""Source, rule, destination and target: what makes an indicator travel."""

from typing import Literal

from schemas.resources.base import Name, Part, Resource
from schemas.resources.rule import ALL
from schemas.targets import Target


class SharingSpec(Part):
    """One direction. Several sharings may feed one target, and one indicator may go to several."""

    source: Name
    rule: Name = ALL
    destination: Name
    target: Target
    enabled: bool = True


class Sharing(Resource):
    """A configured sharing."""

    kind: Literal["Sharing"] = "Sharing"
    spec: SharingSpec
