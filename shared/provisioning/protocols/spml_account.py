"""An account in SPML: its values with the engine's own, the difference to what is there, and its state."""

from collections.abc import Generator, Mapping

from provisioning.core.account import Known, Phase
from provisioning.core.catalog import Spml
from provisioning.core.errors import InvalidError
from provisioning.protocols.dialogue import Answer, Delivery, Ending, Request
from provisioning.protocols.spml_calls import Line, Refused, Shown, exchange
from provisioning.protocols.spml_lookup import marked
from provisioning.protocols.spml_message import envelope
from provisioning.protocols.spml_requests import active, read_object_id, resume, suspend
from provisioning.protocols.spml_values import Texts, at, make_data, modifications, same, texts
from provisioning.protocols.xml import Element, is_writable

_TRUE = ("true", "1")
_FALSE = ("false", "0")


def check_delivery(line: Line, delivery: Delivery) -> None:
    """Whether all that a dialogue could have to send can be sent. Raises InvalidError before anything is."""
    envelope(data_of(line, delivery))
    texts(delivery.known.values)
    remote = delivery.known.remote_id
    for text in (delivery.identity, *delivery.groups.values(), *(() if remote is None else (remote,))):
        read_object_id(text)
    for text in (delivery.identity, remote or "", *delivery.known.groups, *delivery.desired.groups):
        if not is_writable(text):
            raise InvalidError("an id or a group's name that XML cannot carry", right="no control characters")


def data_of(line: Line, delivery: Delivery) -> Element:
    """The data of a new account. Raises InvalidError for values that it cannot hold."""
    options, desired = line.options, delivery.desired
    values = {**texts(desired.values), **phase_values(options, desired.phase)}
    return make_data(options, options.entity, {**values, **_mark(options, delivery)})


def phase_values(options: Spml, phase: Phase) -> dict[str, Texts]:
    """The values that say a phase; nothing where the suspend capability does."""
    values = options.suspended if phase is Phase.SUSPENDED else options.active if phase is Phase.ACTIVE else {}
    return {name: (text,) for name, text in values.items()}


def values_change(line: Line, delivery: Delivery, known: Known, shown: Shown | None) -> list[Element]:
    """The smallest modification to what is wanted: from what the SP showed, else from what we know it to have.

    A known value None stands for one that may be there; it is told only by what is shown.
    """
    options, desired = line.options, delivery.desired
    had = {**texts(desired.strong(known.values)), **phase_values(options, known.phase)}
    wanted = {**texts(desired.strong(desired.values)), **phase_values(options, desired.phase)}
    if shown is None:
        return modifications(options, had, wanted)
    filled = {name: desired.values[name] for name in desired.filled if not at(shown.values, name)}
    wanted |= texts(filled)
    if marked(line, shown) is None:
        wanted |= _mark(options, delivery)
    names = [
        *desired.strong(known.values),
        *phase_values(options, Phase.ACTIVE),
        *phase_values(options, Phase.SUSPENDED),
    ]
    before = _shown_at(shown.values, [*names, *wanted])
    return modifications(options, before, wanted)


def _shown_at(shown: Mapping[str, Texts], names: list[str]) -> dict[str, Texts]:
    return {name: some for name in dict.fromkeys(names) if (some := at(shown, name))}


def _mark(options: Spml, delivery: Delivery) -> dict[str, Texts]:
    return {} if options.owner is None else {options.owner: (delivery.identity,)}


def seen_phase(line: Line, delivery: Delivery, shown: Shown) -> Generator[Request, Answer, Phase | Ending]:
    """The phase of an account that the SP shows: by its values, or asked for.

    A target that does not say it is told again what is wanted. One without the capability suspends nobody.
    """
    marks = phase_values(line.options, Phase.SUSPENDED)
    if marks:
        suspended = all(same(at(shown.values, name), some) for name, some in marks.items())
        return Phase.SUSPENDED if suspended else Phase.ACTIVE
    reply = yield from exchange(line, active(shown.id.element(target=line.target)), delivery.known)
    if isinstance(reply, Refused):
        return Phase.ACTIVE if reply.error == "unsupportedOperation" else reply.ending
    said = reply.element.attributes.get("active", "").strip()
    if said not in (*_TRUE, *_FALSE):
        return Phase.ACTIVE if delivery.desired.phase is Phase.SUSPENDED else Phase.SUSPENDED
    return Phase.ACTIVE if said in _TRUE else Phase.SUSPENDED


def state_change(line: Line, known: Known, phase: Phase) -> Element:
    """The request that brings an account into a phase by the suspend capability."""
    pso = read_object_id(str(known.remote_id)).element(target=line.target)
    return suspend(pso) if phase is Phase.SUSPENDED else resume(pso)
