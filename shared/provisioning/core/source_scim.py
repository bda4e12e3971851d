"""What the bundle says of a source that is extracted by `scim`: an IDMS that is read as a SCIM server (RFC 7644)."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from provisioning.core.authentication_options import Authentication
from provisioning.core.model import Model

Url = Annotated[str, StringConstraints(pattern=r"^https?://[^/@?#\s]{1,300}(/[^?#\s]{0,1000})?$")]
Resource = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,99}$")]
Filter = Annotated[str, StringConstraints(min_length=3, max_length=2000, pattern=r"^[^\x00-\x1f\x7f]+$")]
Attribute = Annotated[str, StringConstraints(pattern=r"^[A-Za-z$][A-Za-z0-9_$:.-]*$", max_length=300)]


class ScimGroups(Model):
    """Groups whose members are persons. Every person's `groups` is then a sorted list of their names.

    They are read whole for every look, because a change of membership touches no person's `meta.lastModified`, and
    with some servers not even the group's. So a mapping beside this must not take that for its version: it would be
    the same for other groups. Only direct members count.
    """

    resource: Resource = "Groups"
    filter: Filter | None = Field(default=None, description="which groups (RFC 7644 3.4.2.2)")
    name: Attribute = Field(default="displayName", description="attribute that a group is shown as; `id` for its id")


class ScimSource(Model):
    """One resource for each subject. Deletions, and who does not match `filter` any more, are seen by full snapshots.

    A mapping may take `meta.lastModified` for its version; none is as good, for what is polled comes in order.
    `meta.version` is opaque, so it cannot order anything.
    """

    url: Url = Field(description="base URL, to which /Users is added; https")
    secret: str | None = Field(
        default=None, description="name of the secret: a bearer token, or what `authentication` says"
    )
    authentication: Authentication | None = Field(default=None, description="none: by a bearer token, `secret`")
    resource: Resource = "Users"
    key: Attribute = Field(
        default="id", description="attribute of what the source calls the subject; any but `id` must be filterable"
    )
    filter: Filter | None = Field(default=None, description="which resources (RFC 7644 3.4.2.2)")
    attributes: tuple[Attribute, ...] = Field(
        default=(), max_length=200, description="what is asked for; none: what the server shows by itself"
    )
    exclude: tuple[Attribute, ...] = Field(
        default=("meta.location", "meta.version"),
        max_length=200,
        description="what is left out, such as an address, or what changes without the subject: `name`, or `name.part`",
    )
    groups: ScimGroups | None = None
    paging: Literal["auto", "index", "cursor"] = Field(
        default="auto", description="how lists go on: by startIndex, by cursor (RFC 9865), or as the server announces"
    )
    changes: Literal["auto", "lastModified", "none"] = Field(
        default="auto", description="by a filter of meta.lastModified; auto: full snapshots only where it does not work"
    )
    overlap: int = Field(
        default=300, ge=1, le=86_400, description="seconds that each look for changes goes back before the last"
    )
    private: bool = Field(default=False, description="the server may be at a private or loopback address")

    @property
    def secrets(self) -> tuple[str, ...]:
        """Names of the secrets that it may read."""
        certificate = self.authentication.certificate if self.authentication is not None else None
        return tuple(name for name in (self.secret, certificate) if name)

    @model_validator(mode="after")
    def _consistent(self) -> "ScimSource":
        needed = {"id", "meta", "meta.lastmodified"} if self.changes == "lastModified" else {"id"}
        if any(name.casefold() in needed | {self.key.casefold()} for name in self.exclude):
            raise ValueError("exclude: not id, not the key, and not meta.lastModified where it shows changes")
        if not self.private and self.url.startswith("http://"):
            raise ValueError("http:// would send people and the secret openly: https://, or private: true")
        options = self.authentication
        if options is not None and options.kind == "basic" and self.secret is None:
            raise ValueError("basic needs a secret")
        if options is not None and options.kind == "oauth2" and not (self.secret and options.token_endpoint):
            raise ValueError("oauth2 needs a secret and a token_endpoint")
        return self
