"""LDAP messages as octets and back (RFC 4511), by the schema of ldap3: nothing here knows of a connection."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from ldap3.operation.search import search_operation
from ldap3.protocol import rfc4511 as asn
from ldap3.protocol.rfc2696 import RealSearchControlValue, paged_search_control
from ldap3.utils.asn1 import encode as encode_ber  # type: ignore[attr-defined]  # not in the stubs; with LDAP's own TRUE
from pyasn1.codec.ber import decoder
from pyasn1.error import PyAsn1Error

from provisioning.protocols.ldap_message import (
    Attributes,
    LdapAdd,
    LdapDelete,
    LdapEntry,
    LdapModify,
    LdapRename,
    LdapRequest,
    LdapSearch,
)

_PAGED: Final = "1.2.840.113556.1.4.319"
_TLS: Final = "1.3.6.1.4.1.1466.20037"
_SEQUENCE: Final = 0x30
_LONG: Final = 0x80  # a length of this or more says how many octets the length has
_WIDEST: Final = 4
_NEVER: Final = 0  # aliases are not followed


class GarbageError(Exception):
    """What came is no LDAP message."""


class Message(NamedTuple):
    """A message that came. `code` None: it is not the last of its answer. `id` 0: nobody asked for it."""

    id: int
    code: int | None
    text: str
    entry: LdapEntry | None
    cookie: bytes = b""  # of the next page


def encode(number: int, request: LdapRequest, seconds: int) -> bytes:
    """A request as a message. `seconds`: how long the directory may search."""
    match request:
        case LdapSearch():
            names = list(request.attributes)
            operation = search_operation(
                request.base, request.filter, _scope(request), _NEVER, names, request.most, seconds,
                types_only=False, auto_escape=False, auto_encode=False,
            )  # fmt: skip
            paged = _paged(request.page, request.cookie or b"") if request.page else None
            return _message(number, "searchRequest", operation, paged)
        case LdapAdd():
            made = asn.AddRequest()
            made["entry"], made["attributes"] = request.dn, _attributes(request.attributes)
            return _message(number, "addRequest", made)
        case LdapModify():
            return _message(number, "modifyRequest", _modification(request))
        case LdapRename():
            renamed = asn.ModifyDNRequest()
            renamed["entry"], renamed["newrdn"], renamed["deleteoldrdn"] = request.dn, request.rdn, not request.keeps
            if request.parent is not None:
                renamed["newSuperior"] = asn.NewSuperior(request.parent)
            return _message(number, "modDNRequest", renamed)
        case LdapDelete():
            return _message(number, "delRequest", asn.DelRequest(request.dn))


def encode_bind(number: int, dn: str, password: str) -> bytes:
    """A simple bind."""
    made = asn.BindRequest()
    made["version"], made["name"] = asn.Version(3), dn
    made["authentication"] = asn.AuthenticationChoice().setComponentByName("simple", asn.Simple(password.encode()))
    return _message(number, "bindRequest", made)


def encode_start_tls(number: int) -> bytes:
    """The request to go on under TLS (RFC 4511 4.14)."""
    made = asn.ExtendedRequest()
    made["requestName"] = asn.RequestName(_TLS)
    return _message(number, "extendedReq", made)


def length(header: bytes) -> tuple[int, int]:
    """How many octets of a message follow its first two: those of its length, and those of its value, if short.

    Raises GarbageError if no message begins so.
    """
    if header[0] != _SEQUENCE or header[1] == _LONG:
        raise GarbageError
    if header[1] < _LONG:
        return 0, header[1]
    wide = header[1] - _LONG
    if wide > _WIDEST:
        raise GarbageError
    return wide, 0


def decode(octets: bytes) -> Message:
    """A message of a directory. Raises GarbageError."""
    try:
        message, rest = decoder.decode(octets, asn1Spec=asn.LDAPMessage())
        operation = message["protocolOp"].getName()
        body = message["protocolOp"].getComponent()
        number = int(message["messageID"])
        if rest:
            raise GarbageError
        if operation == "searchResEntry":
            return Message(number, None, "", LdapEntry(_text(body["object"]), _shown(body["attributes"])))
        if operation in ("searchResRef", "intermediateResponse"):
            return Message(number, None, "", None)
        return Message(number, int(body["resultCode"]), _text(body["diagnosticMessage"]), None, _cookie(message))
    except (PyAsn1Error, KeyError, ValueError, TypeError, IndexError) as error:
        raise GarbageError from error  # the decoder was not written for hostile octets


def _message(number: int, name: str, operation: Any, control: Any = None) -> bytes:
    message = asn.LDAPMessage()
    message["messageID"] = asn.MessageID(number)
    message["protocolOp"] = asn.ProtocolOp().setComponentByName(name, operation)
    if control is not None:
        message["controls"] = asn.Controls().setComponentByPosition(0, control)
    octets: bytes = encode_ber(message)
    return octets


def _paged(size: int, cookie: bytes) -> Any:
    """Not critical: a directory without pages shows all at once."""
    return paged_search_control(criticality=False, size=size, cookie=cookie)


def _scope(request: LdapSearch) -> int:
    return {"base": 0, "one": 1, "subtree": 2}[request.scope]


def _attributes(values: Attributes) -> Any:
    made = asn.AttributeList()
    for place, (name, held) in enumerate(values.items()):
        attribute = asn.Attribute()
        attribute["type"], attribute["vals"] = name, _vals(asn.ValsAtLeast1(), held)
        made.setComponentByPosition(place, attribute)
    return made


def _modification(request: LdapModify) -> Any:
    changes = asn.Changes()
    for place, change in enumerate(request.changes):
        partial = asn.PartialAttribute()
        partial["type"], partial["vals"] = change.attribute, _vals(asn.Vals(), change.values)
        made = asn.Change()
        made["operation"], made["modification"] = asn.Operation(change.operation), partial
        changes.setComponentByPosition(place, made)
    modification = asn.ModifyRequest()
    modification["object"], modification["changes"] = request.dn, changes
    return modification


def _vals(made: Any, values: tuple[bytes, ...]) -> Any:
    for place, value in enumerate(values):
        made.setComponentByPosition(place, asn.AttributeValue(value))
    return made if values else made.clear()


def _cookie(message: Any) -> bytes:
    """What the directory remembers a list by, if it shows only a page of it (RFC 2696)."""
    for control in message["controls"] if message["controls"].hasValue() else ():
        if _text(control["controlType"]) == _PAGED:
            value, _ = decoder.decode(bytes(control["controlValue"]), asn1Spec=RealSearchControlValue())
            return bytes(value["cookie"])
    return b""


def _shown(attributes: Any) -> Mapping[str, tuple[bytes, ...]]:
    return {_text(held["type"]): tuple(bytes(value) for value in held["vals"]) for held in attributes}


def _text(value: Any) -> str:
    return bytes(value).decode(errors="replace")
