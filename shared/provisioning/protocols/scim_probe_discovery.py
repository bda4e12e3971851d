"""What an SCIM SP says of itself (RFC 7644 4, RFC 7643 5 to 7), held against the standard and against the mapping."""

from collections.abc import Generator, Iterator, Mapping
from typing import Final

from provisioning.core.account import Json
from provisioning.protocols.dialogue import Answer, Request
from provisioning.protocols.probing import listed, plain
from provisioning.protocols.scim_calls import Resource
from provisioning.protocols.scim_probe_calls import Looking, Seen, look, unlisted
from provisioning.protocols.scim_resource import USER, Path, member, read_path

_ONLY_CHANGES: Final = "only a change can show it, and a probe changes nothing"
_COMMON: Final = ("id", "externalid", "meta", "schemas")  # of every resource, in no schema (RFC 7643 3.1)
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
    limits = [f"{of} {looking.number('bulk', of)}" for of in ("maxOperations", "maxPayloadSize")]
    says = looking.says("bulk")
    notes.unseen("bulk", _ONLY_CHANGES, f"{says}; {', '.join(limits)}" if looking.claim("bulk") else says)
    schemes = member(looking.claims, "authenticationSchemes")
    kinds = [str(member(each, "type") or "without a type") for each in schemes] if isinstance(schemes, list) else []
    notes.holds("authentication", "the service's credential was accepted", listed(kinds) if kinds else "")


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
    yield from _required(schemas[USER.casefold()], paths)


def _required(schema: Resource, paths: list[Path]) -> Iterator[str]:
    ours = {path.attribute.casefold() for path in paths if not path.schema} | set(_COMMON) | {"active"}
    attributes = member(schema, "attributes")
    for each in attributes if isinstance(attributes, list) else []:
        name = _text(each, "name")
        if member(each, "required") is True and _text(each, "mutability") != "readOnly" and name.casefold() not in ours:
            yield f"{plain(name)} is required and not mapped"


def _attribute(of: Json | Resource, name: str, under: str = "attributes") -> Resource | None:
    attributes = member(of, under) if isinstance(of, Mapping) else None
    entries = attributes if isinstance(attributes, list) else []
    return next(
        (each for each in entries if isinstance(each, dict) and _text(each, "name").casefold() == name.casefold()), None
    )


def _text(of: Json | Resource, name: str) -> str:
    said = member(of, name) if isinstance(of, Mapping) else None
    return said if isinstance(said, str) else ""
