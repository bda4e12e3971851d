"""What a service of protocol `scim` says of its SP: where it is not as RFC 7643 and RFC 7644 have it."""

from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, StringConstraints, model_serializer

from provisioning.core.model import Bulk as Bulk
from provisioning.core.model import Model

Preset = Literal["aws-identity-center", "slack", "github-emu", "entra", "okta"]
Urn = Annotated[str, StringConstraints(pattern=r"^[uU][rR][nN]:[^\[\]\"\s]+$", max_length=200)]
AttributeName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z$][A-Za-z0-9_$.:-]*$", max_length=300)]


class Scim(Model):
    """Where an SP differs from the standard. What is not written here is as its preset says, else the default.

    `scim_presets.options_of` gives what holds in the end.
    """

    preset: Preset | None = Field(default=None, description="an SP that is known here; what is written beside it wins")
    patch: bool = Field(default=True, description="resources can be changed by PATCH; else by GET, merge and PUT")
    put: bool = Field(default=True, description="resources can be replaced by PUT; the way where `patch` is false")
    paths: bool = Field(default=True, description="a PATCH of a user may name paths; else its value holds attributes")
    filtered_paths: bool = Field(
        default=True, description='a PATCH may name value paths, such as emails[type eq "work"].value'
    )
    etag: Literal["shown", "required", "never"] = Field(
        default="shown",
        description="If-Match is sent: with a version that a look has shown; always, after a read; or never",
    )
    filter: Literal["and", "eq", "none"] = Field(
        default="and",
        description="look-ups by filter: with value paths and `and`; by one comparison; or none, all is paged through",
    )
    paging: Literal["index", "cursor", "none"] = Field(
        default="index", description="how lists go on: startIndex, cursor (RFC 9865), or not at all"
    )
    page: int = Field(default=100, ge=1, le=1000, description="resources asked for in one page")
    pages: int = Field(
        default=18,
        ge=1,
        le=18,  # a dialogue has 40 requests: a look-up, a create that is refused, and a look-up once more
        description="pages read for one look-up, at most; what needs more waits for a person",
    )
    member_batch: int | None = Field(
        default=None, ge=1, le=1000, description="member changes of one PATCH, at most; none: one PATCH for each"
    )
    members_shown: bool = Field(default=True, description="a group shows its members")
    remove_member: Literal["filter", "value"] = Field(
        default="filter", description='how a member is removed: members[value eq "…"], or members with a value'
    )
    single_valued: bool = Field(default=False, description="a user has at most one e-mail, telephone and address")
    bulk: Bulk | None = Field(default=None, description="bulk requests are offered (RFC 7644 3.7)")
    delete: Literal["removes", "deactivates", "none"] = Field(
        default="removes",
        description="DELETE removes a user, or only makes it inactive; none: it is made inactive by us instead",
    )
    not_found: tuple[Literal[400, 403, 404, 410], ...] = Field(
        default=(404, 410), description="statuses that may mean that a resource is not there; doubtful ones are checked"
    )
    hides_suspended: bool = Field(
        default=False, description="the values of an inactive user are shown changed: they are not compared"
    )
    schemas: tuple[Urn, ...] = Field(
        default=(), max_length=50, description="URNs of the extensions of User that there are; none: not checked"
    )
    unsupported: tuple[AttributeName, ...] = Field(
        default=(), max_length=100, description="attributes that are refused or not kept: they cannot be mapped"
    )
    required: tuple[AttributeName, ...] = Field(
        default=(), max_length=100, description="attributes without which no user is made: they must be mapped"
    )

    @model_serializer(mode="wrap")
    def _as_written(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Only what was written, and all of it: a default that is published would win over the preset."""
        dumped = serialize(self)
        return {name: dumped.get(name, getattr(self, name)) for name in sorted(self.model_fields_set)}
