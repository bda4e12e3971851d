"""SPML's password capability: set, expire, reset and validate the password of an account.

Passwords are no part of what an account should be: they are never mapped, stored or compared, so no delivery speaks of
them. An operator does, once. The id of such a request says nothing of its content, because it is seen in logs.
"""

from collections.abc import Generator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from provisioning.core.account import Known
from provisioning.core.catalog import Service
from provisioning.core.errors import InvalidError
from provisioning.protocols.dialogue import Answer, Request
from provisioning.protocols.ending import discreet
from provisioning.protocols.spml_calls import Line, Refused, exchange
from provisioning.protocols.spml_lookup import capabilities_of
from provisioning.protocols.spml_message import Reply
from provisioning.protocols.spml_names import CORE, PASSWORD
from provisioning.protocols.spml_requests import ObjectId, list_targets, read_object_id
from provisioning.protocols.xml import Element

LONGEST: Final = 1024  # characters of a password, given or answered
LOGINS: Final = 1000  # with an expired password, at most
DEFAULT_LOGINS: Final = 1  # with an expired password, where nothing is said of it (the capability's schema)


class Do(StrEnum):
    """What is to be done with a password."""

    SET = "set"
    EXPIRE = "expire"
    RESET = "reset"
    VALIDATE = "validate"


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of it. `refusal`: why it was not done, or is not known to be; `pending`: the SP does it later.

    `password`: the new one, if the SP made one and tells it; `valid`: whether the SP takes the given one.
    """

    refusal: str = ""
    pending: bool = False
    password: str | None = field(default=None, repr=False)
    valid: bool | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What to do, and with what. `logins`: how often an expired password is still taken, 0 to LOGINS."""

    do: Do
    password: str = field(default="", repr=False)
    current: str = field(default="", repr=False)
    logins: int = DEFAULT_LOGINS


def ask(service: Service, remote_id: str, asked: Asked, operation: str) -> Generator[Request, Answer, Answered]:
    """Ask once, if the SP does not list what it can do without this. What it does not list, it may refuse.

    `operation`: 1 to 60 letters and digits that no other request has: a repetition would be another. Raises
    InvalidError for a service of another protocol.
    """
    options = service.spml
    if options is None:
        raise InvalidError(f"{service.id!r} is told by {service.protocol}", right="a service of protocol spml")
    line, remote = Line(service, options, operation, options.target), read_object_id(remote_id)
    offered = yield from exchange(line, list_targets(), Known())
    if isinstance(offered, Refused):
        if offered.reply is None:  # nobody was reached, or nobody who speaks SPML
            return Answered(f"what the SP can do is not known, and nothing was asked: {offered.ending.reason}")
    elif _lacks(offered, options.target or remote.target):
        return Answered("nothing was asked: the SP does not list the password capability")
    return (yield from _ask(line, remote, asked))


def _ask(line: Line, remote: ObjectId, asked: Asked) -> Generator[Request, Answer, Answered]:
    do, operation = asked.do, line.operation
    request = _request(remote, line.target, asked)
    attributes = {**request.attributes, "requestID": f"r{operation}"}
    request = Element(request.namespace, request.name, attributes, request.children)
    reply = yield from exchange(line, request, Known())
    if isinstance(reply, Refused):
        # An SP may quote what it refuses, and the reason is shown.
        reason = discreet(reply.ending, {"password": asked.password, "current": asked.current}).reason
        return Answered(reason, pending=reply.ending.ticket is not None)
    if do is Do.VALIDATE:
        valid = {"true": True, "1": True, "false": False, "0": False}.get(reply.element.attributes.get("valid", ""))
        return Answered("" if valid is not None else "the SP does not say whether it is valid", valid=valid)
    made = reply.element.one("password", PASSWORD, CORE)  # some put it in the core namespace
    text = made.text if made is not None and do is Do.RESET else None
    if text is not None and not (0 < len(text) <= LONGEST and text.isprintable()):
        return Answered("the SP answered with something that is no password; it may have made another")
    return Answered(password=text)


def _lacks(offered: Reply, target: str | None) -> bool:
    """Whether the account's target says what it can do, and this is not among it. One that says nothing is asked."""
    listed = [each for each in offered.element.all("target") if target in (None, each.attributes.get("targetID"))]
    return bool(listed) and all(
        each.one("capabilities") is not None and PASSWORD not in capabilities_of(each) for each in listed
    )


def _request(remote: ObjectId, target: str | None, asked: Asked) -> Element:
    """By the schema of the capability (SPML 2.0, 3.6.5)."""
    do = asked.do
    pso = remote.element(target=target)
    children = [Element(PASSWORD, "psoID", pso.attributes, pso.children)]
    if do in (Do.SET, Do.VALIDATE):
        children.append(Element(PASSWORD, "password", text=asked.password))
    if do is Do.SET and asked.current:
        children.append(Element(PASSWORD, "currentPassword", text=asked.current))
    told = do is Do.EXPIRE and asked.logins != DEFAULT_LOGINS
    attributes = {"remainingLogins": str(asked.logins)} if told else {}
    return Element(PASSWORD, f"{do.value}PasswordRequest", attributes, tuple(children))
