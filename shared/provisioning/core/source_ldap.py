"""What the bundle says of a source that is extracted by `ldap`: a directory (RFC 4511)."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from provisioning.core.model import Model

Attribute = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,99}(;[A-Za-z0-9-]{1,50}){0,3}$")]
Selected = Annotated[str, StringConstraints(pattern=r"^(\*|\+|[A-Za-z][A-Za-z0-9-]{0,99}(;[A-Za-z0-9-]{1,50}){0,3})$")]
Dn = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Filter = Annotated[str, StringConstraints(min_length=3, max_length=4000, pattern=r"^\(.*\)$")]
Url = Annotated[str, StringConstraints(pattern=r"^ldaps?://[^/@?#\s]{1,300}/?$")]


class LdapGroups(Model):
    """Groups whose members are persons. Every person's fields then have `groups`: a sorted list of their names."""

    base: Dn = Field(description="the name under which groups are")
    filter: Filter = Field(default="(objectClass=groupOfNames)", description="which entries are groups (RFC 4515)")
    scope: Literal["one", "subtree"] = "subtree"
    member: Attribute = Field(default="member", description="attribute of a group that names its members")
    kind: Literal["dn", "uid"] = Field(default="dn", description="how a member is named: its entry's name, or `uid`")
    uid: Attribute = Field(default="uid", description="attribute of a person that `uid` is about, as in posixGroup")
    name: Attribute | None = Field(default="cn", description="attribute that a group is shown as; none: its whole name")


class LdapSource(Model):
    """One entry for each subject. What the directory's own account of us may not see is not there.

    Changes are seen by content synchronization (RFC 4533) where the directory offers it, which tells deletions by
    `entryUUID` alone: with another `key` they are seen by full snapshots only. Else they are seen by
    `modifyTimestamp`, and deletions by full snapshots.
    """

    urls: tuple[Url, ...] = Field(min_length=1, max_length=10, description="ldaps://host:port; tried in this order")
    secret: str | None = Field(
        default=None, description='name of the secret {"dn": …, "password": …}, or, with `bind`, the password alone'
    )
    bind: Dn | None = Field(default=None, description="the name that we are known by; none: the secret has it")
    base: Dn = Field(description="the name under which persons are")
    filter: Filter = Field(default="(objectClass=inetOrgPerson)", description="which entries are persons (RFC 4515)")
    scope: Literal["one", "subtree"] = "subtree"
    key: Attribute = Field(default="entryUUID", description="attribute of what the source calls the subject")
    attributes: tuple[Selected, ...] = Field(
        default=("*",), min_length=1, max_length=500, description="what is read; * for all but operational ones"
    )
    exclude: tuple[Attribute, ...] = Field(
        default=("userPassword", "jpegPhoto", "userCertificate"), max_length=500, description="what is left out of that"
    )
    single: tuple[Attribute, ...] = Field(
        default=(), max_length=500, description="shown as one value, the first in order; others as a sorted list"
    )
    binary: tuple[Attribute, ...] = Field(default=(), max_length=500, description="octets, shown as base64")
    instants: tuple[Attribute, ...] = Field(
        default=("createTimestamp", "modifyTimestamp"), max_length=100, description="GeneralizedTime, shown as ISO 8601"
    )
    groups: LdapGroups | None = None
    content_sync: bool = Field(default=True, description="used where offered; false where it keeps no session log")
    overlap: int = Field(
        default=60, ge=0, le=86_400, description="seconds that each look by modifyTimestamp goes back before the last"
    )
    ignore_referrals: bool = Field(
        default=False, description="the parts of the tree that are in other directories are not wanted"
    )
    start_tls: bool = Field(default=True, description="over ldap://; false only where the source is `private`")
    private: bool = Field(default=False, description="the directory may be at a private or loopback address")

    @model_validator(mode="after")
    def _consistent(self) -> "LdapSource":
        names = {name.casefold() for name in self.exclude}
        if self.key.casefold() in names:
            raise ValueError(f"{self.key} is the key: it cannot be excluded")
        if self.bind is not None and self.secret is None:
            raise ValueError("bind needs a secret: the name of the one with the password")
        if not self.private and any(url.startswith("ldap://") for url in self.urls) and not self.start_tls:
            raise ValueError("ldap:// without start_tls would send the password openly: ldaps://, or start_tls: true")
        return self
