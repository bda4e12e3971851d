"""Answers of an SPML provider, written by hand as a peer would write them, and what was asked in short."""

import xml.etree.ElementTree as ET  # what it reads is ours
from typing import Any
from xml.sax.saxutils import quoteattr

from provisioning.core.catalog import Service
from provisioning.protocols.dialogue import HttpRequest, HttpResponse
from tests.protocols.talk import IDENTITY

CORE = "urn:oasis:names:tc:SPML:2:0"
DSML = "urn:oasis:names:tc:DSML:2:0:core"
SPML = {"entity": "person", "owner": "employeeNumber", "target": "people", "reference": "memberOf"}
VALUES = {"uid": "ann", "mail": "ann@a.edu"}


def service(spml: dict[str, Any] | None = None, **changes: Any) -> Service:
    fields = {
        "id": "library", "protocol": "spml", "endpoint": "https://sp.example.org", "match": "uid",
        "account": {"uid": "x", "mail": "x"}, "spml": {**SPML, **(spml or {})},
    }  # fmt: skip
    return Service.model_validate({**fields, **changes})


def wrap(inner: str, status: int = 200) -> HttpResponse:
    envelope = f'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{inner}</s:Body></s:Envelope>'
    return HttpResponse(status, {"content-type": "text/xml"}, envelope.encode())


def response(name: str, inner: str = "", *, space: str = "", status: str = "success", **attributes: str) -> str:
    """`name` without `Response`; `space`: the capability's."""
    told = "".join(f" {key}={quoteattr(value)}" for key, value in {"status": status, **attributes}.items())
    namespace = f"{CORE}:{space}" if space else CORE
    return f'<r:{name}Response xmlns:r="{namespace}" xmlns:c="{CORE}" xmlns:d="{DSML}"{told}>{inner}</r:{name}Response>'


def ok(name: str, inner: str = "", *, space: str = "", **attributes: str) -> HttpResponse:
    return wrap(response(name, inner, space=space, **attributes))


def failure(name: str, error: str = "", message: str = "", *, space: str = "") -> HttpResponse:
    told = {"error": error} if error else {}
    inner = f"<c:errorMessage>{message}</c:errorMessage>" if message else ""
    return wrap(response(name, inner, space=space, status="failure", **told))


def pending(name: str, *, space: str = "", **attributes: str) -> HttpResponse:
    return wrap(response(name, space=space, status="pending", **attributes))


def pso(remote_id: str = "77", mark: str | None = IDENTITY, references: tuple[str, ...] = (), **values: Any) -> str:
    """An account; values are texts or lists of them."""
    shown = {"objectclass": "person", "employeeNumber": mark, **VALUES, **values}
    attributes = "".join(
        f"<d:attr name={quoteattr(name)}>"
        + "".join(f"<d:value>{text}</d:value>" for text in (value if isinstance(value, list) else [value]))
        + "</d:attr>"
        for name, value in shown.items()
        if value is not None
    )
    kept = "".join(
        f'<f:reference xmlns:f="{CORE}:reference" typeOfReference="memberOf"><f:toPsoID ID={quoteattr(to)}/>'
        "</f:reference>"
        for to in references
    )
    data = f"<c:capabilityData>{kept}</c:capabilityData>" if references else ""
    return f'<c:pso><c:psoID ID={quoteattr(remote_id)} targetID="people"/><c:data>{attributes}</c:data>{data}</c:pso>'


def named(remote_id: str, target: str = "people") -> str:
    return f"<c:pso><c:psoID ID={quoteattr(remote_id)} targetID={quoteattr(target)}/></c:pso>"


def listed(*psos: str) -> HttpResponse:
    return ok("search", "".join(psos), space="search")


def active(said: str = "true") -> HttpResponse:
    return ok("active", space="suspend", active=said)


def element(request: HttpRequest) -> ET.Element:
    assert request.content is not None
    found: ET.Element = ET.fromstring(request.content)[0][0]  # noqa: S314
    return found


def short(request: HttpRequest) -> str:
    return element(request).tag.rpartition("}")[2].removesuffix("Request")


def shape(requests: list[HttpRequest]) -> list[str]:
    return [short(request) for request in requests]


def told(request: HttpRequest) -> dict[str, list[str]]:
    """What an addRequest gives as data."""
    found = element(request).iter(f"{{{DSML}}}attr")
    return {each.get("name", ""): [value.text or "" for value in each] for each in found}


def changes(request: HttpRequest) -> list[tuple[str, str, list[str]]]:
    """What a modifyRequest changes: mode, name and values; references by the id that they are to."""
    found = [
        (each.get("operation", ""), each.get("name", ""), [value.text or "" for value in each])
        for each in element(request).iter(f"{{{DSML}}}modification")
    ]
    for modification in element(request):
        mode = modification.get("modificationMode", "")
        found += [(mode, "reference", [to.get("ID", "")]) for to in modification.iter(f"{{{CORE}:reference}}toPsoID")]
    return found
