"""What reconcile needs, and one message of it at work."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from provisioning.core.catalog import Reconcile as Options
from provisioning.core.catalog import Service
from provisioning.core.difference import Class, Compared, token
from provisioning.core.errors import PermanentError
from provisioning.core.period import Instant
from provisioning.core.policy import Policy
from provisioning.core.reconcile_part import Left, Part, Want, read_part, write_part
from provisioning.core.reconciled import Reconciled, Run
from provisioning.ports import Accounts, Asking, Bells, Policies, Reconciles, Staged, Standings
from provisioning.protocols.listing import Lists
from provisioning.stages.message import Log
from provisioning.stages.reconcile_orders import Do, Order, write_order

BUDGET: Final = 60.0  # seconds of one message, after which nothing new is begun
IN_ONE_GO: Final = 600.0  # the same, for an SP whose list another process would have to read from its beginning
PART: Final = 5000  # entries of one file, about
_OF_OURS: Final = (Class.MISSING, Class.FOREIGN, Class.DRIFTED, Class.SETTLED)  # said of the very account that we know


@dataclass(frozen=True, slots=True)
class Reconcile:
    """What reconcile needs. `held` reads accounts; `seconds`: the instant as it is; `clock` in seconds, of anything."""

    service: str
    policies: Policies
    accounts: Accounts
    held: Staged
    standings: Standings
    reconciles: Reconciles
    courier: Asking
    bells: Bells
    seconds: Callable[[], Instant]
    clock: Callable[[], float]
    log: Log


@dataclass(slots=True)
class Work:
    """One message at work: `item` is as it was stored last, `part` is not stored yet.

    From the files of the run: `remotes`, tokens of who was shown; `identities`, of whom an account of ours was;
    `matches`, by the token of its match value, whose; `left`, by remote id in its one form; `beside`, by identity, how
    many of those bear its mark; `wants`, by token, who; `said`, remote ids of left ones of whom something was found.
    """

    shell: Reconcile
    policy: Policy
    service: Service
    options: Options
    lists: Lists
    item: Reconciled
    deadline: float
    part: Part = field(default_factory=Part)
    remotes: set[str] = field(default_factory=set)
    identities: set[str] = field(default_factory=set)
    matches: dict[str, str] = field(default_factory=dict)
    left: dict[str, Left] = field(default_factory=dict)
    beside: Counter[str] = field(default_factory=Counter)
    wants: dict[str, str] = field(default_factory=dict)
    said: set[str] = field(default_factory=set)

    @property
    def has_time(self) -> bool:
        """Whether another step may be begun."""
        return self.shell.clock() < self.deadline

    @property
    def run(self) -> Run:
        """The run under way."""
        if self.item.run is None:
            raise PermanentError("no run is under way")
        return self.item.run

    @property
    def how(self) -> Compared:
        """How accounts of this service are compared."""
        mapping = self.policy.mappings[self.service.id]
        return Compared(
            self.lists.same(self.service), mapping.once | mapping.fill, self.service.settling,
            self.lists.marks(self.service), self.lists.canonical,
        )  # fmt: skip

    async def load(self) -> None:
        """Read what earlier messages of this run have found."""
        for name in self.run.parts:
            self.remember(read_part(await self.shell.reconciles.file(name)))

    def remember(self, part: Part) -> None:
        """Know what a file holds."""
        for row in part.rows:
            self.remotes.add(row.remote)
            if row.identity:
                self.identities.add(row.identity)
                if row.match:
                    self.matches[row.match] = row.identity
        for left in part.left:
            self.leave(left)
        self.wants.update((want.match, want.identity) for want in part.wants)
        for finding in part.found:
            self.said.add(self.lists.canonical(finding.remote_id))
            if finding.kind in _OF_OURS and finding.identity:
                self.identities.add(finding.identity)

    def leave(self, left: Left) -> None:
        """Somebody was shown of whom it is not said yet who that is."""
        self.left[self.lists.canonical(left.remote_id)] = left
        if left.identity:
            self.beside[left.identity] += 1

    def token_of(self, remote_id: str) -> str:
        """What stands for a remote id."""
        return token(self.lists.canonical(remote_id))

    def want(self, match: str, identity: str) -> None:
        """Somebody wants an account with this match value."""
        self.wants[match] = identity
        self.part.wants.append(Want(match, identity))

    async def save(self, run: Run | None) -> None:
        """Store how far the run has come, and before that what it found."""
        if run is not None:
            if not self.part.is_empty:
                # A name that nobody else writes: a process that lost its race knows an older revision.
                name = f"{self.service.id}/{run.number:06d}/{len(run.parts) + 1:05d}-{self.item.revision}"
                await self.shell.reconciles.keep_file(name, write_part(self.part))
                run = replace(run, parts=(*run.parts, name))
                self.part = Part()
            run = replace(run, touched_at=self.shell.seconds())
        await self.put(replace(self.item, run=run))

    async def put(self, item: Reconciled) -> None:
        """Store the item."""
        # Loses to another process that made this step first: it goes on, and ours ends here.
        await self.shell.reconciles.put_reconciled(item)
        self.item = replace(item, revision=item.revision + 1)

    async def go_on(self, delay: int = 0) -> None:
        """Have the run gone on with."""
        await self.shell.reconciles.continue_reconcile(order_to_go(self.item), delay)


def order_to_go(item: Reconciled) -> str:
    """The message by which a run goes on from where it is."""
    return write_order(Order(Do.GO, number=item.number, revision=item.revision))
