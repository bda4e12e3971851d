"""Versions, PUT and cursors against an SP that is not ours: scim2-server on loopback, judged by the standards."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from scim2_models import Pagination
from scim2_server.memory import InMemoryStorage
from scim2_server.service import ScimService
from scim2_server.testserver.application import BearerTokenApplication
from scim2_server.utils import load_default_provider

from provisioning.adapters.delivery.driver import Courier
from provisioning.core.account import Desired, Known, Phase
from provisioning.core.catalog import Service
from provisioning.protocols.dialogue import Delivery, Ending, Outcome
from provisioning.protocols.scim import deliver
from provisioning.protocols.scim_groups import make_group
from tests.delivery.conftest import TOKEN, Provider
from tests.delivery.grader import Grader
from tests.delivery.scim_sp import running

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
IDENTITY = "0b8ff0e2-6f0f-4c3e-9b0f-3f6a2a1f4c11"
WORK = 'emails[type eq "work"].value'
NOTHING: Mapping[str, str] = {}
VALUES = {"userName": "ann.other", "name.givenName": "Ann", WORK: "ann@a.edu", f"{ENTERPRISE}:department": "arts"}


@dataclass
class Meddler:
    """Before the next request of a method reaches the SP, somebody else has done something."""

    application: Any
    before: dict[str, Callable[[], None]] = field(default_factory=dict)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.before.pop(environ["REQUEST_METHOD"], lambda: None)()
        chunks: Iterable[bytes] = self.application(environ, start_response)
        return chunks


@dataclass
class World:
    provider: Provider
    courier: Courier
    meddler: Meddler
    known: Known = field(default_factory=Known)
    groups: dict[str, str] = field(default_factory=dict)
    scim: dict[str, Any] = field(default_factory=dict)

    @property
    def service(self) -> Service:
        fields = {"id": "library", "protocol": "scim", "endpoint": self.provider.url, "secret": "library"}
        account = dict.fromkeys(VALUES, "x")
        return Service.model_validate(
            {**fields, "private": True, "account": account, "create_groups": True, "scim": self.scim}
        )

    async def deliver(
        self,
        phase: Phase = Phase.ACTIVE,
        groups: tuple[str, ...] = (),
        changes: Mapping[str, str] = NOTHING,
        *,
        look: bool = False,
    ) -> Ending:
        self.provider.grader.dialogue += 1
        for name in groups:
            if name not in self.groups:
                made = await self.courier.converse(self.service, make_group(self.service, name, False))
                self.groups[name] = str(made.known.remote_id)
        desired = Desired(phase, {} if phase is Phase.ABSENT else {**VALUES, **changes}, groups)
        delivery = Delivery(IDENTITY, desired, self.known, look, "operation-1", 1, self.groups)
        ending = await self.courier.converse(self.service, deliver(self.service, delivery))
        self.known = ending.known
        return ending

    async def done(self, *arguments: Any, look: bool = False) -> list[str]:
        """A dialogue that must be done: the methods of its calls."""
        before = len(self.provider.grader.calls)
        ending = await self.deliver(*arguments, look=look)
        assert ending.outcome is Outcome.DONE, ending
        return [call.method for call in self.provider.grader.calls[before:]]

    def theirs(self, method: str, **values: Any) -> None:
        """Before our next request of this method, another administrator changes the account, and so its version."""

        def change() -> None:
            storage = self.provider.storage
            (user,) = [item for item in storage.resources if item.model_dump().get("userName")]
            assert user.meta is not None
            for name, value in values.items():
                setattr(user, name, value)
            user.meta.version = f'W/"{values}"'
            storage.resources = [item for item in storage.resources if item.id != user.id] + [user]

        self.meddler.before[method] = change


@pytest.fixture
def at(provider: Provider, courier: Courier) -> World:
    meddler = Meddler(provider.grader.application)
    provider.grader.application = meddler
    return World(provider, courier, meddler)


async def test_a_change_after_a_look_loses_to_somebody_else_and_is_planned_again(at: World) -> None:
    await at.done()
    at.theirs("PATCH", nick_name="Annie", title="Dr")
    assert await at.done(Phase.ACTIVE, (), {"name.givenName": "Anna"}, look=True) == ["GET", "PATCH", "GET", "PATCH"]
    (user,) = at.provider.users
    assert (user["name"]["givenName"], user["nickName"], user["title"]) == ("Anna", "Annie", "Dr")
    assert [call.status for call in at.provider.grader.calls[-3:]] == [412, 200, 204]


async def test_what_somebody_else_did_meanwhile_may_leave_nothing_to_do(at: World) -> None:
    await at.done()
    at.theirs("PATCH", active=False)
    assert await at.done(Phase.SUSPENDED, look=True) == ["GET", "PATCH", "GET"]
    assert at.known.phase is Phase.SUSPENDED


async def test_put_where_patch_is_not_wanted(at: World) -> None:
    at.scim = {"patch": False}
    await at.done(Phase.ACTIVE, ("readers",))
    at.theirs("PUT", nick_name="Annie")
    changes = {"name.givenName": "Anna", WORK: "anna@a.edu", f"{ENTERPRISE}:department": "law"}
    assert await at.done(Phase.ACTIVE, ("readers",), changes) == ["GET", "PUT", "GET", "PUT"]
    (user,) = at.provider.users
    assert (user["nickName"], user["name"]["givenName"], user[ENTERPRISE]) == ("Annie", "Anna", {"department": "law"})
    assert user["emails"] == [{"type": "work", "value": "anna@a.edu"}]
    (group,) = at.provider.groups
    assert [item["value"] for item in group["members"]] == [at.known.remote_id]
    await at.done(Phase.SUSPENDED)
    assert (at.provider.users[0]["active"], at.provider.groups[0].get("members") or []) == (False, [])
    await at.done(Phase.ABSENT)
    assert at.provider.users == []


async def test_a_deletion_after_a_look_is_of_the_version_that_was_seen(at: World) -> None:
    await at.done()
    at.known = Known(values=VALUES)
    at.theirs("DELETE", nick_name="Annie")
    assert await at.done(Phase.ABSENT, look=True) == ["GET", "DELETE", "GET", "DELETE"]
    at.known = Known()
    await at.done()
    at.known = Known(values=VALUES)
    at.theirs("DELETE", external_id="another")
    ending = await at.deliver(Phase.ABSENT, look=True)
    assert (ending.outcome, len(at.provider.users)) == (Outcome.PERMANENT, 1)


@pytest.fixture
async def by_cursor(courier: Courier) -> AsyncIterator[World]:
    """scim2-server that pages by cursor (RFC 9865)."""
    provider = load_default_provider()
    assert provider.config is not None
    methods = Pagination.DefaultPaginationMethod
    provider.config.pagination = Pagination(cursor=True, index=False, default_pagination_method=methods.cursor)
    storage = InMemoryStorage()
    application = BearerTokenApplication(storage, provider, ScimService(provider, secret="a secret"), [TOKEN])
    grader = Grader(application)
    with running(grader) as url:
        yield World(Provider(url, grader, storage), courier, Meddler(application), scim={"paging": "cursor"})


async def test_lists_are_read_by_cursor(by_cursor: World) -> None:
    at = by_cursor
    at.scim |= {"filter": "none", "page": 5}
    for number in range(12):
        other = Desired(Phase.ACTIVE, {**VALUES, "userName": f"user{number}"})
        delivery = Delivery(f"other-{number}", other, Known(), False, "operation-0", 1)
        assert (await at.courier.converse(at.service, deliver(at.service, delivery))).outcome is Outcome.DONE
    await at.done()
    remote_id, at.known = at.known.remote_id, Known()
    assert await at.done(look=True) == ["GET", "GET", "GET"]
    assert (at.known.remote_id, len(at.provider.users)) == (remote_id, 13)
    await at.done(Phase.ABSENT)
    assert await at.done(look=True) == ["GET", "GET", "GET", "POST"]


async def test_a_filtered_look_up_by_cursor_is_one_page(by_cursor: World) -> None:
    at = by_cursor
    await at.done(Phase.ACTIVE, ("readers",))
    remote_id, at.known = at.known.remote_id, Known()
    await at.done(Phase.ACTIVE, ("readers",), look=True)
    assert at.known.remote_id == remote_id
