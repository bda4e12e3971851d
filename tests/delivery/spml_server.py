"""An SPML 2.0 provider for tests, written from the standard and not from our client.

It reads and writes with another parser than ours. What it holds can be seen; how it behaves is its fields.
"""

import re
import xml.etree.ElementTree as ET  # what it reads is our client's, within a test
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.delivery.spml_objects import (
    CAPABILITIES,
    CORE,
    SOAP,
    FailureError,
    Held,
    change,
    local,
    made,
    matches,
    modify_elements,
    only,
    read_data,
    texts,
    write_data,
)

CHANGES = ("addRequest", "modifyRequest", "deleteRequest", "suspendRequest", "resumeRequest")


def spelled(name: str) -> str:
    """`listTargetsRequest` as `list_targets`."""
    return re.sub("[A-Z]", lambda letter: "_" + letter[0].lower(), name.removesuffix("Request"))


@dataclass
class Target:
    """A target of one provider. `delay`: answers `pending` to changes and to so many questions about each.

    `renames`: an object's id is its unique value, also after a change. `hidden`: it shows no references.
    """

    id: str = "people"
    unique: str = "uid"
    profile: str = "dsml"
    namespace: str = ""
    capabilities: tuple[str, ...] = tuple(CAPABILITIES)
    delay: int = 0
    renames: bool = False
    hidden: bool = False
    page: int = 10
    objects: dict[str, Held] = field(default_factory=dict)
    pending: dict[str, tuple[int, ET.Element]] = field(default_factory=dict)
    iterators: dict[str, list[Held]] = field(default_factory=dict)
    number: int = 0

    # What a test sees and does.

    def accounts(self, entity: str = "person") -> list[Held]:
        return [held for held in self.objects.values() if held.entity == entity]

    def plant(self, entity: str, **values: str) -> Held:
        held = Held(self._new_id({name: [text] for name, text in values.items()}), entity, {})
        held.values = {name: [text] for name, text in values.items()}
        self.objects[held.id] = held
        return held

    # The provider.

    def answer(self, content: bytes) -> bytes:
        """A SOAP message for a SOAP message."""
        body = only(ET.fromstring(content), "Body")  # noqa: S314
        return self.wrap(self.respond(body[0]))

    @staticmethod
    def wrap(element: ET.Element) -> bytes:
        message = made(SOAP, "Envelope", made(SOAP, "Body", element))
        return bytes(ET.tostring(message, encoding="utf-8", xml_declaration=True))

    def respond(self, request: ET.Element) -> ET.Element:
        """The response to one request: now, or later if this is a change and the target takes its time."""
        name, request_id = local(request), request.get("requestID")
        later = self.delay > 0 and name in (
            "addRequest",
            "modifyRequest",
            "deleteRequest",
            "suspendRequest",
            "resumeRequest",
        )
        if later and request.get("executionMode") == "synchronous":
            return self._response(request, status="failure", error="unsupportedExecutionMode")
        response = self._perform(request)
        if not later:
            return response
        self.pending[str(request_id)] = (self.delay, response)
        return self._response(request, status="pending")

    def _perform(self, request: ET.Element) -> ET.Element:
        operation: Callable[[ET.Element], ET.Element] | None = getattr(self, f"do_{spelled(local(request))}", None)
        space = request.tag[1:].rpartition("}")[0]
        if operation is None or (space != CORE and space not in [CAPABILITIES[name] for name in self.capabilities]):
            return self._response(request, status="failure", error="unsupportedOperation")
        try:
            return operation(request)
        except FailureError as failure:
            return self._response(request, status="failure", error=str(failure))

    def _response(
        self, request: ET.Element, *children: ET.Element, status: str = "success", **more: str | None
    ) -> ET.Element:
        space = request.tag[1:].rpartition("}")[0]
        name = local(request).removesuffix("Request") + "Response"
        return made(space, name, *children, status=status, requestID=request.get("requestID"), **more)

    def _held(self, request: ET.Element, name: str = "psoID") -> Held:
        given = only(request, name)
        held = self.objects.get(given.get("ID", ""))
        if held is None or given.get("targetID") not in (None, self.id):
            raise FailureError("noSuchIdentifier")
        return held

    def _new_id(self, values: dict[str, list[str]]) -> str:
        self.number += 1
        return values[self.unique][0] if self.renames and self.unique in values else f"pso-{self.number}"

    def _unique(self, values: dict[str, list[str]], entity: str, other_than: Held | None = None) -> None:
        wanted = [text.casefold() for text in values.get(self.unique, [])]
        for held in self.accounts(entity):
            if held is not other_than and held.one(self.unique).casefold() in wanted:
                raise FailureError("alreadyExists")

    # The core.

    def do_list_targets(self, request: ET.Element) -> ET.Element:
        listed = [made(CORE, "capability", namespaceURI=CAPABILITIES[name]) for name in self.capabilities]
        schema = made(
            CORE,
            "schema",
            made(f"{CORE}:DSML", "schema")
            if self.profile == "dsml"
            else made("http://www.w3.org/2001/XMLSchema", "schema"),
        )
        target = made(CORE, "target", schema, made(CORE, "capabilities", *listed), targetID=self.id)
        return self._response(request, target)

    def do_add(self, request: ET.Element) -> ET.Element:
        if request.get("targetID") not in (None, self.id):
            raise FailureError("noSuchIdentifier")
        entity, values = read_data(self.profile, only(request, "data"))
        self._unique(values, entity)
        proposed = next((child.get("ID") for child in request if local(child) == "psoID"), None)
        if proposed in self.objects:
            raise FailureError("alreadyExists")
        container = next((child.get("ID") for child in request if local(child) == "containerID"), None)
        held = Held(proposed or self._new_id(values), entity, values, container)
        self.objects[held.id] = held
        return self._response(request, self._pso(held, data=False))

    def do_modify(self, request: ET.Element) -> ET.Element:
        held = self._held(request)
        values = {name: list(some) for name, some in held.values.items()}
        references = list(held.references)
        for modification in request:
            if local(modification) == "modification":
                self._modify(modification, values, references)
        self._unique(values, held.entity, held)
        held.values, held.references = values, references
        if self.renames:
            del self.objects[held.id]
            held.id = held.one(self.unique)
            self.objects[held.id] = held
        return self._response(request, self._pso(held, data=False))

    def _modify(
        self, modification: ET.Element, values: dict[str, list[str]], references: list[tuple[str, str]]
    ) -> None:
        for capability in modification.findall(f"{{{CORE}}}capabilityData"):
            for reference in capability:
                to = only(reference, "toPsoID").get("ID", "")
                if to not in self.objects:
                    raise FailureError("noSuchIdentifier")
                entry = (reference.get("typeOfReference", ""), to)
                if modification.get("modificationMode") == "add":
                    references.append(entry)
                else:
                    references.remove(entry)
        component = modification.find(f"{{{CORE}}}component")
        data = modification.find(f"{{{CORE}}}data")
        if component is not None:
            modify_elements(modification.get("modificationMode", ""), component.get("path", ""), data, values)
        elif data is not None:
            for each in data:
                change(values, each.get("name", ""), each.get("operation", ""), texts(each))

    def do_delete(self, request: ET.Element) -> ET.Element:
        del self.objects[self._held(request).id]
        return self._response(request)

    def do_lookup(self, request: ET.Element) -> ET.Element:
        return self._response(request, self._pso(self._held(request), data=True))

    # Capabilities.

    def do_suspend(self, request: ET.Element) -> ET.Element:
        self._held(request).suspended = True
        return self._response(request)

    def do_resume(self, request: ET.Element) -> ET.Element:
        self._held(request).suspended = False
        return self._response(request)

    def do_active(self, request: ET.Element) -> ET.Element:
        return self._response(request, active="false" if self._held(request).suspended else "true")

    def do_set_password(self, request: ET.Element) -> ET.Element:
        self._held(request).password = self._password(request)
        return self._response(request)

    def do_expire_password(self, request: ET.Element) -> ET.Element:
        self._held(request).logins = int(request.get("remainingLogins", "1"))
        return self._response(request)

    def do_reset_password(self, request: ET.Element) -> ET.Element:
        held = self._held(request)
        held.password = f"new-of-{held.id}"
        made_ = made(CAPABILITIES["password"], "password")
        made_.text = held.password
        return self._response(request, made_)

    def do_validate_password(self, request: ET.Element) -> ET.Element:
        valid = self._password(request) == self._held(request).password
        return self._response(request, valid="true" if valid else "false")

    def _password(self, request: ET.Element) -> str:
        return request.findtext(f"{{{CAPABILITIES['password']}}}password", "")

    def do_search(self, request: ET.Element) -> ET.Element:
        query = only(request, "query")
        clause = query[0]
        return self._page(request, [held for held in self.objects.values() if matches(clause, held)])

    def do_iterate(self, request: ET.Element) -> ET.Element:
        left = self.iterators.pop(only(request, "iterator").get("ID", ""), None)
        if left is None:
            raise FailureError("noSuchIdentifier")
        return self._page(request, left)

    def do_close_iterator(self, request: ET.Element) -> ET.Element:
        self.iterators.pop(only(request, "iterator").get("ID", ""), None)
        return self._response(request)

    def _page(self, request: ET.Element, found: list[Held]) -> ET.Element:
        response = self._response(request, *(self._pso(held, data=True) for held in found[: self.page]))
        if found[self.page :]:
            self.number += 1
            self.iterators[f"i{self.number}"] = found[self.page :]
            response.append(made(CAPABILITIES["search"], "iterator", ID=f"i{self.number}"))
        for child in response:
            child.tag = child.tag.replace(CORE + "}", CAPABILITIES["search"] + "}")
        return response

    def do_status(self, request: ET.Element) -> ET.Element:
        asked = request.get("asyncRequestID", "")
        if asked not in self.pending:
            raise FailureError("noSuchRequest")
        left, response = self.pending[asked]
        if left > 0:
            self.pending[asked] = (left - 1, response)
            return self._response(request, status="pending", asyncRequestID=asked)
        del self.pending[asked]
        return self._response(request, response, asyncRequestID=asked)

    def do_batch(self, request: ET.Element) -> ET.Element:
        responses = []
        for inner in request:
            responses.append(self._perform(inner))
            if responses[-1].get("status") == "failure" and request.get("onError") == "exit":
                break
        return self._response(request, *responses)

    # Data.

    def _pso(self, held: Held, *, data: bool) -> ET.Element:
        pso = made(CORE, "pso", made(CORE, "psoID", ID=held.id, targetID=self.id))
        if not data:
            return pso
        pso.append(made(CORE, "data", *write_data(self.profile, self.namespace, held)))
        if held.references and not self.hidden:
            space = CAPABILITIES["reference"]
            shown = [
                made(space, "reference", made(space, "toPsoID", ID=to), typeOfReference=kind)
                for kind, to in held.references
            ]
            pso.append(made(CORE, "capabilityData", *shown, capabilityURI=space))
        return pso
