"""The calls that SPML dialogues are made of, and what may be believed of their answers."""

import json
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import Final

from provisioning.core.account import Known
from provisioning.core.catalog import Service, Spml
from provisioning.core.errors import InvalidError
from provisioning.core.wire import canonical
from provisioning.protocols.dialogue import Answer, Ending, Outcome, Request
from provisioning.protocols.spml_ending import READING, failed, read_answer
from provisioning.protocols.spml_message import Reply, http, inner_replies, named
from provisioning.protocols.spml_names import CORE, SEARCH
from provisioning.protocols.spml_requests import ObjectId, close, iterate, lookup, search, shown_id, status
from provisioning.protocols.spml_values import Texts, shown_values
from provisioning.protocols.xml import Element

ALREADY: Final = "alreadyExists"
GONE: Final = "noSuchIdentifier"
PAGES: Final = 4  # answers to one search, at most
POLLS: Final = 5  # times that one look-up is asked for again, at most
_NO_SEARCH: Final = ("unsupportedOperation", "unsupportedSelectionType", "malformedRequest", "noSuchIdentifier")


@dataclass(frozen=True, slots=True)
class Line:
    """Whom a dialogue talks to, and what for.

    `done`: the steps of the operation that need no more than this call. `looked`: what is known beside them was in
    doubt, and only what the SP shows tells it.
    """

    service: Service
    options: Spml
    operation: str
    target: str | None
    done: tuple[str, ...] = ()
    looked: bool = False

    def at(self, step: str) -> "Line":
        """The line during a step, and after it."""
        return replace(self, done=(*self.done, step))


@dataclass(frozen=True, slots=True)
class Refused:
    """A call that did not do its work: the standard's code, if any, and the ending if nothing better is known.

    `reply`: the failure itself, if that was the answer.
    """

    error: str
    ending: Ending
    reply: Reply | None = None


@dataclass(frozen=True, slots=True)
class Ticket:
    """A request that the SP does later. `done`: the steps of its operation that are done once it is; the last is its.

    `looked`: as of a line.
    """

    request: str
    operation: str
    looked: bool
    done: tuple[str, ...]

    @property
    def text(self) -> str:
        """As it is kept between deliveries."""
        return canonical([self.request, self.operation, self.looked, *self.done]).decode()


def read_ticket(text: str) -> Ticket:
    """The ticket of a text that `Ticket.text` made."""
    request, operation, looked, *done = json.loads(text)
    return Ticket(request, operation, looked, tuple(done))


@dataclass(frozen=True, slots=True)
class Shown:
    """An object as the SP shows it. `values` by name in lower case; `element` is all of it."""

    id: ObjectId
    values: dict[str, Texts]
    element: Element


@dataclass(frozen=True, slots=True)
class Found:
    """What a search showed. `proven`: that this is all is beyond doubt."""

    objects: tuple[Shown, ...]
    proven: bool


def exchange(line: Line, request: Element, known: Known) -> Generator[Request, Answer, Reply | Refused]:
    """Ask for something. A change that the SP does later ends the dialogue with a ticket; a look-up is waited for."""
    mode = line.options.execution
    if mode == "synchronous" or (mode == "asynchronous" and request.name not in READING):
        request = replace(request, attributes={**request.attributes, "executionMode": mode})
    request = named(request, line.operation)
    answer = yield http(request)
    reply = read_answer(request, answer, known)
    if isinstance(reply, Ending):
        return Refused("", reply)
    if reply.status == "pending":
        # Its id is ours by the standard, so it is known also where the answer does not give it.
        request_id = reply.request_id or request.attributes["requestID"]
        if request.name not in READING:
            ticket = Ticket(request_id, line.operation, line.looked, line.done).text
            reason = f"{request.name} is pending at the SP"
            return Refused("", Ending(Outcome.UNKNOWN, known, reason, ticket=ticket))
        return (yield from _wait(line, request, request_id, known))
    return reply if reply.status == "success" else _refused(request, reply, known)


def _refused(request: Element, reply: Reply, known: Known) -> Refused:
    return Refused(reply.error, failed(request.name, reply, known), reply)


def _wait(line: Line, request: Element, request_id: str, known: Known) -> Generator[Request, Answer, Reply | Refused]:
    """The answer to a look-up that the SP gives later: asked for at once, a few times."""
    for _ in range(POLLS if request.name != "statusRequest" else 0):
        asked = yield from exchange(line, status(request_id), known)
        if isinstance(asked, Refused):  # whatever became of it, it was only a look
            return Refused("", replace(asked.ending, outcome=Outcome.TRANSIENT))
        try:
            inner = next(inner_replies(asked), None)
        except InvalidError:
            break
        if inner is not None and inner.status != "pending":
            if inner.name != request.name.removesuffix("Request") + "Response":
                break
            return inner if inner.status == "success" else _refused(request, inner, known)
    return Refused("", Ending(Outcome.TRANSIENT, known, f"{request.name} is not answered at once"))


def pso_id(reply: Reply, line: Line) -> ObjectId | None:
    """The id of the object that an answer shows, if it shows one that can be."""
    pso = reply.element.one("pso")
    return None if pso is None else _identified(line, pso)


def read(line: Line, remote: ObjectId, known: Known) -> Generator[Request, Answer, Shown | Refused]:
    """One object by its id, if it is really that one."""
    reply = yield from exchange(line, lookup(remote.element(target=line.target)), known)
    if isinstance(reply, Refused):
        return reply
    pso = reply.element.one("pso")
    shown = None if pso is None else _shown(line, pso)
    if shown is None or not _is_same(shown.id, remote) or pso is None or pso.one("data") is None:
        reason = "lookupRequest answered with something that is not the object asked for"
        return Refused("", Ending(Outcome.TRANSIENT, known, reason))
    return shown


def find(line: Line, query: Element, known: Known) -> Generator[Request, Answer, Found | Ending]:
    """The objects that a query selects, page by page up to a bound; beyond it the iterator is closed.

    A target that cannot search, or not so, shows nothing and proves nothing.
    """
    objects: list[Shown] = []
    request = search(query)
    for page in range(PAGES):
        reply = yield from exchange(line, request, known)
        if isinstance(reply, Refused):
            cannot = page == 0 and reply.error in _NO_SEARCH
            return Found((), proven=False) if cannot else reply.ending
        some = [_shown(line, pso) for pso in reply.element.all("pso", CORE, SEARCH)]
        if not all(some):
            return Ending(Outcome.TRANSIENT, known, f"{request.name} answered with an object without an id")
        objects += [each for each in some if each is not None]
        iterator = reply.element.one("iterator", CORE, SEARCH)
        if iterator is None:
            return Found(tuple(objects), proven=True)
        request = iterate(iterator.attributes.get("ID", ""))
    yield from exchange(line, close(request.children[0].attributes["ID"]), known)
    return Found(tuple(objects), proven=False)


def references(shown: Shown, kind: str) -> Iterator[str]:
    """Ids of the objects that an object refers to by this type of reference."""
    for data in shown.element.all("capabilityData"):
        for reference in data.all("reference"):
            to = reference.one("toPsoID")
            if to is not None and reference.attributes.get("typeOfReference") == kind:
                yield to.attributes.get("ID", "")


def _shown(line: Line, pso: Element) -> Shown | None:
    identifier = _identified(line, pso)
    return None if identifier is None else Shown(identifier, shown_values(line.options, pso.one("data")), pso)


def _identified(line: Line, pso: Element) -> ObjectId | None:
    """The id that an object shows. Of a target that was found out and is not configured, it says so ever after."""
    shown = shown_id(pso.one("psoID"), line.options.target)
    if shown is None or shown.target is not None or line.target == line.options.target:
        return shown
    return replace(shown, target=line.target)


def _is_same(one: ObjectId, other: ObjectId) -> bool:
    """An SP with one target need not name it."""
    return one.id == other.id and (None in (one.target, other.target) or one.target == other.target)
