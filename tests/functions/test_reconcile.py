"""reconcile, deployed: a real SCIM server, the functions, and `provision reconcile` with its table, JSON and page."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import functions.deliver
import functions.receive
import functions.reconcile
from localstack.campus.providers import scim_provider
from provisioning.command import reconcile_deployed
from provisioning.command.reconcile_html import page
from provisioning.core.account import Account
from provisioning.core.errors import InvalidError, TransientError
from provisioning.core.wire import canonical, digest_of
from provisioning.protocols.dialogue import HttpRequest, HttpResponse
from provisioning.protocols.scim_calls import delete, patch, place_of
from provisioning.runtime import clockwork, entry, wiring
from provisioning.stages.message import Message
from tests.functions import stack as stacks
from tests.functions.conftest import Deployed, forget
from tests.functions.events import batch, handed, record
from tests.stages.tenant import bundle, data, event

STACK, TOKEN = "compared", "a-token-of-the-library"
NOTHING_FAILED: dict[str, Any] = {"batchItemFailures": []}
PEOPLE = 7


def provision(deployed: Deployed, *arguments: str) -> str:
    """What a command prints. Raises what the command raises."""
    return stacks.provision(deployed, STACK, "reconcile", *arguments)


@pytest.fixture(scope="module")
def stack(deployed: Deployed) -> Iterator[Deployed]:
    """A stack with a library that is reconciled, and people with an account there."""
    with scim_provider("library", TOKEN) as provider, pytest.MonkeyPatch.context() as patched:
        patched.setenv("PROVISIONING_SERVICE", "library")
        forget(wiring.clients)
        library = {
            "endpoint": provider.endpoint, "secret": "library", "settling": 0, "scim": {"page": 3},
            "reconcile": {"drifted": "repair", "missing": "repair"},
        }  # fmt: skip
        content = bundle({"library": library, "wiki": {"reconcile": {}}}).model_dump(mode="json", by_alias=True)

        async def make() -> None:
            client = await wiring.clients().secretsmanager()
            await client.create_secret(Name="library", SecretString=TOKEN)
            await stacks.stand(STACK, ReconcileLibraryQueue=wiring.settings().reconcile_queue)
            await wiring.policies().publish(canonical(content), digest_of(content))

        deployed.run(make)
        people = [record(event(data(f"x{number}", 1, "student")), f"m{number}") for number in range(PEOPLE)]
        assert deployed.invoke(functions.receive.handler, batch(*people)) == NOTHING_FAILED
        deliver(deployed)
        yield deployed
    forget(wiring.clients)


def deliver(deployed: Deployed) -> None:
    while bells := deployed.take("library"):
        assert deployed.invoke(functions.deliver.handler, handed("library", *bells)) == NOTHING_FAILED


def work(deployed: Deployed) -> None:
    """Let the function take every message that is there."""
    while orders := deployed.take("reconcile"):
        assert deployed.invoke(functions.reconcile.handler, handed("reconcile", *orders)) == NOTHING_FAILED


def accounts(deployed: Deployed) -> dict[str, Account]:
    """Accounts at the library, by key."""

    async def look() -> dict[str, Account]:
        keys = [("registry", f"x{number}") for number in range(PEOPLE)]
        links = await wiring.table().links(keys)
        return {key[1]: (await wiring.table().holding(links[key])).accounts["library"] for key in keys}

    return deployed.run(look)


def age(deployed: Deployed) -> None:
    """Long after whatever was delivered: nothing that the SP lists is older."""

    async def put(account: Account) -> None:
        await wiring.table().put_account(replace(account, changed_at=account.changed_at - 3600))

    for account in accounts(deployed).values():
        deployed.run(lambda account=account: put(account))  # type: ignore[misc]  # bound now


def somebody_else(deployed: Deployed, request: HttpRequest) -> HttpResponse:
    """A call of the SP that is not the engine's work."""

    async def call() -> HttpResponse:
        service = (await wiring.policies().current()).services["library"]
        answer = await wiring.courier().call(service, request, 10.0)
        assert isinstance(answer, HttpResponse)
        return answer

    return deployed.run(call)


def compared(deployed: Deployed) -> dict[str, Any]:
    """One comparison; its report."""
    age(deployed)
    assert "is begun" in provision(deployed, "library", "--start")
    work(deployed)
    told: dict[str, Any] = json.loads(provision(deployed, "library", "--last", "--json"))
    return told


@pytest.mark.parametrize(
    ("service", "problem"),
    [
        ("liberry", "there is no service 'liberry'"),
        ("badges", "the accounts of 'badges' are not compared"),
        ("wiki", "'wiki' has no function for this yet"),
    ],
)
def test_a_service_that_is_not_reconciled_is_refused(stack: Deployed, service: str, problem: str) -> None:
    with pytest.raises(InvalidError, match=problem):
        provision(stack, service)
    assert stack.take("reconcile") == []


def test_before_the_first_comparison_there_is_no_last_one(stack: Deployed) -> None:
    with pytest.raises(InvalidError, match="were never compared"):
        provision(stack, "library", "--last")


def test_a_report_is_written_as_a_page_or_as_json_and_as_nothing_else(stack: Deployed) -> None:
    with pytest.raises(InvalidError, match=r"a report in 'report\.pdf'"):
        provision(stack, "library", "--last", "--report", "report.pdf")


def test_what_somebody_did_at_the_sp_is_found_told_and_mended(stack: Deployed, tmp_path: Path) -> None:
    assert compared(stack)["counts"] == {"settled": PEOPLE}
    remote = {key: str(account.known.remote_id) for key, account in accounts(stack).items()}
    eve = [{"op": "replace", "path": "displayName", "value": "Eve"}]
    assert somebody_else(stack, patch(place_of("Users", remote["x1"]), eve, None)).status in (200, 204)
    assert somebody_else(stack, delete(place_of("Users", remote["x2"]), None)).status == 204
    stranger = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "stranger"}
    headers = {"content-type": "application/scim+json"}
    assert somebody_else(stack, HttpRequest("POST", "/Users", headers=headers, body=stranger)).status == 201
    told = compared(stack)
    assert (told["complete"], told["counts"]) == (
        True, {"drifted": 1, "missing": 1, "orphan": 1, "settled": PEOPLE - 2},
    )  # fmt: skip
    assert (told["attributes"], told["done"]) == ({"displayName": 1}, {"repair": 2})
    for name in ("report.html", "report.json"):
        assert "written" in provision(stack, "library", "--last", "--report", str(tmp_path / name))
    assert json.loads((tmp_path / "report.json").read_text()) == told
    html = (tmp_path / "report.html").read_text()
    assert all(word in html for word in ("displayName", "orphan", "<svg", remote["x2"]))
    assert not any(word in html for word in ("Eve", "stranger", "http://", "https://"))
    shown = provision(stack, "library", "--last")
    assert "drifted: displayName 1" in shown
    deliver_all(stack)
    assert compared(stack)["counts"] == {"orphan": 1, "settled": PEOPLE}


def deliver_all(deployed: Deployed) -> None:
    """Deliver, and whatever is due at once because of it."""
    import functions.evaluate

    for _ in range(5):
        deliver(deployed)
        while bells := deployed.take("identities"):
            assert deployed.invoke(functions.evaluate.handler, handed("identities", *bells)) == NOTHING_FAILED


def test_a_command_that_waits_is_told_how_far_it_has_come(stack: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile_deployed, "PAUSE", 0.01)
    said: list[str] = []

    async def function() -> None:
        while True:
            for taken in await stack.queues["reconcile"].receive():
                await stack.queues["reconcile"].delete(taken)
                await functions.reconcile.stage([Message("m", taken.body)], entry.clock())

    async def both() -> Any:
        working = asyncio.ensure_future(function())
        try:
            return await reconcile_deployed.compare(STACK, "library", said.append, 60)
        finally:
            working.cancel()

    told = stack.run(both)
    assert told["shown"] == PEOPLE + 1
    assert said[0] == "waits for its function"


def test_a_comparison_that_does_not_end_is_not_waited_for_for_ever(stack: Deployed) -> None:
    with pytest.raises(TransientError, match="waits for its function"):
        provision(stack, "library", "--within", "0")
    (start,) = stack.take("reconcile")
    stack.invoke(functions.reconcile.handler, handed("reconcile", start))
    with pytest.raises(InvalidError, match="is under way: read"):
        provision(stack, "library")
    work(stack)
    assert clockwork.reconcile_shell().service == "library"


class _Checker(HTMLParser):
    """Fails at whatever a page may not have."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "img", "link", "iframe", "b"), tag
        assert not any(name.startswith("on") or name in ("src", "href") for name, _ in attrs)


def test_a_page_escapes_whatever_an_sp_made_up() -> None:
    evil = "<b onclick=x>\"'&"
    summary = {"number": 1, "begun": "b", "ended": evil, "complete": False, "problem": evil, "shown": 3,
               "counts": {"drifted": 1, "foreign": 2}, "attributes": {evil: 1}, "done": {"repair": 1}}  # fmt: skip
    told = {
        **summary, "service": "library", "unkept": [evil], "unlisted": 2, "runs": [summary, summary],
        "accounts": [{"class": "foreign", "remote_id": evil, "attributes": [evil]}],
    }  # fmt: skip
    made = page(told)
    _Checker().feed(made)
    assert "&lt;b onclick" in made
