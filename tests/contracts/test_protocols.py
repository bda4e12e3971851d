"""One table of behaviours over every protocol of the registry. What a protocol cannot have says why."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pytest

from provisioning.core.account import Desired, Known, Phase
from provisioning.core.catalog import Service
from provisioning.protocols.dialogue import Answer, Delivery, Dialogue, Ending, Outcome, Unanswered
from provisioning.protocols.ldap_message import LdapSearch
from provisioning.protocols.registry import PROTOCOLS, STAGING
from tests.contracts.providers import PROVIDERS, ScimProvider
from tests.contracts.table import ORDER
from tests.delivery.spml_provider import REFERENCES
from tests.protocols.directory import OPTIONS

Spoil = Callable[[Any, Callable[[], Answer]], Answer]
MARK = "0b8ff0e2-6f0f-4c3e-9b0f-3f6a2a1f4c11"
NOTHING_ASKED = "a row is staged, and nothing is asked of the SP"
NO_ANSWER = "nothing comes back from a queue"
CANNOT = {
    **{("extract", name): NOTHING_ASKED for name in ("conflict", "adopt", "vanish", "unknown", "throttle", "garbage")},
    ("queue", "conflict"): NO_ANSWER,
    ("queue", "adopt"): NO_ANSWER,
    ("queue", "vanish"): NO_ANSWER,
    ("webhook", "adopt"): "the receiver decides what it takes over",
    ("webhook", "vanish"): "the receiver makes what it lost",
}


@dataclass
class World:
    """A protocol, its SP, and one account's delivery as a stage would lead it: look after every doubt."""

    protocol: str
    provider: Any = None
    known: Known = field(default_factory=Known)
    groups: dict[str, str] = field(default_factory=dict)
    turn: int = 0
    adopt: str = "never"

    def __post_init__(self) -> None:
        self.provider = PROVIDERS[self.protocol]()

    @property
    def service(self) -> Service:
        fields = {
            "id": "library",
            "protocol": self.protocol,
            "endpoint": "https://sp",
            "account": {"userName": "x"},
            "ldap": OPTIONS,
            "spml": REFERENCES,
        }
        return Service.model_validate({**fields, "adopt": self.adopt, "create_groups": True})

    def want(self, phase: Phase, user_name: str = "ann", groups: tuple[str, ...] = ()) -> Desired:
        """What is wanted from now on. Groups that are needed are made first."""
        self.turn += 1
        make_group = PROTOCOLS[self.protocol].make_group if self.protocol in PROTOCOLS else None
        if make_group is not None:
            made = {name: self.run(make_group(self.service, name, False)) for name in groups}
            self.groups |= {name: str(ending.known.remote_id) for name, ending in made.items()}
        return Desired(phase, {} if phase is Phase.ABSENT else {"userName": user_name}, groups)

    def deliver(self, desired: Desired, *spoils: Spoil, look: bool = False) -> Ending:
        """One dialogue. Each spoil decides the answer to one request, the rest are answered by the SP."""
        if self.protocol in STAGING:
            assert not spoils
            self.known = self.provider.rows[MARK] = STAGING[self.protocol].stage(self.service, desired, self.known)
            return Ending(Outcome.DONE, self.known)
        delivery = Delivery(MARK, desired, self.known, look, f"operation-{self.turn}", self.turn, self.groups)
        ending = self.run(PROTOCOLS[self.protocol].deliver(self.service, delivery), *spoils)
        self.known = ending.known
        return ending

    def done(self, desired: Desired, look: bool = False) -> None:
        ending = self.deliver(desired, look=look)
        assert ending.outcome is Outcome.DONE, ending

    def run(self, dialogue: Dialogue, *spoils: Spoil) -> Ending:
        left = list(spoils)
        try:
            request = next(dialogue)
            while True:
                effect = partial(self.provider.answer, request)
                spoilt = left and not isinstance(request, LdapSearch)  # a look before a change leaves nothing in doubt
                request = dialogue.send(left.pop(0)(self.provider, effect) if spoilt else effect())
        except StopIteration as stopped:
            ending: Ending = stopped.value
            return ending

    @property
    def account(self) -> tuple[str, str, list[str]] | None:
        found: tuple[str, str, list[str]] | None = self.provider.accounts().get(MARK)
        return found


def lost_after(provider: Any, effect: Callable[[], Answer]) -> Answer:
    effect()
    return Unanswered("no answer", sent=True)


def lost_before(provider: Any, effect: Callable[[], Answer]) -> Answer:
    return Unanswered("no answer", sent=True)


def create(world: World) -> None:
    world.done(world.want(Phase.ACTIVE, groups=("readers",)))
    assert world.account == ("active", "ann", ["readers"])
    world.done(world.want(Phase.ACTIVE, "anna", groups=("writers",)))
    assert world.account == ("active", "anna", ["writers"])


def repeat(world: World) -> None:
    wanted = world.want(Phase.ACTIVE)
    world.done(wanted)
    before = world.known
    world.done(wanted)
    assert (world.account, world.known) == (("active", "ann", []), before)


def conflict(world: World) -> None:
    world.provider.plant("ann", "another")
    ending = world.deliver(world.want(Phase.ACTIVE))
    assert (ending.outcome, world.known, world.account) == (Outcome.PERMANENT, Known(), None)
    assert world.provider.accounts() == {"another": ("active", "ann", [])}


def adopt(world: World) -> None:
    world.provider.plant("ann", None)
    assert world.deliver(world.want(Phase.ACTIVE)).outcome is Outcome.PERMANENT
    world.adopt = "match"
    world.done(world.want(Phase.ACTIVE))
    assert world.provider.accounts() == {MARK: ("active", "ann", [])}


def suspend(world: World) -> None:
    world.done(world.want(Phase.ACTIVE, groups=("readers",)))
    world.done(world.want(Phase.SUSPENDED))
    assert (world.account, world.known.phase) == (("suspended", "ann", []), Phase.SUSPENDED)


def resume(world: World) -> None:
    suspend(world)
    world.done(world.want(Phase.ACTIVE, groups=("readers",)))
    assert world.account == ("active", "ann", ["readers"])


def delete(world: World) -> None:
    world.done(world.want(Phase.ACTIVE, groups=("readers",)))
    for _ in range(2):
        world.done(world.want(Phase.ABSENT))
        # Of a row that is gone the key stays, by which the SP is told.
        assert (world.account, replace(world.known, values={}, staged=False)) == (None, Known())


def vanish(world: World) -> None:
    world.done(world.want(Phase.ACTIVE))
    world.provider.remove_all()
    wanted = world.want(Phase.ACTIVE, "anna")
    ending = world.deliver(wanted)
    assert (ending.outcome, ending.known, ending.retry_after, world.account) == (Outcome.TRANSIENT, Known(), 0, None)
    world.done(wanted)
    assert world.account == ("active", "anna", [])
    world.provider.remove_all()
    world.done(world.want(Phase.ABSENT))


def unknown(world: World) -> None:
    steps = [("ann", Phase.ACTIVE), ("anna", Phase.ACTIVE), ("anna", Phase.SUSPENDED), ("", Phase.ABSENT)]
    for name, phase in steps:
        for spoil in (lost_before, lost_after):
            wanted = world.want(phase, name)
            ending = world.deliver(wanted, spoil)
            if ending.outcome is Outcome.DONE:  # there was nothing left to do
                continue
            assert ending.outcome is Outcome.UNKNOWN
            world.done(wanted, look=True)
            assert world.account == (None if phase is Phase.ABSENT else (phase.value, name, []))
        assert len(world.provider.accounts()) <= 1


def throttle(world: World) -> None:
    wanted = world.want(Phase.ACTIVE)
    ending = world.deliver(wanted, lambda provider, effect: provider.throttled())
    assert (ending.outcome, world.account) == (Outcome.TRANSIENT, None)
    world.done(wanted)
    assert world.account == ("active", "ann", [])


def garbage(world: World) -> None:
    wanted = world.want(Phase.ACTIVE)
    ending = world.deliver(wanted, lambda provider, effect: provider.garbage())
    assert (ending.outcome, ending.known.remote_id) == (Outcome.UNKNOWN, None)
    world.done(wanted, look=True)
    assert world.account == ("active", "ann", [])


BEHAVIOURS: dict[str, Callable[[World], None]] = {
    behaviour.__name__: behaviour
    for behaviour in (
        create,
        repeat,
        conflict,
        adopt,
        suspend,
        resume,
        delete,
        vanish,
        unknown,
        throttle,
        garbage,
    )
}
CASES = [
    pytest.param(
        protocol, name, id=f"{protocol}-{name}",
        marks=[pytest.mark.skip(reason=CANNOT[protocol, name])] if (protocol, name) in CANNOT else [],
    )
    for protocol in sorted({*PROTOCOLS, *STAGING})
    for name in BEHAVIOURS
]  # fmt: skip


@pytest.mark.parametrize(("protocol", "behaviour"), CASES)
def test_every_protocol_behaves(protocol: str, behaviour: str) -> None:
    BEHAVIOURS[behaviour](World(protocol))


def test_every_protocol_has_a_provider_to_be_tested_with() -> None:
    assert tuple(BEHAVIOURS) == ORDER
    assert PROVIDERS.keys() == {*PROTOCOLS, *STAGING}
    assert {protocol for protocol, _ in CANNOT} <= PROVIDERS.keys()
    assert isinstance(PROVIDERS["scim"](), ScimProvider)


def test_every_protocol_of_the_catalog_is_in_the_registry() -> None:
    for protocol in PROTOCOLS:
        assert World(protocol).service.protocol == protocol
    assert set(Service.model_json_schema()["properties"]["protocol"]["enum"]) == {*PROTOCOLS, *STAGING}
