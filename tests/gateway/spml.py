"""Requests to the SPML endpoint as its clients write them, and what they are answered, read with another parser."""

import xml.etree.ElementTree as ET  # what it reads is ours, within a test
from dataclasses import dataclass

from tests.delivery.spml_grader import invalid
from tests.delivery.spml_objects import CORE, DSML, SOAP, local
from tests.gateway.world import SPML_TOKEN, World

SPACES = (
    f'xmlns="{CORE}" xmlns:dsml="{DSML}" '
    + " ".join(f'xmlns:{name}="{CORE}:{name}"' for name in ("async", "batch", "bulk", "password", "reference", "search",
                                                            "suspend", "updates"))
)  # fmt: skip


@dataclass
class Said:
    """An answer: its element."""

    element: ET.Element

    @property
    def status(self) -> str:
        return self.element.get("status", "")

    @property
    def error(self) -> str:
        """The code of a failure; `success` or `pending` of what is none."""
        return self.element.get("error", self.status)

    @property
    def message(self) -> str:
        """Why it failed."""
        return "; ".join(each.text or "" for each in self.element if local(each) == "errorMessage")

    @property
    def id(self) -> str:
        return self.ids[0]

    @property
    def ids(self) -> list[str]:
        return [each.get("ID", "") for each in self.element.iter() if local(each) == "psoID"]

    @property
    def values(self) -> dict[str, list[str]]:
        """The attributes of the first object."""
        data = next(each for each in self.element.iter() if local(each) == "data")
        return {each.get("name", ""): [value.text or "" for value in each] for each in data}

    @property
    def iterator(self) -> str | None:
        return next((each.get("ID") for each in self.element if local(each) == "iterator"), None)

    @property
    def inner(self) -> list["Said"]:
        return [Said(each) for each in self.element if local(each).endswith("Response")]


def envelope(content: str) -> bytes:
    return f'<soap:Envelope xmlns:soap="{SOAP}"><soap:Body>{content}</soap:Body></soap:Envelope>'.encode()


def attributes(**values: str | list[str]) -> str:
    """Data of the DSML profile."""
    lists = {name: [some] if isinstance(some, str) else some for name, some in values.items()}
    return "".join(
        f'<dsml:attr name="{name}">{"".join(f"<dsml:value>{value}</dsml:value>" for value in some)}</dsml:attr>'
        for name, some in lists.items()
    )


def add(id_: str | None = None, request: str = "", **values: str | list[str]) -> str:
    pso = f'<psoID ID="{id_}"/>' if id_ else ""
    return f"<addRequest {request} {SPACES}>{pso}<data>{attributes(**values)}</data></addRequest>"


def change(id_: str, *changes: tuple[str, str, list[str]], request: str = "") -> str:
    """A modifyRequest of (operation, name, values)."""
    each = "".join(
        f'<modification><data><dsml:modification name="{name}" operation="{mode}">'
        f"{''.join(f'<dsml:value>{value}</dsml:value>' for value in some)}</dsml:modification></data></modification>"
        for mode, name, some in changes
    )
    return f'<modifyRequest {request} {SPACES}><psoID ID="{id_}"/>{each}</modifyRequest>'


def of(name: str, id_: str, request: str = "") -> str:
    """A request about one object: delete, lookup, or one of the suspend capability (`suspend:resume`)."""
    prefix = name.partition(":")[0] + ":" if ":" in name else ""
    return f'<{name}Request {request} {SPACES}><{prefix}psoID ID="{id_}"/></{name}Request>'


def search(clause: str = "", request: str = "", query: str = "") -> str:
    return (
        f"<search:searchRequest {request} {SPACES}><search:query {query}>{clause}</search:query></search:searchRequest>"
    )


def equal(name: str, value: str, word: str = "equalityMatch") -> str:
    return f'<dsml:filter><dsml:{word} name="{name}"><dsml:value>{value}</dsml:value></dsml:{word}></dsml:filter>'


def iterate(id_: str, word: str = "iterate", space: str = "search") -> str:
    return f'<{space}:{word}Request {SPACES}><{space}:iterator ID="{id_}"/></{space}:{word}Request>'


def batch(*requests: str, request: str = "") -> str:
    return f"<batch:batchRequest {request} {SPACES}>{''.join(requests)}</batch:batchRequest>"


async def send(world: World, content: str | bytes, *, status: int = 200, token: str = SPML_TOKEN) -> ET.Element:
    """The root of the answer to this body."""
    body = content if isinstance(content, bytes) else content.encode()
    answer = await world.ask("POST", "/spml", body, headers={"Content-Type": "text/xml; charset=UTF-8"}, token=token)
    assert answer.status == status, answer.text
    return ET.fromstring(answer.text)  # noqa: S314


async def say(world: World, content: str) -> Said:
    """The answer to a request, which is valid wherever the schemas are at hand."""
    root = await send(world, envelope(content))
    answer = root[0][0]
    assert [local(root), local(root[0]), len(root[0])] == ["Envelope", "Body", 1]
    assert invalid(answer) == []
    assert (answer.get("status") == "failure") == ("error" in answer.attrib)
    return Said(answer)
