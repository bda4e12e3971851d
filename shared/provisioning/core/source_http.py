"""What the bundle says of a source that is extracted by `http`."""

from pydantic import Field

from provisioning.core.model import Model


class Http(Model):
    """How its state is read."""

    secret: str | None = Field(default=None, description="name of the secret")
