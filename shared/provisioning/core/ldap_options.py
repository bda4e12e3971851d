"""What a service of protocol `ldap` says of itself."""

from typing import Literal

from pydantic import Field

from provisioning.core.model import Model


class Ldap(Model):
    """How a directory keeps accounts. `account` of the service maps its attributes; `objectClass` is not among them.

    While an account is suspended it has the values of `suspended`, is kept in `suspended_in`, or both.
    """

    base: str = Field(description="the name under which accounts are made, and under which they are looked up")
    rdn: str = Field(default="uid", description="the attribute that names an entry; it must be mapped")
    classes: tuple[str, ...] = Field(default=("inetOrgPerson",), min_length=1, description="object classes")
    owner: str = Field(default="employeeNumber", description="the attribute that holds the identity's id: our mark")
    suspended: dict[str, str] = Field(default_factory=dict, description="such as nsAccountLock: true")
    suspended_in: str | None = Field(default=None, description="the name of another parent, beneath `base`")
    groups: str | None = Field(default=None, description="the name under which groups are")
    group_class: Literal["groupOfNames", "groupOfUniqueNames", "posixGroup"] = "groupOfNames"
    start_tls: bool = Field(default=True, description="over ldap://; false only where the service is `private`")
