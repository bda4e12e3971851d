"""What a service of protocol `spml` says of itself."""

from typing import Literal

from pydantic import Field

from provisioning.core.model import Bulk, Model


class Spml(Model):
    """How an SP of SPML 2.0 keeps accounts.

    `account` of the service maps its attributes; the engine's own are not among them: `owner`, and those of `active`
    and `suspended`. The last two are set while an account is so; without them the target's suspend capability is used.
    """

    profile: Literal["dsml", "xsd"] = "dsml"
    entity: str = Field(description="the object class of accounts, or the name of their element in the XSD profile")
    namespace: str = Field(default="", description="of that element, for the XSD profile")
    target: str | None = Field(default=None, description="its id; none: the one target that the SP lists is used")
    container: str | None = Field(default=None, description="the id of the object in which accounts are made")
    identifier: Literal["given", "identity", "match"] = Field(
        default="given", description="who names an account: the SP; or we do, by the identity's id or the match value"
    )
    owner: str | None = Field(default=None, description="the attribute that holds the identity's id: our mark")
    execution: Literal["synchronous", "asynchronous", "either"] = "either"
    batch: Bulk | None = Field(
        default=None,
        description="what one batch may hold; none: each request goes alone, as asynchronous ones always do. The SP "
        "must give each answer the requestID of its request",
    )
    active: dict[str, str] = Field(default_factory=dict, description="such as status: enabled")
    suspended: dict[str, str] = Field(default_factory=dict, description="such as status: disabled")
    member_of: str | None = Field(default=None, description="the account's attribute that lists its groups by name")
    reference: str | None = Field(default=None, description="the type of reference from an account to its groups")
    group_entity: str = Field(default="group", description="the object class, or element, of groups")
    group_name: str = Field(default="cn", description="the attribute by which a group is found")
