"""An account that exists, made as desired: by one PATCH, or by GET, merge and PUT, or by nothing.

Loses to somebody else who changes the account between our look and our change, if the SP shows versions: it is then
looked at and planned again, a few times (RFC 7644 3.14).
"""

import operator
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from provisioning.core.account import Json, Known, Phase
from provisioning.core.changed import changed
from provisioning.core.quick import quick
from provisioning.core.scim_options import Scim
from provisioning.protocols.dialogue import Answer, Delivery, Ending, HttpRequest, Outcome, Request
from provisioning.protocols.scim_calls import (
    GONE,
    RACED,
    RACES,
    Refused,
    Resource,
    call,
    checked,
    denies,
    patch,
    place_of,
    put,
    read,
    stop,
    version_of,
)
from provisioning.protocols.scim_dialect import fitted, needs_entries, sends_whole, spoken
from provisioning.protocols.scim_lookup import MARK, marked
from provisioning.protocols.scim_merge import merged
from provisioning.protocols.scim_patch import Operation, applied, operations, shown_values
from provisioning.protocols.scim_resource import member, read_path, shows, value_at

_EMPTY: Final[tuple[Json, ...]] = (None, "", [], {})


@quick
@dataclass(frozen=True, slots=True)
class Met:
    """An account that exists. `shown`: as the SP showed it; `certain`: this dialogue has seen or made it.

    `whole`: it was read by its id; a list may show less of it than there is.
    """

    known: Known
    shown: Resource | None = None
    certain: bool = True
    made: bool = False  # by this dialogue, as desired
    whole: bool = False

    @property
    def lacks_mark(self) -> bool:
        """Whether it was seen to carry nobody's mark."""
        return self.shown is not None and marked(self.shown) is None


def look(scim: Scim, delivery: Delivery, met: Met) -> Generator[Request, Answer, Met | Ending]:
    """The account as it is now; an ending if it is not there, or is another's."""
    shown = yield from read("Users", str(met.known.remote_id), _claimed(delivery, met))
    if isinstance(shown, Refused):
        return vanished() if denies(scim, shown) else shown.ending
    if marked(shown) not in (None, delivery.identity):
        return Ending(Outcome.PERMANENT, _claimed(delivery, met), "the account has been given another's mark")
    return Met(replace(met.known, phase=phase_of(shown)), shown, whole=True)


def change(scim: Scim, delivery: Delivery, met: Met) -> Generator[Request, Answer, Known | Ending]:
    """What is known after the account was made as desired."""
    desired = delivery.desired
    refused: Refused | None = None
    for _ in range(RACES):
        if refused is not None or _must_look(scim, delivery, met):
            again = yield from look(scim, delivery, met)
            if isinstance(again, Ending):
                return again
            met = again
        request = _request(scim, delivery, met)
        refused = None if request is None else (yield from call(request, met.known))
        if refused is None or refused.status not in RACED:
            break
    if refused is not None:
        return (yield from _failed(scim, delivery, met, refused))
    return changed(met.known, phase=desired.phase, values=desired.held, filled=desired.filled)


def vanished() -> Ending:
    """The account was deleted behind our back. Not created again here: a create needs its intent first."""
    return Ending(Outcome.TRANSIENT, Known(), "the SP does not have the account any more", retry_after=0)


def doubted(delivery: Delivery, ending: Ending) -> Ending:
    """After a call whose effect is not known, the values that it carried may be there as well."""
    if ending.outcome is not Outcome.UNKNOWN:
        return ending
    values = {**ending.known.values, **delivery.desired.values}
    return stop(ending, replace(ending.known, values=values))


def phase_of(shown: Resource) -> Phase:
    """The phase of an account that the SP shows."""
    return Phase.SUSPENDED if member(shown, "active") is False else Phase.ACTIVE


def _failed(scim: Scim, delivery: Delivery, met: Met, refused: Refused) -> Generator[Request, Answer, Ending]:
    claimed = _claimed(delivery, met)
    refused = yield from checked(scim, "Users", str(met.known.remote_id), refused, claimed)
    if refused.status in GONE:
        if not met.certain:
            return vanished()
        return Ending(Outcome.TRANSIENT, claimed, "the SP shows the account and does not find it")
    ending = refused.ending
    if refused.status in RACED:
        ending = replace(ending, reason=f"{ending.reason}, {RACES} times, each after a look: see scim.etag")
    return doubted(delivery, stop(ending, claimed))


def _claimed(delivery: Delivery, met: Met) -> Known:
    """An account that nobody had marked is not ours before the mark has arrived: until then it is not claimed."""
    return delivery.known if delivery.known.remote_id is None and met.lacks_mark else met.known


def _must_look(scim: Scim, delivery: Delivery, met: Met) -> bool:
    """Whether the account must be read before it can be changed: for its version, or for what is not ours."""
    versioned = scim.etag != "required" or version_of(scim, met.shown) is not None
    if met.whole or (scim.patch and versioned and not sends_whole(scim)):
        return False
    changes = _differences(scim, delivery, met)
    return bool(changes) and (not scim.patch or not versioned or needs_entries(scim, changes))


def _request(scim: Scim, delivery: Delivery, met: Met) -> HttpRequest | None:
    """The change; None if there is nothing to change."""
    changes = _differences(scim, delivery, met)
    if not changes or met.known.remote_id is None:
        return None
    place, version = place_of("Users", met.known.remote_id), version_of(scim, met.shown)
    if scim.patch and not sends_whole(scim):
        return patch(place, spoken(scim, changes, {}), version)
    had, wanted = _values(scim, delivery, met)
    fixed = {"active": delivery.desired.phase is Phase.ACTIVE, MARK: delivery.identity}
    if not scim.patch:
        return put(place, merged(met.shown or {}, had, wanted, fixed), version)
    base = {} if scim.single_valued or met.shown is None else met.shown
    return patch(place, spoken(scim, changes, merged(base, had, wanted, fixed)), version)


def _values(scim: Scim, delivery: Delivery, met: Met) -> tuple[Mapping[str, Json], Mapping[str, Json]]:
    """What was ours, and what is wanted of an account that exists."""
    desired = delivery.desired
    had, wanted = desired.strong(met.known.values), desired.strong(desired.values)
    if met.shown is not None and not _hidden(scim, met):
        wanted = {**wanted, **_missing(delivery, met.shown)}
    return fitted(scim, had), fitted(scim, wanted)


def _differences(scim: Scim, delivery: Delivery, met: Met) -> list[Operation]:
    shown, active = met.shown, delivery.desired.phase is Phase.ACTIVE
    had, wanted = _values(scim, delivery, met)
    if shown is None or _hidden(scim, met):
        before = applied(had)
        if _hidden(scim, met) and active:  # what it became while it was inactive is not known: all is sent
            before = {text: value for text, value in before.items() if text not in wanted}
        changes = operations(before, wanted, operator.eq)
    else:
        unseen = {text: value for text, value in applied(had).items() if read_path(text).is_secret}
        changes = operations({**shown_values(shown, had, wanted), **unseen}, wanted, shows)
    if met.lacks_mark:
        changes.insert(0, {"op": "replace", "path": MARK, "value": delivery.identity})
    differs = (
        (met.known.phase is Phase.ACTIVE) is not active if shown is None else member(shown, "active") is not active
    )
    if differs:
        changes.insert(0, {"op": "replace", "path": "active", "value": active})
    return changes


def _hidden(scim: Scim, met: Met) -> bool:
    """Whether what the SP shows of the account's values is not to be compared."""
    return scim.hides_suspended and met.known.phase is Phase.SUSPENDED


def _missing(delivery: Delivery, shown: Resource) -> Mapping[str, Json]:
    """The values that fill, where the SP shows none."""
    desired = delivery.desired
    return {path: desired.values[path] for path in desired.filled if value_at(shown, read_path(path)) in _EMPTY}
