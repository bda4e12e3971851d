"""What the bundle says of the ways by which a source's messages come: who may send them, and whether in order."""

from typing import Annotated

from pydantic import Field, StringConstraints

from provisioning.core.model import Model

Role = Annotated[
    str, StringConstraints(pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/[A-Za-z0-9_+=,.@/-]{1,512}$")
]
Rule = Annotated[
    str,
    StringConstraints(
        pattern=r"^arn:aws[a-z-]*:events:[a-z0-9-]{1,32}:[0-9]{12}:rule/[A-Za-z0-9_.-]{1,64}(/[A-Za-z0-9_.-]{1,64})?$"
    ),
]


class Channel(Model):
    """A topic of the source's own, and the queue behind it. Nobody speaks for a source but by what is named here.

    With `fifo` both keep the order of each message group, which a source needs that tells states without a version. Its
    messages bear a deduplication id of their own: made of the content it would swallow a state that comes back within
    five minutes.
    """

    fifo: bool = Field(default=False, description="topic and queue are FIFO; set before the source is deployed")
    publishers: tuple[Role, ...] = Field(
        default=(), max_length=20, description="roles and users, also of other accounts, that may publish to the topic"
    )
    senders: tuple[Role, ...] = Field(
        default=(), max_length=20, description="roles and users, also of other accounts, that may send to the queue"
    )
    rules: tuple[Rule, ...] = Field(
        default=(), max_length=20, description="rules of EventBridge whose events may be sent to the queue"
    )
