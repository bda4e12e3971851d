"""What the bundle says of a source that is extracted by `custom`: an adapter that its operator wrote."""

from typing import Annotated

from pydantic import Field, JsonValue, StringConstraints, model_validator

from provisioning.core.model import Model

OptionName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,62}$")]
# One name and no dots: a bundle can have nothing imported but a module of its own folder `sources`.
Module = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


class Custom(Model):
    """A module of the bundle's own folder `sources`, deployed with the functions that ask this source."""

    module: Module = Field(description="sources/<module>.py beside this file: letters, digits and underscores")
    options: dict[OptionName, JsonValue] = Field(
        default_factory=dict, max_length=100, description="handed to the module's `open` as they stand here"
    )
    secret: str | None = Field(default=None, max_length=512, description="name of the secret that it may read")

    @model_validator(mode="after")
    def _is_deployed(self) -> "Custom":
        if self.module.startswith("test_"):
            raise ValueError("module test_… is a test, which is not deployed: another name")
        return self
