"""The calls that SCIM dialogues are made of, and what may be believed of their answers."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote

from provisioning.core.account import Json, Known
from provisioning.core.scim_options import Scim
from provisioning.protocols.dialogue import Answer, Ending, HttpRequest, HttpResponse, Outcome, Request
from provisioning.protocols.ending import classify, garbage, read_object, status_of
from provisioning.protocols.scim_patch import Operation, patch_body
from provisioning.protocols.scim_resource import member

MEDIA_TYPE: Final = "application/scim+json"
GONE: Final = (404, 410)
RACED: Final = (412, 428)  # somebody else changed it meanwhile; or a version is wanted, which a look shows
RACES: Final = 3  # times that a change is planned, each after a new look
_LONGEST_ID: Final = 512
_LONGEST_VERSION: Final = 256

_WRITING: Final[Mapping[str, str]] = {"accept": MEDIA_TYPE, "content-type": MEDIA_TYPE}

Resource = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Refused:
    """A call that did not do its work, and how the dialogue ends if it knows nothing better."""

    status: int
    scim_type: str
    ending: Ending


def get(path: str, query: Mapping[str, str] | None = None) -> HttpRequest:
    """A request that only asks."""
    return HttpRequest("GET", path, query or {}, {"accept": MEDIA_TYPE})


def delete(path: str, version: str | None = None) -> HttpRequest:
    """A deletion. It accepts nothing by name: an SP exists that refuses a DELETE with an Accept header."""
    return HttpRequest("DELETE", path, {}, _condition(version))


def post(path: str, body: Json) -> HttpRequest:
    """A creation."""
    return HttpRequest("POST", path, {}, _WRITING, body)


def patch(path: str, operations: list[Operation], version: str | None = None) -> HttpRequest:
    """A change, only of the version that was read if there is one (RFC 7644 3.14)."""
    return HttpRequest("PATCH", path, {}, {**_WRITING, **_condition(version)}, patch_body(operations))


def put(path: str, body: Json, version: str | None = None) -> HttpRequest:
    """A replacement, only of the version that was read if there is one (RFC 7644 3.5.1, 3.14)."""
    return HttpRequest("PUT", path, {}, {**_WRITING, **_condition(version)}, body)


def _condition(version: str | None) -> Mapping[str, str]:
    return {} if version is None else {"if-match": version}


def version_of(scim: Scim, shown: Resource | None) -> str | None:
    """The version that a look has shown, as a header can carry it; None if there is none or it is not to be used."""
    version = member(member(shown, "meta"), "version")
    if scim.etag == "never" or not isinstance(version, str) or not 0 < len(version) <= _LONGEST_VERSION:
        return None
    return version if version.isascii() and version.isprintable() else None


def call(request: HttpRequest, known: Known) -> Generator[Request, Answer, Refused | None]:
    """Change or delete something; None if that was done. A success that carries no SCIM is no success."""
    answer = yield request
    ending = classify(request, answer, known)
    if ending.outcome is not Outcome.DONE:
        body = read_object(answer) or {}
        return Refused(status_of(answer), str(body.get("scimType", "")), ending)
    if isinstance(answer, HttpResponse) and answer.body.strip() and read_object(answer) is None:
        return Refused(0, "", garbage(request, known, "something that is not a JSON object"))
    return None


def create(collection: str, body: Json, known: Known) -> Generator[Request, Answer, str | Refused]:
    """Create a resource: its id, the only thing of the answer that is believed; the rest may be stale."""
    request = post(f"/{collection}", body)
    answer = yield request
    ending = classify(request, answer, known)
    if ending.outcome is not Outcome.DONE:
        body = read_object(answer) or {}
        return Refused(status_of(answer), str(body.get("scimType", "")), ending)
    made = read_object(answer)
    what = "something that is not a JSON object" if made is None else "no usable id"
    return id_of(made) or Refused(0, "", garbage(request, known, what))


def read(collection: str, remote_id: str, known: Known) -> Generator[Request, Answer, Resource | Refused]:
    """One resource by its id, if it is really that one. An ETag of the answer stands for the resource's version."""
    request = get(place_of(collection, remote_id))
    answer = yield request
    ending = classify(request, answer, known)
    if ending.outcome is not Outcome.DONE:
        return Refused(status_of(answer), "", ending)
    shown = read_object(answer)
    if shown is None or member(shown, "id") != remote_id:
        return Refused(0, "", garbage(request, known, "something that is not the resource asked for"))
    tag = answer.headers.get("etag") if isinstance(answer, HttpResponse) else None
    meta = member(shown, "meta")
    return {**shown, "meta": {**(meta if isinstance(meta, dict) else {}), "version": tag}} if tag else shown


def checked(
    scim: Scim, collection: str, remote_id: str, refused: Refused, known: Known
) -> Generator[Request, Answer, Refused]:
    """The refusal of a change to a resource, with a status of GONE if it means that the resource is not there.

    A status that may mean something else, too, is checked by a read; the ending is the read's if that tells nothing.
    """
    if refused.status in GONE or refused.status not in scim.not_found:
        return refused
    shown = yield from read(collection, remote_id, known)
    if not isinstance(shown, Refused):
        return refused
    return replace(shown, status=GONE[0]) if denies(scim, shown) else replace(refused, ending=shown.ending)


def denies(scim: Scim, refused: Refused) -> bool:
    """Whether the answer to a read means that the resource is not there."""
    return refused.status in GONE or refused.status in scim.not_found


def id_of(resource: Json) -> str | None:
    """A resource's id, if it can be one: a text of 1 to 512 characters that is no step of a path."""
    value = member(resource, "id")
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_ID or value in (".", ".."):
        return None
    return value if value.isprintable() else None


def place_of(collection: str, remote_id: str) -> str:
    """The path of one resource, whatever its id is made of."""
    return f"/{collection}/{quote(remote_id, safe='')}"


def stop(ending: Ending, known: Known) -> Ending:
    """The same ending with what is known by now."""
    return replace(ending, known=known)
