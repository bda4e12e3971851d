"""What is remembered of each write of an item: what it meant, because of what, and what was sent to whom. No values."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from provisioning.core.account import Account
from provisioning.core.evaluation import evaluate
from provisioning.core.identity import Identity
from provisioning.core.occurrence import IDENTITY, Change, Occurrence, Type
from provisioning.core.period import Instant
from provisioning.core.policy import Policy
from provisioning.core.transition_account import released

# An item, and one of its revisions: identity, service (IDENTITY: its own item), revision.
Written = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that was told of. `causes`: the sources that said so, or the rules that gave or took it."""

    type: Type
    service: str
    names: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """One write. `told`: the revision of this item of which something was told last, this one if it was.

    `released`: paths of the account whose values were sent to the service by this write's call, or may have been; one
    that was sent again as it was is not named again. `reason`: why the account is not as wanted. A write that others
    were not told of has an entry too: by it the next one is known to follow.
    """

    identity: str
    service: str
    revision: int
    at: Instant
    told: int
    sequence: int
    said: tuple[Said, ...] = ()
    released: tuple[str, ...] = ()
    reason: str = ""

    @property
    def written(self) -> Written:
        """Which write it was."""
        return self.identity, self.service, self.revision

    @property
    def silent(self) -> bool:
        """Whether there is nothing in it for people."""
        return not self.said and not self.released


def entry_of(change: Change, found: Sequence[Occurrence], told: int, policy: Policy) -> Entry:
    """The entry of a write. `told`: the revision that was told of last before it; `found`: what it meant."""
    new = change.new
    account = new if isinstance(new, Account) else None
    return Entry(
        change.identity,
        change.service,
        change.revision,
        change.at,
        change.revision if found else told,
        new.sequence if new is not None else 0,
        tuple(_said(change, found, policy)),
        released(change.old if isinstance(change.old, Account) else None, account) if account is not None else (),
        account.error if account is not None else "",
    )


def _said(change: Change, found: Sequence[Occurrence], policy: Policy) -> Iterable[Said]:
    old = change.old if isinstance(change.old, Identity) else Identity(change.identity)
    new = change.new if isinstance(change.new, Identity) else Identity(change.identity, sequence=old.sequence)
    entitled = change.service == IDENTITY and any(each.service for each in found)
    held = _rules(policy, new, change.at) if entitled else {}
    ended = any(each.type is Type.ENTITLEMENT_ENDED for each in found)
    before = _rules(policy, replace(old, sequence=new.sequence), change.at) if ended else {}
    for each in found:
        causes: set[str] = set()
        if change.service == IDENTITY:
            causes = held.get(each.service, set()) if each.service else _sources(old, new)
            if each.type is Type.ENTITLEMENT_ENDED:
                causes = causes | before.get(each.service, set())
        yield Said(each.type, each.service, each.names, tuple(sorted(causes)))


def _sources(old: Identity, new: Identity) -> set[str]:
    """The sources that say something else now."""
    sources = old.records.keys() | new.records.keys()
    return {source for source in sources if old.records.get(source) != new.records.get(source)}


def _rules(policy: Policy, identity: Identity, at: Instant) -> Mapping[str, set[str]]:
    """The rules that hold at an instant, by service: one evaluation, as it was made for the decision.

    None, if another bundle than the one in hand decided it: its rules are not known here.
    """
    if identity.sequence != policy.sequence:
        return {}
    matches = evaluate(policy, identity, at).matches
    return {
        service: {each.rule for each in some if each.active.start <= at < each.end} for service, some in matches.items()
    }


class Received(NamedTuple):
    """When an SP received a value at a path, or may have: for the first time, and for the last."""

    first: Instant
    last: Instant


def received(entries: Iterable[Entry]) -> Mapping[str, Mapping[str, Received]]:
    """What each service ever received of a person, by path, as far as the history reaches back."""
    found: dict[str, dict[str, Received]] = {}
    for entry in sorted(entries, key=lambda each: each.at):
        for path in entry.released:
            paths = found.setdefault(entry.service, {})
            paths[path] = Received(paths[path].first if path in paths else entry.at, entry.at)
    return {service: dict(sorted(paths.items())) for service, paths in sorted(found.items())}
