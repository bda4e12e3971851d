"""What an SCIM SP says of itself (RFC 7644 4, RFC 7643 5 to 7), held against the standard and against the mapping."""

import re
from collections.abc import Generator, Iterator, Mapping
from typing import Final

from provisioning.core.account import Json
from provisioning.protocols.dialogue import Answer, Request
from provisioning.protocols.probing import listed, plain
from provisioning.protocols.scim_calls import Resource
from provisioning.protocols.scim_probe_calls import Looking, Seen, look, unlisted
from provisioning.protocols.scim_resource import USER, member, read_path

_ONLY_CHANGES: Final = "only a change can show it, and a probe changes nothing"
_COMMON: Final = ("id", "externalid", "meta", "schemas")  # of every resource, in no schema (RFC 7643 3.1)
_SAYS: Final = "ServiceProviderConfig says so"
_LEAST, _PAYLOAD, _OPERATIONS = 1024, 16_777_216, 10_000  # what the settings of bulk requests take
_URN: Final = re.compile(r"[uU][rR][nN]:[^\[\]\"\s]{1,190}")
_NAME: Final = re.compile(r"[A-Za-z$][A-Za-z0-9_$-]{0,190}")
_MOST: Final = 50  # URNs, or names, of one setting
_NOT_OURS: Final = ("readOnly", "immutable")


def config(looking: Looking, said: Seen) -> None:
    """Note what ServiceProviderConfig claims, as far as only changes could show it, and whether it is there."""
    notes = looking.notes
    if said.body is None:
        unlisted(looking, "ServiceProviderConfig", said, what="RFC 7644 4 asks for it, and GET /ServiceProviderConfig")
        return
    looking.claims = said.body
    unclear = [name for name in ("patch", "bulk", "filter", "sort", "etag") if looking.claim(name) is None]
    seen = f"no word, or no truth value, about {listed(unclear)}" if unclear else "complete"
    notes.note("ServiceProviderConfig", seen, agrees=not unclear)
    for name in ("patch", "sort"):
        notes.unseen(name, _ONLY_CHANGES if name == "patch" else "the engine does not use it", looking.says(name))
    if looking.claim("patch") is not None:
        notes.propose("scim.patch", looking.claim("patch"), _SAYS)
    _bulk(looking)
    schemes = member(looking.claims, "authenticationSchemes")
    kinds = [str(member(each, "type") or "without a type") for each in schemes] if isinstance(schemes, list) else []
    notes.holds("authentication", "the service's credential was accepted", listed(kinds) if kinds else "")


def _bulk(looking: Looking) -> None:
    """What is claimed of bulk requests; what has no limits that can be is not proposed."""
    says, notes = looking.says("bulk"), looking.notes
    operations, payload = looking.number("bulk", "maxOperations"), looking.number("bulk", "maxPayloadSize")
    if not looking.claim("bulk"):
        notes.unseen("bulk", _ONLY_CHANGES, says)
        return
    notes.unseen("bulk", _ONLY_CHANGES, f"{says}; maxOperations {operations}, maxPayloadSize {payload}")
    if operations is not None and payload is not None and payload >= _LEAST:
        held: dict[str, Json] = {"operations": min(operations, _OPERATIONS), "payload": min(payload, _PAYLOAD)}
        notes.propose("scim.bulk", held, _SAYS)


def resource_types(looking: Looking) -> Generator[Request, Answer, None]:
    """Note which resources there are, and whether Users and Groups are where the engine looks for them."""
    page, notes = (yield from look(looking, "/ResourceTypes")), looking.notes
    if isinstance(page, Seen):
        unlisted(looking, "ResourceTypes", page, what="GET /ResourceTypes")
        return
    places = {_text(each, "name"): _text(each, "endpoint") for each in page.resources}
    says = listed([f"{name} at {place}" for name, place in places.items()])
    wrong = [
        f"{name} at {plain(places[name])}"
        for name, place in (("User", "/Users"), ("Group", "/Groups"))
        if name in places and not places[name].rstrip("/").endswith(place)
    ]
    seen = f"the engine asks /Users and /Groups, but the SP says {listed(wrong)}" if wrong else "as the engine asks"
    notes.note("ResourceTypes", seen, says, agrees=not wrong)
    users = next((each for each in page.resources if _text(each, "name") == "User"), None)
    urns: list[Json] = [urn for urn in map(_schema_of, _entries(users, "schemaExtensions")) if _URN.fullmatch(urn)]
    if urns:
        notes.propose("scim.schemas", urns[:_MOST], "the extensions that ResourceTypes gives of User")


def mapped(looking: Looking) -> Generator[Request, Answer, None]:
    """Hold the service's mapping against the SP's schemas: what it does not have, may not be set, or asks for."""
    page, notes = (yield from look(looking, "/Schemas")), looking.notes
    if isinstance(page, Seen):
        unlisted(looking, "Schemas", page, what="GET /Schemas")
        return
    schemas = {_text(each, "id").casefold(): each for each in page.resources}
    says = listed([_text(each, "id") for each in page.resources])
    problems = list(_problems(looking, schemas)) if USER.casefold() in schemas else ["there is none of the core User"]
    notes.note("Schemas", listed(problems) if problems else "they have all that is mapped", says, agrees=not problems)
    user = schemas.get(USER.casefold())
    required: list[Json] = [name for name in _required(user) if _NAME.fullmatch(name)]
    if len(required) > 1:  # userName always is
        notes.propose("scim.required", required[:_MOST], "the User of Schemas says so")
    emails = _attribute(user, "emails")
    if emails is not None and member(emails, "multiValued") is False:
        notes.propose("scim.single_valued", value=True, because="the User of Schemas has emails with one value")


def _problems(looking: Looking, schemas: Mapping[str, Resource]) -> Iterator[str]:
    paths = [read_path(text) for text in looking.service.account]
    for path in paths:
        schema = schemas.get((path.schema or USER).casefold())
        if path.attribute.casefold() in _COMMON:
            continue
        attribute = _attribute(schema, path.attribute)
        part = _attribute(attribute, path.sub, "subAttributes") if path.sub else attribute
        if attribute is None or part is None:
            yield f"nothing of the name {path.text}"
        elif _text(part, "mutability") in _NOT_OURS:
            yield f"{path.text} is {_text(part, 'mutability')}"
    ours = {path.attribute.casefold() for path in paths if not path.schema} | {*_COMMON, "active"}
    for name in _required(schemas[USER.casefold()]):
        if name.casefold() not in ours:
            yield f"{plain(name)} is required and not mapped"


def _required(schema: Resource | None) -> Iterator[str]:
    """Names of the attributes without which there is no user, as far as they are not the SP's own."""
    for each in _entries(schema, "attributes"):
        if member(each, "required") is True and _text(each, "mutability") != "readOnly":
            yield _text(each, "name")


def _schema_of(extension: Json) -> str:
    return _text(extension, "schema")


def _attribute(of: Json | Resource, name: str, under: str = "attributes") -> Json:
    entries = _entries(of, under)
    return next((each for each in entries if _text(each, "name").casefold() == name.casefold()), None)


def _entries(of: Json | Resource, name: str) -> list[Json]:
    entries = member(of, name) if isinstance(of, Mapping) else None
    return entries if isinstance(entries, list) else []


def _text(of: Json | Resource, name: str) -> str:
    said = member(of, name) if isinstance(of, Mapping) else None
    return said if isinstance(said, str) else ""
