"""What a service of protocol `scim` says of itself."""

from pydantic import Field

from provisioning.core.model import Model


class Scim(Model):
    """How an SP of SCIM 2.0 keeps accounts."""

    member_batch: int | None = Field(
        default=None, ge=1, le=1000, description="members of a group that are changed at once; none: with each account"
    )
