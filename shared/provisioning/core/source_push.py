"""What the bundle says of a source that pushes over HTTP."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from provisioning.core.model import Model
from provisioning.core.source_spml import PushedSpml

Endpoint = Literal["scim", "spml", "events"]


class Push(Model):
    """What a source may push to the gateway, and what it shows for it."""

    secret: Annotated[str, StringConstraints(min_length=1, max_length=512)] = Field(
        description="name of the secret: bearer tokens, or user:password, one a line or a list in JSON; two of each "
        "may be live at once, so that one can follow the other"
    )
    endpoints: tuple[Endpoint, ...] = Field(
        default=("scim",),
        min_length=1,
        max_length=4,
        description="scim: users and groups; spml: objects of a target; events: signed tokens",
    )
    groups: bool = Field(default=True, description="with `scim`: whether groups are taken, or users only")
    spml: PushedSpml = Field(default_factory=PushedSpml, description="with `spml`: its target")

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if {"scim", "spml"} <= set(self.endpoints):
            raise ValueError("`endpoints` has scim or spml: what is kept of a source has the form of one of them")
        return self
