"""What the bundle says of a source that is extracted by `ldap`."""

from pydantic import Field

from provisioning.core.model import Model


class LdapSource(Model):
    """How its state is read."""

    secret: str | None = Field(default=None, description="name of the secret")
