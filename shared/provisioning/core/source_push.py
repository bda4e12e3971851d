"""What the bundle says of a source that pushes over HTTP."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from provisioning.core.model import Model

Endpoint = Literal["scim", "events"]


class Push(Model):
    """What a source may push to the gateway, and what it shows for it."""

    secret: Annotated[str, StringConstraints(min_length=1, max_length=512)] = Field(
        description="name of the secret: bearer tokens, or user:password, one a line or a list in JSON; two of each "
        "may be live at once, so that one can follow the other"
    )
    endpoints: tuple[Endpoint, ...] = Field(
        default=("scim",), min_length=1, max_length=4, description="scim: users and groups; events: signed tokens"
    )
    groups: bool = Field(default=True, description="with `scim`: whether groups are taken, or users only")
