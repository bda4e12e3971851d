"""What a token that is believed tells of a person: SCIM events (RFC 9967), in an envelope or as they are.

Where the source can be asked, an event names who changed, and the source's state decides. Where it cannot, only an
event that shows a whole resource, or the end of one, says enough; the others are refused, and kept for people,
because to pass over a change would be to lose it. Versions are then the token's own: `record.version` if the
resource has it, which must be an instant, else when it happened (`toe`), else when it was issued. Of two tokens of
one second the one that came later is believed; a deletion lies at the end of its second, since nothing of a resource
comes after it.
"""

from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from provisioning.core.errors import InvalidError
from provisioning.core.notification import Listening, Notification, Wanted, read_observation, trace_of
from provisioning.core.observation import OBSERVED, PUSHED
from provisioning.core.record import Record, read_record
from provisioning.core.source_signed import Signed
from provisioning.core.token import Token, TokenError, instant_of
from provisioning.core.version import MICROSECONDS
from provisioning.core.wire import read_json

_VERSION: Final = "1.0"  # of CloudEvents
_PREFIX: Final = "urn:ietf:params:scim:event:"
_DELETE, _ADD, _REMOVE = "prov:delete", "feed:add", "feed:remove"
_WHOLE: Final = ("prov:put:full", "prov:create:full")  # those that show the resource as it is then
_PARTS: Final = ("prov:patch:full", "prov:patch:notice", "prov:create:notice", "prov:put:notice", "prov:activate",
                 "prov:deactivate", _ADD)  # fmt: skip
_KNOWN: Final = frozenset({_DELETE, _REMOVE, *_WHOLE, *_PARTS})
_MOST: Final = 50  # events of one token
# RFC 9493 3.2: the members that identify, by format.
_FORMATS: Final = {
    "account": ("uri",), "did": ("url",), "email": ("email",), "iss_sub": ("iss", "sub"), "opaque": ("id",),
    "phone_number": ("phone_number",), "uri": ("uri",),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Passed:
    """A token that is genuine and says nothing of a person: why, and of how many events."""

    reason: str
    events: int
    trace: str


@dataclass(frozen=True, slots=True)
class Told:
    """What a token tells, and how many of its events are not known here."""

    notification: Notification
    unknown: int


def unwrap(body: str, most: int) -> str | dict[str, Any]:
    """The token in a message: its body, or in an envelope of SNS, or the data of a CloudEvent; else the object.

    What came through a topic and is no token is nothing: our poll and gateway send to the queue itself.
    Raises InvalidError.
    """
    event = _event(body, "message", most)
    published = isinstance(event, dict) and event.get("Type") == "Notification"
    if isinstance(event, dict) and published:
        event = _event(str(event.get("Message", "")), "message.Message", most)
    if isinstance(event, str):
        return event
    data = event.get("data")
    if isinstance(data, str) and event.get("specversion") == _VERSION:
        return data.strip()
    return {} if published else event


def _event(text: str, where: str, most: int) -> str | dict[str, Any]:
    text = text.strip()
    if not text.startswith("{"):
        return text
    found = read_json(text, where, most)
    return found if isinstance(found, dict) else {}


def read_unsigned(listening: Listening, event: dict[str, Any]) -> Notification:
    """What our own poll and gateway say of the same source; nobody else is believed unsigned. Raises InvalidError."""
    source, own = listening.source, set[str]()
    if source.poll is not None:
        own.add(OBSERVED)
    if source.push is not None and "scim" in source.push.endpoints:
        own.add(PUSHED)
    if event.get("specversion") != _VERSION or str(event.get("type")) not in own:
        raise TokenError("it is not signed", "message", right="a token, as the source's `signed` says")
    return Notification(read_observation(listening, event.get("data")), trace_of(event.get("id")))


def read_event(listening: Listening, token: Token, now: int) -> Told | Passed:
    """What a verified token tells. `now`: microseconds since 1970. Raises InvalidError with what would be right."""
    signed, events = listening.source.signed, token.claims["events"]
    if signed is None or len(events) > _MOST:
        raise TokenError(f"{len(events)} events", "token.events", right=f"at most {_MOST}")
    named = {name.lower().removeprefix(_PREFIX): payload for name, payload in events.items()
             if name.lower().startswith(_PREFIX)}  # fmt: skip
    known = {name: payload for name, payload in named.items() if name in _KNOWN}
    if not known:
        return Passed("no event is of a resource's life", len(events), token.trace)
    subject = _subject(token.claims.get("sub_id"), signed)
    if subject is None:
        return Passed(f"it is not of {signed.endpoint}", len(events), token.trace)
    told = _told(listening, token, known, subject, now)
    if told is None:
        return Passed("who leaves the feed stays", len(events), token.trace)
    return Told(Notification(told, token.trace), len(events) - len(known))


def _told(
    listening: Listening, token: Token, known: dict[str, Any], subject: dict[str, Any], now: int
) -> Record | Wanted | None:
    source = listening.source
    if source.thin or (source.poll is not None and _DELETE not in known and not set(_WHOLE) & known.keys()):
        return Wanted(source.id, _key(listening, subject))
    if _DELETE in known:
        return _gone(listening, token, subject)
    for name in _WHOLE:
        if name in known:
            return _whole(listening, token, known[name], subject, now)
    if _REMOVE in known and source.signed is not None:
        return _gone(listening, token, subject) if source.signed.removed == "gone" else None
    right = "events that show the whole resource (put:full, create:full), or a source that can be asked: `poll`"
    raise InvalidError(f"{min(known)} does not show the resource as it is", "token.events", right=right)


def _gone(listening: Listening, token: Token, subject: dict[str, Any]) -> Record:
    happened = _happened(token)
    version = happened if happened % MICROSECONDS else happened + MICROSECONDS - 1
    told = {"key": _key(listening, subject), "version": version, "deleted": True}
    return read_record(listening.source.id, told, listening.schema)


def _whole(listening: Listening, token: Token, payload: dict[str, Any], subject: dict[str, Any], now: int) -> Record:
    data, reader = payload.get("data"), listening.reader
    if not isinstance(data, dict) or "attributes" in payload:
        raise InvalidError("the event is not full", "token.events", right="data, an object, and no attributes")
    if reader is None:
        raise InvalidError("nobody says how resources are read", "token.events", right="a source with `record`")
    if "id" in subject and data.get("id", subject["id"]) != subject["id"]:
        raise InvalidError("the resource is not the subject", "token.events", right="data.id as in sub_id.uri")
    resource = {**subject, **data}
    if reader.version is not None and reader.version(resource) is None:
        reader = replace(reader, version=None)  # what an SP was sent, which RFC 9967 2.4.3 shows, has none
    made = reader.read(resource, _key(listening, {**data, **subject}), _happened(token))
    return read_record(listening.source.id, made, listening.schema, now)


def _key(listening: Listening, subject: dict[str, Any]) -> str:
    if listening.reader is None:
        raise InvalidError("nobody says what the key is", "token.sub_id", right="a source with `record`")
    try:
        return listening.reader.key_of(subject)
    except InvalidError as error:
        right = "id, externalId, or what else the issuer puts into sub_id; `record.key` says which"
        raise InvalidError(error.problem, "token.sub_id", right=right) from None


def _happened(token: Token) -> int:
    """Microseconds since 1970: of the event if it says so (RFC 8417 2.2, `toe`), else of the token."""
    happened = instant_of(token, "toe")
    issued = happened if happened is not None else instant_of(token, "iat") or 0
    return issued * MICROSECONDS if isinstance(issued, int) else round(issued * MICROSECONDS)


def _subject(sub_id: Any, signed: Signed) -> dict[str, Any] | None:
    """What identifies the subject, as a resource's own members would; None: it is not of the kind that is taken.

    RFC 9967 2.1 wants the format `scim`. Those of RFC 9493 are read too, an alias by its first that is of either.
    """
    kind = sub_id.get("format") if isinstance(sub_id, dict) else None
    if kind == "aliases":
        others = sub_id.get("identifiers")
        some = [each for each in others if isinstance(each, dict)] if isinstance(others, list) else []
        fit = [each for each in some if each.get("format") == "scim" or each.get("format") in _FORMATS]
        sub_id = next((each for each in fit if each.get("format") == "scim"), next(iter(fit), None))
        kind = sub_id.get("format") if sub_id is not None else None
    if isinstance(kind, str) and kind in _FORMATS:
        return {name: _text(sub_id.get(name), name) for name in _FORMATS[kind]}
    if kind != "scim":
        raise TokenError("no subject that is understood", "token.sub_id", right='format "scim", with uri')
    endpoint, id_ = _resource(_text(sub_id.get("uri"), "uri"))
    if endpoint.lower() != signed.endpoint.lower():
        return None
    if sub_id.get("id", id_) != id_:
        raise TokenError("another than its uri's", "token.sub_id.id", right="the last part of the uri")
    return {**{name: value for name, value in sub_id.items() if name not in ("format", "uri")}, "id": id_}


def _resource(uri: str) -> tuple[str, str]:
    """The endpoint and the id of a resource: the last two parts of its path, which may be a whole URL's."""
    try:
        *_, endpoint, id_ = urlsplit(uri).path.split("/")
    except ValueError:
        endpoint = id_ = ""
    if not endpoint or not id_:
        raise TokenError("no resource's path", "token.sub_id.uri", right="such as /Users/2b2f880a")
    return endpoint, unquote(id_)


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str) or not value:
        raise TokenError("no text", f"token.sub_id.{name}", right="text")
    return value
