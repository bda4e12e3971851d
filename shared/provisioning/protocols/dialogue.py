"""The shape of a dialogue: what it may ask of the world, what it may hear, and how it ends."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from provisioning.core.account import Desired, Json, Known
from provisioning.core.gate import Heard
from provisioning.core.quick import quick
from provisioning.protocols.ldap_message import LdapRequest, LdapResult


@quick
@dataclass(frozen=True, slots=True)
class HttpRequest:
    """`path` is relative to the service's endpoint; `query` is encoded by the driver; `body` is JSON or nothing.

    `content` instead of `body`: these very bytes, for bodies that are not JSON or that must not be written anew.
    `sign_as`: the id of the message as which the driver signs it (Standard Webhooks); it then bears no token.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Json = None
    content: bytes | None = None
    sign_as: str | None = None


@quick
@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A complete answer within the service's bound. Header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Publish:
    """A message for the SP's queue. `id` stands for the operation: a repetition has the same."""

    id: str
    group: str
    body: str
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The queue has the message."""


@dataclass(frozen=True, slots=True)
class Deposit:
    """Something too large for a message, to be kept where its receiver can fetch it for so many `seconds`.

    A repetition has the same name and takes the place of what was kept before.
    """

    name: str
    body: bytes
    seconds: int


@dataclass(frozen=True, slots=True)
class Deposited:
    """It is kept, and `url` fetches it without any other credential: whoever has the URL has the content."""

    url: str


@dataclass(frozen=True, slots=True)
class Unanswered:
    """No usable answer. `sent`: the request may have reached the SP, so its effect is not known.

    `throttled`: what refused it says that there are too many.
    `retry_after`: seconds, the word of somebody who must be asked before the SP can be, such as a token endpoint.
    `lost`: the connection is gone on which alone this could be asked.
    """

    reason: str
    sent: bool
    throttled: bool = False
    retry_after: int | None = None
    lost: bool = False


Request = HttpRequest | Publish | Deposit | LdapRequest
Answer = HttpResponse | Accepted | Deposited | LdapResult | Unanswered


class Outcome(StrEnum):
    """How a dialogue ended, for the account."""

    DONE = "done"
    TRANSIENT = "transient"  # nothing is in doubt; again later
    PERMANENT = "permanent"  # again cannot help
    UNKNOWN = "unknown"  # look before it is repeated


@quick
@dataclass(frozen=True, slots=True)
class Ending:
    """How it ended and what is known of the account now, also after a part of the work.

    `taken`: an attribute and a value of it that the SP has for somebody else, so that with another one it may succeed.
    `ticket`: the SP does the work later; the next delivery of this account is given it, to ask what became of it.
    Whoever does not keep it is right with the outcome, which is then UNKNOWN. With another outcome it only says that
    an old ticket was not used. `changed`: of a group's members, by remote id, those who are as asked for; `refused`:
    those whom the group will not have or not let go, with the reason.
    """

    outcome: Outcome
    known: Known
    reason: str = ""
    retry_after: int | None = None  # seconds, the SP's own word
    missing_group: str | None = None  # a group that the SP does not have any more
    taken: tuple[str, Json] | None = None
    ticket: str | None = None
    changed: tuple[str, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    heard: Heard = Heard.WELL  # what the answers taught of the SP's health; whoever carried the dialogue says so


@quick
@dataclass(frozen=True, slots=True)
class Delivery:
    """One account to be made as desired.

    `look` tells the dialogue to find out what exists before it changes anything. `groups` are remote ids of the
    groups that it will need, by name; `operation` identifies this change wherever it is repeated. `ticket`: of the
    ending before.
    """

    identity: str
    desired: Desired
    known: Known
    look: bool
    operation: str
    turn: int
    groups: Mapping[str, str] = field(default_factory=dict)
    ticket: str | None = None


@dataclass(frozen=True, slots=True)
class Members:
    """Who is to be a member of a group, and who is not to be: accounts by remote id, each once."""

    group: str
    remote_id: str
    add: tuple[str, ...]
    remove: tuple[str, ...]


Dialogue = Generator[Request, Answer, Ending]
"""Yields requests, is sent the answer to each, returns its ending."""

LONGEST = 45  # seconds that one dialogue may take in all; the courier ends it then
