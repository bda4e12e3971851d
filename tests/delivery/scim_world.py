"""One account's deliveries to an SP of ours over real HTTP, as a stage would lead them: look after every doubt."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from provisioning.adapters.delivery.driver import Courier
from provisioning.adapters.delivery.http import HttpCaller
from provisioning.adapters.delivery.secrets import Secrets
from provisioning.core.account import Desired, Json, Known, Phase
from provisioning.core.catalog import Service
from provisioning.protocols.dialogue import Answer, Delivery, Ending, HttpRequest, HttpResponse, Outcome, Unanswered
from provisioning.protocols.scim import deliver
from provisioning.protocols.scim_check import check
from provisioning.protocols.scim_groups import make_group
from tests.delivery.conftest import no_queue, read_secret
from tests.delivery.grader import Grader
from tests.delivery.scim_sp import EXTENSION, Rules, Sp, running

MARK = "0b8ff0e2-6f0f-4c3e-9b0f-3f6a2a1f4c11"
DEPARTMENT = f"{EXTENSION}:department"
MANAGER = f"{EXTENSION}:manager.value"
BADGE = "urn:acme:params:scim:schemas:campus:1.0:User:badge"
VALUES = {
    "userName": "ann.other",
    "displayName": "Ann Other",
    "name.givenName": "Ann",
    "name.familyName": "Other",
    'emails[type eq "work"].value': "ann@a.edu",
    DEPARTMENT: "arts",
    MANAGER: "26118915",
    BADGE: "17",
}
NOTHING: Mapping[str, Json] = {}
Spoil = Literal["lost before", "lost after", "garbage"]


@dataclass
class Wire:
    """The real caller, of which the next change can be spoilt."""

    caller: HttpCaller
    spoil: Spoil | None = None

    async def __call__(self, service: Service, request: HttpRequest, within: float) -> Answer:
        spoil = self.spoil if request.method != "GET" else None
        if spoil is not None:
            self.spoil = None
        if spoil == "lost before":
            return Unanswered("no answer", sent=True)
        answer = await self.caller(service, request, within)
        if spoil == "lost after":
            return Unanswered("no answer", sent=True)
        return HttpResponse(200, {"content-type": "text/html"}, b"<html>Welcome") if spoil == "garbage" else answer


@dataclass
class World:
    """An SP and the account at it."""

    sp: Sp
    grader: Grader
    wire: Wire
    courier: Courier
    service: Service
    values: dict[str, Json]
    once: frozenset[str] = frozenset()
    known: Known = field(default_factory=Known)
    groups: dict[str, str] = field(default_factory=dict)

    async def want(
        self, phase: Phase = Phase.ACTIVE, groups: tuple[str, ...] = (), changes: Mapping[str, Json] = NOTHING
    ) -> Desired:
        """What is wanted from now on; a value of None is not. Groups that are needed are made first."""
        for name in groups:
            if name not in self.groups:
                made = await self.converse(make_group(self.service, name, False))
                assert made.outcome is Outcome.DONE, made
                self.groups[name] = str(made.known.remote_id)
        wanted = {path: value for path, value in {**self.values, **changes}.items() if value is not None}
        return Desired(phase, {} if phase is Phase.ABSENT else wanted, groups, once=self.once)

    async def deliver(self, desired: Desired, *, look: bool = False) -> Ending:
        """One dialogue; what it ends with is known from then on."""
        delivery = Delivery(MARK, desired, self.known, look, "operation-1", 1, self.groups)
        ending = await self.converse(deliver(self.service, delivery))
        self.known = ending.known
        return ending

    async def converse(self, dialogue: Any) -> Ending:
        self.grader.dialogue += 1
        return await self.courier.converse(self.service, dialogue)

    async def done(self, desired: Desired, *, look: bool = False) -> list[str]:
        """A dialogue that must be done: the methods of its calls."""
        before = len(self.grader.calls)
        ending = await self.deliver(desired, look=look)
        assert ending.outcome is Outcome.DONE, ending
        return [call.method for call in self.grader.calls[before:]]

    @property
    def user(self) -> dict[str, Any] | None:
        """The account with our mark, as the SP holds it."""
        return next((user for user in self.sp.users.values() if user.get("externalId") == MARK), None)

    @property
    def memberships(self) -> list[str]:
        """The names of the groups that it is in."""
        held = self.sp.groups.values()
        mine = [group for group in held if {"value": self.known.remote_id} in group.get("members", [])]
        return sorted(group["displayName"] for group in mine)


@asynccontextmanager
async def world(
    rules: Rules, scim: dict[str, Any], *, heeds_versions: bool = True, **changes: Any
) -> AsyncIterator[World]:
    """A world whose exchanges are judged at its end. `scim`: the service's options; `changes`: its other fields."""
    sp = Sp(rules)
    grader = Grader(sp, versions=heeds_versions, removes_values=rules.remove_member == "value")
    values: dict[str, Json] = dict(VALUES)
    once: frozenset[str] = frozenset()
    if "password" in rules.required:
        values["password"], once = "correct horse", frozenset({"password"})
    with running(grader) as url:
        fields = {"id": "library", "protocol": "scim", "endpoint": url, "secret": "library", "private": True}
        account = dict.fromkeys(values, "person.x")
        service = Service.model_validate({**fields, "account": account, "create_groups": True, "scim": scim, **changes})
        assert list(check(service)) == []
        caller = HttpCaller(Secrets(read_secret))
        wire = Wire(caller)
        yield World(sp, grader, wire, Courier(wire, no_queue), service, values, once)
        await caller.close()
