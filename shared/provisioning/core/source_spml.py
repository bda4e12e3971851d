"""What the bundle says of a source that speaks SPML 2.0 to the gateway."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from provisioning.core.model import Model

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,127}$")]

ServiceName = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class PushedSpml(Model):
    """The one target that the gateway shows to the source, and the objects in it.

    `record` reads an object as `attributes` (by name as the source spells it, lists of texts), `active` (false while
    it is suspended), `container` (the id that it was added in, if any) and `id`.
    """

    target: Annotated[str, StringConstraints(min_length=1, max_length=128)] = Field(
        default="people", description="id of the target"
    )
    profile: Literal["dsml", "xsd"] = "dsml"
    entity: Name = Field(default="person", description="object class of the objects, or their element in XSD")
    namespace: Annotated[str, StringConstraints(max_length=512)] = Field(
        default="", description="of that element, for the XSD profile"
    )
    unique: Name | None = Field(
        default="uid",
        description="an attribute of which no two objects have the same value, whatever its case: an add that is "
        "repeated is refused by it, and searches by it are quick; none: only ids tell objects apart",
    )
    single: tuple[Name, ...] = Field(
        default=(), max_length=100, description="attributes that are one text for `record`, and never a list"
    )
    passwords: tuple[ServiceName, ...] = Field(
        default=(),
        max_length=20,
        description="services of protocol spml to which passwords are passed on at once, and never stored: all must "
        "take one before it is acknowledged; none: the capability is not offered. A password among the attributes of "
        "an object is always left out",
    )

    @model_validator(mode="after")
    def _profile(self) -> Self:
        if self.namespace and self.profile != "xsd":
            raise ValueError("`namespace` is of the XSD profile: `profile: xsd`")
        return self
