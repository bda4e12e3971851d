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
from provisioning.protocols.spml_names import CORE, PASSWORD
from provisioning.protocols.spml_requests import ObjectId, read_object_id
from provisioning.protocols.xml import Element

LONGEST: Final = 1024  # characters of a password, given or answered


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


def ask(
    service: Service, remote_id: str, do: Do, operation: str, password: str = "", current: str = ""
) -> Generator[Request, Answer, Answered]:
    """Ask once. `operation`: 1 to 60 letters and digits that no other request has: a repetition would be another.

    Raises InvalidError for a service of another protocol.
    """
    options = service.spml
    if options is None:
        raise InvalidError(f"{service.id!r} is told by {service.protocol}", right="a service of protocol spml")
    line = Line(service, options, operation, options.target)
    request = _request(read_object_id(remote_id), options.target, do, password, current)
    attributes = {**request.attributes, "requestID": f"r{operation}"}
    request = Element(request.namespace, request.name, attributes, request.children)
    reply = yield from exchange(line, request, Known())
    if isinstance(reply, Refused):
        # An SP may quote what it refuses, and the reason is shown.
        reason = discreet(reply.ending, {"password": password, "current": current}).reason
        return Answered(reason, pending=reply.ending.ticket is not None)
    if do is Do.VALIDATE:
        valid = {"true": True, "1": True, "false": False, "0": False}.get(reply.element.attributes.get("valid", ""))
        return Answered("" if valid is not None else "the SP does not say whether it is valid", valid=valid)
    made = reply.element.one("password", PASSWORD, CORE)  # some put it in the core namespace
    text = made.text if made is not None and do is Do.RESET else None
    if text is not None and not (0 < len(text) <= LONGEST and text.isprintable()):
        return Answered("the SP answered with something that is no password; it may have made another")
    return Answered(password=text)


def _request(remote: ObjectId, target: str | None, do: Do, password: str, current: str) -> Element:
    """By the schema of the capability (SPML 2.0, 3.6.5)."""
    pso = remote.element(target=target)
    children = [Element(PASSWORD, "psoID", pso.attributes, pso.children)]
    if do in (Do.SET, Do.VALIDATE):
        children.append(Element(PASSWORD, "password", text=password))
    if do is Do.SET and current:
        children.append(Element(PASSWORD, "currentPassword", text=current))
    attributes = {"remainingLogins": "1"} if do is Do.EXPIRE else {}
    return Element(PASSWORD, f"{do.value}PasswordRequest", attributes, tuple(children))
