"""The types of events that are published: what each means, what its data hold. The schemas are made of this table."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from provisioning.core.account import Condition, Phase
from provisioning.core.lifecycle import Standing
from provisioning.core.occurrence import Type

VERSION: Final = 1  # of all schemas; a field may be added without a new one
_NOTHING_CHANGED: Final = "empty"
_LIVE: Final = {"live": {"type": "boolean", "description": "whether any source still knows this person"}}
_STANDING: Final = {"standing": {"enum": [each.value for each in Standing], "description": "to the service, now"}}
_ACCOUNT: Final = {
    "phase": {"enum": [each.value for each in Phase], "description": "what is known to exist at the service"},
    "condition": {"enum": [each.value for each in Condition], "description": "how that stands to what is wanted"},
    "in_doubt": {"type": "boolean", "description": "a call may or may not have had its effect"},
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of event: what it means, what `changed` names, and the JSON Schema of each field of its state.

    `sources`: its data name the sources that know the person. `service`: it is of one service. `full`: it may carry
    values of the account, to subscribers that may have them.
    """

    means: str
    names: str
    state: Mapping[str, Any]
    sources: bool = True
    service: bool = True
    full: bool = False


def _person(means: str, names: str) -> Kind:
    return Kind(means, names, _LIVE, service=False)


def _entitlement(means: str) -> Kind:
    return Kind(means, "some of standing, authorizations, until, ended, dispute", _STANDING)


def _account(means: str, names: str = _NOTHING_CHANGED, *, full: bool = False) -> Kind:
    return Kind(means, names, _ACCOUNT, sources=False, full=full)


_ATTRIBUTES: Final = "attributes of persons; `affiliations`; `record` if a source began or ceased to state the subject"
_PATHS: Final = "paths of the account's attributes; `groups`; `remote_id`. In doubt, what may have changed"
KINDS: Final[Mapping[Type, Kind]] = {
    Type.IDENTITY_CREATED: _person("A person became known.", _ATTRIBUTES),
    Type.IDENTITY_CHANGED: _person("A source says something else of a person.", _ATTRIBUTES),
    Type.IDENTITY_LINKED: _person("A record of another source was found to be of this person.", "those sources"),
    Type.IDENTITY_SPLIT: _person("A record is not of this person any more.", "its source"),
    Type.IDENTITY_CLOSED: _person("No source knows this person any more.", _ATTRIBUTES),
    Type.IDENTITY_GAP: _person(
        "Events of this person may never have been published; this is the state. Whoever needs more fetches it.",
        _NOTHING_CHANGED,
    ),
    Type.ENTITLEMENT_GRANTED: _entitlement("A person may use a service, who did not before."),
    Type.ENTITLEMENT_CHANGED: _entitlement(
        "Another end, other authorizations, grace, or the end of the retention; after a gap: the state as it is."
    ),
    Type.ENTITLEMENT_ENDED: _entitlement("A person may not use a service any more."),
    Type.ACCOUNT_CREATED: _account("An account was made, or an existing one taken over.", _PATHS, full=True),
    Type.ACCOUNT_CHANGED: _account("An account has other values or groups.", _PATHS, full=True),
    Type.ACCOUNT_SUSPENDED: _account("An account was suspended.", _PATHS, full=True),
    Type.ACCOUNT_RESUMED: _account("A suspended account is active again.", _PATHS, full=True),
    Type.ACCOUNT_REMOVED: _account("An account is there no more."),
    Type.ACCOUNT_PENDING: _account(
        "A call is under way, its outcome is not known, or a slot of the budget is awaited."
    ),
    Type.ACCOUNT_SETTLED: _account("What was under way ended, and the account is as wanted."),
    Type.ACCOUNT_FAILED: _account("The service did not do it; it is tried again."),
    Type.ACCOUNT_PARKED: _account("Trying again cannot help: a person must look."),
    Type.ACCOUNT_HELD: _account("The brake held a removal: an operator releases or withdraws it."),
    Type.ACCOUNT_REPAIRED: _account("After failures, or after it was parked, the account is as wanted."),
    Type.ACCOUNT_GAP: _account(
        "Events of this account may never have been published; this is the state. Whoever needs more fetches it.",
        full=True,
    ),
}
