"""The calls that SCIM dialogues are made of, and what may be believed of their answers."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote

from provisioning.core.account import Json, Known
from provisioning.protocols.dialogue import Answer, Ending, HttpRequest, HttpResponse, Outcome, Request, Unanswered
from provisioning.protocols.ending import classify, garbage, read_object, status_of
from provisioning.protocols.scim_patch import Operation, patch_body
from provisioning.protocols.scim_resource import member

MEDIA_TYPE: Final = "application/scim+json"
GONE: Final = (404, 410)
_LONGEST_ID: Final = 512
_NO_SEARCH: Final = (400, 501)  # this attribute cannot be searched here: invalidFilter and its relatives

Resource = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Found:
    """What a search showed that is truly what was asked for. `proven`: that there is no more is beyond doubt."""

    resources: tuple[Resource, ...]
    proven: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """A call that did not do its work, and how the dialogue ends if it knows nothing better."""

    status: int
    scim_type: str
    ending: Ending


def get(path: str, query: Mapping[str, str] | None = None) -> HttpRequest:
    """A request that only asks."""
    return HttpRequest("GET", path, query or {}, {"accept": MEDIA_TYPE})


def delete(path: str) -> HttpRequest:
    """A deletion. It accepts nothing by name: an SP exists that refuses a DELETE with an Accept header."""
    return HttpRequest("DELETE", path)


def post(path: str, body: Json) -> HttpRequest:
    """A creation."""
    return HttpRequest("POST", path, {}, {"accept": MEDIA_TYPE, "content-type": MEDIA_TYPE}, body)


def patch(path: str, operations: list[Operation]) -> HttpRequest:
    """A change."""
    headers = {"accept": MEDIA_TYPE, "content-type": MEDIA_TYPE}
    return HttpRequest("PATCH", path, {}, headers, patch_body(operations))


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
    """One resource by its id, if it is really that one."""
    request = get(place_of(collection, remote_id))
    answer = yield request
    ending = classify(request, answer, known)
    if ending.outcome is not Outcome.DONE:
        return Refused(status_of(answer), "", ending)
    shown = read_object(answer)
    if shown is None or member(shown, "id") != remote_id:
        return Refused(0, "", garbage(request, known, "something that is not the resource asked for"))
    return shown


def search(
    collection: str, filter_: str, is_it: Callable[[Resource], bool], known: Known, **query: str
) -> Generator[Request, Answer, Found | Ending]:
    """Look resources up and believe only those that are what was asked for.

    A filter may be ignored, so finding nothing proves nothing unless the SP showed all that it has, or nothing but
    what was asked for. An attribute that cannot be searched at this SP finds nothing and proves nothing.
    """
    request = get(f"/{collection}", {"filter": filter_, **query})
    answer = yield request
    ending = classify(request, answer, known)
    if ending.outcome is not Outcome.DONE:
        if not isinstance(answer, Unanswered) and status_of(answer) in _NO_SEARCH:
            return Found((), proven=False)
        return ending
    body = read_object(answer)
    entries, total = member(body, "Resources"), member(body, "totalResults")
    if entries is None and isinstance(total, int) and total == 0:
        entries = []
    if not isinstance(entries, list) or not all(id_of(entry) for entry in entries):
        return garbage(request, known, "something that is not a list of resources")
    resources = tuple(entry for entry in entries if is_it(entry))
    counted = isinstance(total, int) and not isinstance(total, bool)
    return Found(resources, total <= len(entries) if counted else len(resources) == len(entries))


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
