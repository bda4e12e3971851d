"""Strengths and taken names against scim2-server: what a third party makes of them."""

from dataclasses import replace

from provisioning.adapters.delivery.driver import Courier
from provisioning.core.account import Desired, Known, Phase
from provisioning.protocols.dialogue import Delivery, Ending, Outcome
from provisioning.protocols.scim import deliver
from tests.delivery.conftest import Provider
from tests.delivery.test_scim_server import IDENTITY, VALUES, run, service

WORK, HOME = 'emails[type eq "work"].value', 'emails[type eq "home"].value'
ONCE, FILL = frozenset({"locale"}), frozenset({"title", HOME})
WANTED = Desired(Phase.ACTIVE, {**VALUES, "locale": "nl", "title": "Dr", HOME: "ann@home.org"}, once=ONCE, fill=FILL)
WEAK = ("locale", "title", HOME)


def changed(**values: str) -> Desired:
    return replace(WANTED, values={**WANTED.values, **values})


def theirs(provider: Provider, **values: str | None) -> None:
    """The SP's own people change the account. Storage gives copies, so the changed one is put back."""
    (resource,) = list(provider.storage.resources)
    for name, value in values.items():
        setattr(resource, name, value)
    provider.storage.resources = [resource]


async def test_a_new_account_gets_all_and_later_changes_of_weak_values_are_not_sent(
    provider: Provider, courier: Courier
) -> None:
    known = await run(courier, service(provider), WANTED)
    (user,) = provider.users
    assert (user["locale"], user["title"]) == ("nl", "Dr")
    assert {entry["type"]: entry["value"] for entry in user["emails"]} == {"work": "ann@a.edu", "home": "ann@home.org"}
    assert (known.filled, {*WEAK} & {*known.values}) == ((HOME, "title"), set())
    provider.grader.calls.clear()
    later = changed(locale="de", title="Prof", **{HOME: "other@home.org", "name.givenName": "Anna"})
    await run(courier, service(provider), later, known)
    (call,) = provider.grader.calls
    assert call.json["Operations"] == [{"op": "replace", "path": "name.givenName", "value": "Anna"}]


async def test_a_look_leaves_what_the_sp_s_people_set_and_fills_what_they_emptied(
    provider: Provider, courier: Courier
) -> None:
    known = await run(courier, service(provider), WANTED)
    theirs(provider, locale="fr", title=None)
    await run(courier, service(provider), WANTED, known, look=True)
    assert [provider.users[0][name] for name in ("locale", "title")] == ["fr", "Dr"]
    theirs(provider, title="Queen")
    provider.grader.calls.clear()
    await run(courier, service(provider), WANTED, known, look=True)
    assert [call.method for call in provider.grader.calls] == ["GET"]
    assert provider.users[0]["title"] == "Queen"


async def test_an_adopted_account_keeps_its_own_values_and_gets_what_it_lacks(
    provider: Provider, courier: Courier
) -> None:
    await run(courier, service(provider), Desired(Phase.ACTIVE, {**VALUES, "title": "Queen"}))
    theirs(provider, external_id=None)
    known = await run(courier, service(provider, adopt="match"), WANTED)
    (user,) = provider.users
    assert (user["externalId"], user["title"], user.get("locale")) == (IDENTITY, "Queen", None)
    assert {entry["type"]: entry["value"] for entry in user["emails"]} == {"work": "ann@a.edu", "home": "ann@home.org"}
    assert known.filled == (HOME, "title")


async def test_a_name_that_another_account_has_is_told_as_taken(provider: Provider, courier: Courier) -> None:
    await run(courier, service(provider), WANTED)

    async def attempt(name: str) -> Ending:
        wanted = changed(userName=name)
        delivery = Delivery("another-identity", wanted, Known(), False, "operation-2", 1)
        return await courier.converse(service(provider), deliver(service(provider), delivery))

    ending = await attempt(str(VALUES["userName"]).upper())
    assert (ending.outcome, ending.taken) == (Outcome.PERMANENT, ("userName", str(VALUES["userName"]).upper()))
    assert (await attempt("ann2")).outcome is Outcome.DONE
    assert len(provider.users) == 2
