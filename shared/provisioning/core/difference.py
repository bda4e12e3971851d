"""Theirs × ours → what each account is: settled, drifted, missing, orphan, duplicate, foreign, or not yet to be said.

Nothing here leads to a removal: there is no such class, and what is missing is looked for again before it is made.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from provisioning.core.account import Account, Condition, Json, Phase
from provisioning.core.period import Instant
from provisioning.core.wire import digest_of

PHASE: Final = "phase"  # stands among the attributes that differ, as do these
MARK: Final = "mark"
REMOTE_ID: Final = "remote_id"
_ANSWERED: Final = (Condition.SETTLED, Condition.JOINING)


class Class(StrEnum):
    """What an account is."""

    SETTLED = "settled"
    DRIFTED = "drifted"  # ours, and the SP shows other values than we applied
    MISSING = "missing"  # ours, and a complete list does not show it
    ORPHAN = "orphan"  # nobody's; or it bears our mark, and we know of no account
    DUPLICATE = "duplicate"  # beside one of ours, with its mark or its match value
    FOREIGN = "foreign"  # it bears another's mark
    OPEN = "open"  # ours; a delivery is under way, or a person is asked


Same = Callable[[str, Json, Json], bool]
"""Whether what is shown at a path is what we applied there, by the protocol's own comparison; what no SP shows is."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An account as the SP's list shows it. `values`: at the service's own paths only; None: they are not shown.

    `match`: its match value without case, or nothing. `gone`: the SP keeps removed accounts, and this is one.
    """

    remote_id: str
    mark: str | None = None
    match: str = ""
    phase: Phase = Phase.ACTIVE
    values: Mapping[str, Json] | None = field(default_factory=dict)
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """What one account is. `identity`: whose it is or seems to be. `attributes`: names of those that differ.

    `unshown`: of these, the ones of which the SP shows nothing at all.
    """

    kind: Class
    remote_id: str
    identity: str = ""
    attributes: tuple[str, ...] = ()
    unshown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Compared:
    """How accounts are compared. `weak`: paths of strength `create` and `fill`, at which nothing ever drifts.

    `settling`: seconds until the SP's list shows what a delivery did. `marks`: accounts bear their owner's mark.
    `canonical`: a remote id in the one form in which it is compared.
    """

    same: Same
    weak: frozenset[str] = frozenset()
    settling: int = 0
    marks: bool = True
    canonical: Callable[[str], str] = str

    def is_it(self, shown: Shown, account: Account) -> bool:
        """Whether an account that is shown is the very one that we know, by its remote id."""
        known = account.known.remote_id
        return known is not None and self.canonical(known) == self.canonical(shown.remote_id)


def is_open(account: Account, observed: Instant, settling: int) -> bool:
    """Whether nothing can be said of an account of ours by what the SP showed at `observed`: it may be on its way."""
    if account.intent is not None or account.condition not in _ANSWERED:
        return True
    return account.changed_at + settling >= observed


def classify(shown: Shown, account: Account, how: Compared, observed: Instant) -> Finding:
    """What a shown account is that bears the mark of an identity of ours. `account`: what we know of that."""
    known, identity = account.known, account.identity
    opened = is_open(account, observed, how.settling)
    if how.is_it(shown, account):
        if opened:
            return Finding(Class.OPEN, shown.remote_id, identity)
        return drift(shown, account, how)
    if known.phase is not Phase.ABSENT:
        return Finding(Class.OPEN if opened else Class.DUPLICATE, shown.remote_id, identity)
    # A conflict that parked the account is no delivery on its way: what stands in its way is what is found here.
    if opened and account.condition is not Condition.PARKED:
        return Finding(Class.OPEN, shown.remote_id, identity)
    return Finding(Class.SETTLED if shown.gone else Class.ORPHAN, shown.remote_id, identity)


def drift(shown: Shown, account: Account, how: Compared) -> Finding:
    """Whether an account that is ours is as we left it. Only what we applied, and what stays ours, is compared."""
    names = [MARK] if shown.mark is None and how.marks else []
    if shown.phase is not account.known.phase:
        names.append(PHASE)
    unshown: list[str] = []
    applied = account.known.values if shown.values is not None else {}
    for path, value in sorted(applied.items()):
        if path in how.weak or value is None:
            continue
        there = (shown.values or {}).get(path)
        if not how.same(path, there, value):
            names.append(path)
            if there is None:
                unshown.append(path)
    kind = Class.DRIFTED if names else Class.SETTLED
    return Finding(kind, shown.remote_id, account.identity, tuple(names), tuple(unshown))


def heeded(finding: Finding, unkept: frozenset[str]) -> Finding:
    """The finding without the attributes that the SP does not keep: to write them again would never end."""
    if finding.kind is not Class.DRIFTED or unkept.isdisjoint(finding.unshown):
        return finding
    names = tuple(name for name in finding.attributes if not (name in finding.unshown and name in unkept))
    return Finding(Class.DRIFTED if names else Class.SETTLED, finding.remote_id, finding.identity, names)


def token(text: str) -> str:
    """What stands for an id or a match value where only sameness matters: it is remembered and is nobody's name."""
    return digest_of(text)[:12] if text else ""
