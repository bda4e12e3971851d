"""What a service of protocol `queue` says of itself, and where its messages go."""

import re
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from provisioning.core.errors import InvalidError
from provisioning.core.model import Model, Span
from provisioning.core.period import Duration

SNS_LARGEST: Final = 262_144  # bytes of a message of SNS; one of SQS may have four times as many
LONGEST_CONFIRM: Final = 86_400  # seconds from one message of an operation to the next
LONGEST_REFERENCE: Final = 43_200  # seconds: credentials of a role do not live longer, nor does what they signed
_ACCOUNT: Final = r"[0-9]{12}"
_ARN: Final = re.compile(rf"arn:aws[a-z-]*:(sqs|sns):([a-z0-9-]+):({_ACCOUNT}):([A-Za-z0-9_-]+(?:\.fifo)?)")
_SQS_HOST: Final = re.compile(r"sqs\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?")
_RIGHT: Final = "the URL or ARN of an SQS queue, or the ARN of an SNS topic"


class Queue(Model):
    """How an SP is told by messages. Without it: everything, in one message, and what was sent counts as done.

    With `confirm` an account is settled only when the SP says so on our queue `<tenant>-feedback-<service>`. An
    operation that is not confirmed in time is sent again with the same id, each time with twice the patience, and
    after `sends` messages the account is parked.

    A message beyond `largest` is kept in our bucket, and what is sent refers to it by a pre-signed URL. That URL is
    signed with the credentials of the function's role, which live for some hours at most and may be near their end:
    it is good for `reference` or until they end, whichever comes first. With `confirm` an operation that was read
    too late comes again, with a new URL.
    """

    payload: Literal["full", "thin"] = Field(
        default="full", description="thin: who and which phase, no values; the SP fetches them where it may"
    )
    fetch: str | None = Field(
        default=None, max_length=1024, description="thin: URL of the values, with {identity} where its id belongs"
    )
    confirm: Span | None = Field(default=None, description="how long the SP has to confirm: PT1M to P1D")
    sends: int = Field(default=5, ge=1, le=20, description="messages of one operation before it is parked unconfirmed")
    account: str | None = Field(
        default=None,
        pattern=f"^{_ACCOUNT}$",
        description="the AWS account that may confirm; none: the one that has the queue or topic",
    )
    largest: int = Field(
        default=SNS_LARGEST,
        ge=1024,
        le=1_048_576,
        description="bytes of one message with its attributes: at most the MaximumMessageSize of the SP's queue",
    )
    reference: Span = Field(
        default=Duration(seconds=3600), description="how long a reference to a large message is good: PT1M to PT12H"
    )
    key: str | None = Field(default=None, description="ARN of the KMS key with which the queue or topic is encrypted")

    @model_validator(mode="after")
    def _within_bounds(self) -> "Queue":
        if self.confirm is not None and not 60 <= seconds_of(self.confirm) <= LONGEST_CONFIRM:
            raise ValueError("`confirm` is PT1M to P1D")
        if not 60 <= seconds_of(self.reference) <= LONGEST_REFERENCE:
            raise ValueError("`reference` is PT1M to PT12H")
        return self


def seconds_of(duration: Duration) -> int:
    """A duration by the clock: days of 24 hours."""
    return duration.days * 86_400 + duration.seconds


DEFAULTS: Final = Queue()


@dataclass(frozen=True, slots=True)
class Place:
    """A queue or a topic. `region` None: our own. `account` has twelve digits, or is whatever an emulator uses."""

    kind: Literal["sqs", "sns"]
    region: str | None
    account: str
    name: str
    url: str = ""  # of a queue
    arn: str = ""  # of a topic

    @property
    def fifo(self) -> bool:
        """Whether it keeps the order of messages of one group."""
        return self.name.endswith(".fifo")


def read_place(endpoint: str) -> Place:
    """The queue or topic of an endpoint. Raises InvalidError."""
    if (found := _ARN.fullmatch(endpoint)) is not None:
        kind, region, account, name = found.groups()
        if kind == "sns":
            return Place("sns", region, account, name, arn=endpoint)
        suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        return Place("sqs", region, account, name, url=f"https://sqs.{region}.{suffix}/{account}/{name}")
    try:
        url = urlsplit(endpoint)
        host = url.hostname or ""
    except ValueError as error:
        raise InvalidError(f"{endpoint!r} is no address", right=_RIGHT) from error
    parts = url.path.strip("/").split("/")
    if url.scheme not in ("http", "https") or not host or len(parts) < 2 or not all(parts[-2:]):
        raise InvalidError(f"{endpoint!r} names no queue", right=_RIGHT)
    region_of = _SQS_HOST.fullmatch(host)
    return Place("sqs", region_of[1] if region_of else None, parts[-2], parts[-1], url=endpoint)
