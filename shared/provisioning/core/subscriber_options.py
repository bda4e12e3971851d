"""Who is told of what happened, as configured here."""

from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from provisioning.core.event_type import Type
from provisioning.core.model import Model

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,30}[a-z0-9]$")]  # as catalog has it
Path = Annotated[str, StringConstraints(min_length=1, max_length=256)]
_QUEUE = r"^arn:aws[a-z-]*:sqs:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,80}$"
# What the validator below says, for editors.
_FORMS: Final[dict[str, Any]] = {
    "if": {"properties": {"form": {"const": "full"}}, "required": ["form"]},
    "then": {"properties": {"attributes": {"minItems": 1}}, "required": ["attributes"]},
    "else": {"properties": {"attributes": {"maxItems": 0}}},
    "not": {
        "properties": {"queue": {"type": "string"}, "account": {"type": "string"}},
        "required": ["queue", "account"],
    },
}


class Subscriber(Model):
    """Another system that hears of changes: which, in what form, and where.

    Its queue is fed by SNS, which tries again for days; a queue that is not there delays nobody else. The queue's own
    policy must admit the topic, and a queue of another account confirms the subscription first. Who gives no queue
    subscribes as they like to a topic of their own, `<tenant>-events-<id>`.
    """

    model_config = ConfigDict(json_schema_extra=_FORMS)

    id: Name
    types: tuple[Type, ...] = Field(default=(), max_length=50, description="of events; none: all")
    services: tuple[Name, ...] = Field(
        default=(), max_length=200, description="none: all. Events of persons have no service: `types` leaves them out"
    )
    form: Literal["thin", "full"] = Field(default="thin", description="thin: names; full: values of `attributes` too")
    attributes: tuple[Path, ...] = Field(
        default=(), max_length=200, description="paths of accounts whose values may be sent, or `groups`; for form full"
    )
    queue: Annotated[str, StringConstraints(pattern=_QUEUE)] | None = Field(
        default=None, description="ARN of a standard queue of SQS"
    )
    account: Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")] | None = Field(
        default=None, description="AWS account that may subscribe to the topic of its own"
    )

    @model_validator(mode="after")
    def _form_and_place(self) -> "Subscriber":
        if (self.form == "full") != bool(self.attributes):
            raise ValueError("`attributes` lists what may be sent in `form: full`, and in no other")
        if self.queue is not None and self.account is not None:
            raise ValueError("one of `queue` and `account`: a queue is subscribed here, an account subscribes itself")
        return self

    @property
    def apart(self) -> bool:
        """Whether it has a topic of its own; if not, it hears what it wants of the topic of all events."""
        return self.form == "full" or self.queue is None
