"""What an SPML SP supports: the targets that it lists, and whether a search that matches nobody shows nobody."""

from collections.abc import Generator, Iterator
from typing import Final

from provisioning.core.account import Known
from provisioning.core.catalog import Service
from provisioning.core.errors import InvalidError
from provisioning.protocols.dialogue import Answer, Request
from provisioning.protocols.probing import NOBODY, Notes, Probing, listed, plain, refused
from provisioning.protocols.spml_calls import Line, Refused, exchange
from provisioning.protocols.spml_lookup import capabilities_of, profile_of, targets_of
from provisioning.protocols.spml_message import Reply
from provisioning.protocols.spml_names import BATCH, CORE, REFERENCE, SEARCH, SUSPEND
from provisioning.protocols.spml_requests import close, list_targets, query, search
from provisioning.protocols.spml_values import equals
from provisioning.protocols.xml import Element

MOST: Final = 5  # targets that are looked into
_MODEST: Final = {"operations": 10, "payload": 262_144}  # of a batch: what one invocation of deliver has to say


def probe(service: Service) -> Probing:
    """Ask for the targets, and search each that fits. Without a list of targets it ends with nothing found."""
    if service.spml is None:
        raise InvalidError("an SPML target needs `spml`", f"services/{service.id}.spml", right="at least its entity")
    line, notes = Line(service, service.spml, "probe", service.spml.target), Notes()
    reply = yield from exchange(line, list_targets(), Known())
    if isinstance(reply, Refused):
        return refused(plain(reply.ending.reason))
    targets = list(reply.element.all("target"))
    notes.note("targets", listed(map(_named, targets)), agrees=bool(targets))
    _choice(line, notes, reply)
    for target in targets[:MOST]:
        identifier = target.attributes.get("targetID")
        if service.spml.target in (None, identifier):
            _capabilities(line, notes, target)
            _schema(line, notes, target)
            if SEARCH in capabilities_of(target):
                yield from _searches(Line(service, service.spml, "probe", identifier), notes)
    return notes.found()


def _choice(line: Line, notes: Notes, reply: Reply) -> None:
    """Which target, and which profile, the settings should name."""
    targets = list(reply.element.all("target"))
    fitting = targets_of(reply, line.options.profile)
    wanted = line.options.target
    if wanted is not None and wanted not in [target.attributes.get("targetID") for target in targets]:
        notes.contradicts("spml.target", f"the SP lists no target {plain(wanted)}")
    if len(fitting) == 1 and fitting[0] is not None and plain(fitting[0]) == fitting[0]:
        notes.propose("spml.target", fitting[0], "the one target that fits; a look for it is saved")
    profiles = {profile for target in targets if (profile := profile_of(target)) is not None}
    if len(profiles) == 1:
        notes.propose("spml.profile", profiles.pop(), "the profile that the SP's targets are of")


def _capabilities(line: Line, notes: Notes, target: Element) -> None:
    """Hold the capabilities against what the service's settings need."""
    offered, held = capabilities_of(target), line.options
    needs = (
        (SUSPEND, not held.suspended, "accounts cannot be suspended; `active` and `suspended` may do it"),
        (SEARCH, held.identifier != "identity", "accounts cannot be looked up; `identifier: identity` may do it"),
        (REFERENCE, held.reference is not None, "`reference` cannot be used; `member_of` may do it"),
    )
    lacks = [f"{_short(space)} is missing: {why}" for space, needed, why in needs if needed and space not in offered]
    says = listed([_short(space) for space in sorted(offered)])
    seen = "; ".join(lacks) or "all that the settings need"
    notes.note(f"capabilities of {_named(target)}", seen, says, agrees=not lacks)
    if BATCH in offered and held.batch is None and held.execution != "asynchronous":
        notes.propose("spml.batch", dict(_MODEST), "it takes batches; how large they may be SPML has no word for")


def _schema(line: Line, notes: Notes, target: Element) -> None:
    """Hold a DSML schema's attributes against the mapping; a schema of another form is not read."""
    defined = {name.casefold() for schema in target.all("schema") for name in _attributes(schema)}
    if not defined:
        notes.unseen(f"schema of {_named(target)}", "it defines no attributes in DSML's form")
        return
    names = [*line.service.account, *filter(None, (line.options.owner, line.options.member_of))]
    unknown = [name for name in names if name.casefold() not in defined]
    seen = f"it has no {listed(unknown)}" if unknown else "it has all that is mapped"
    notes.note(f"schema of {_named(target)}", seen, f"{len(defined)} attributes", agrees=not unknown)


def _searches(line: Line, notes: Notes) -> Generator[Request, Answer, None]:
    for name in dict.fromkeys(filter(None, (line.options.owner, line.service.match))):
        about = f"search by {name}"
        wanted = query(equals(line.options, name, NOBODY), line.target, line.options.container)
        reply = yield from exchange(line, search(wanted), Known())
        if isinstance(reply, Refused):
            notes.contradicts(about, plain(reply.ending.reason), "supported")
            continue
        shown = len(list(reply.element.all("pso", CORE, SEARCH)))
        seen = (
            f"ignored: one that matches nobody gave {shown} objects" if shown else "one that matches nobody gave nobody"
        )
        notes.note(about, seen, "supported", agrees=not shown)
        iterator = reply.element.one("iterator", CORE, SEARCH)
        if iterator is not None and iterator.attributes.get("ID"):
            yield from exchange(line, close(iterator.attributes["ID"]), Known())


def _attributes(element: Element) -> Iterator[str]:
    """Names of the attributes that a schema of the DSML profile defines (its section 4)."""
    for child in element.children:
        if child.name == "attributeDefinition":
            yield child.attributes.get("name", "")
        yield from _attributes(child)


def _named(target: Element) -> str:
    return plain(target.attributes.get("targetID") or "a target without an id")


def _short(namespace: str) -> str:
    return plain(namespace.removeprefix(f"{CORE}:"))
