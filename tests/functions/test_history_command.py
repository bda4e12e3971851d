"""`provision history` against a deployed stack: the story of one person, for people, machines and browsers."""

import json
from html.parser import HTMLParser
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from provisioning.adapters.aws.history import StoredHistory
from provisioning.adapters.aws.rejections import KeptRejections
from provisioning.command.history_deployed import Told
from provisioning.command.history_html import page, spans
from provisioning.core.errors import InvalidError
from provisioning.core.history import Entry, Said
from provisioning.core.identity import Identity
from provisioning.core.occurrence import Type
from provisioning.core.record import Record
from provisioning.core.wire import canonical, digest_of
from provisioning.ports import Rejected
from provisioning.runtime import wiring
from provisioning.stages.notify import STREAM
from tests.functions import stack as stacks
from tests.functions.conftest import Deployed
from tests.stages.tenant import START, bundle

STACK = "remembered"
T = Type
HOUR = 3600
ENTRIES = [
    Entry("ada", "", 1, START, 1, 3, (
        Said(T.IDENTITY_CREATED, "", ("login", "name"), ("registry",)),
        Said(T.ENTITLEMENT_GRANTED, "library", ("standing",), ("readers",)),
        Said(T.ENTITLEMENT_GRANTED, "wiki", ("standing",), ("editors",)),
    )),
    Entry("ada", "library", 1, START, 1, 3, (Said(T.ACCOUNT_PENDING, "library"),), ("displayName", "userName")),
    Entry("ada", "library", 2, START + HOUR, 2, 3, (Said(T.ACCOUNT_CREATED, "library", ("displayName", "userName")),)),
    Entry("ada", "library", 3, START + HOUR, 2, 3),
    Entry("ada", "wiki", 1, START + 2 * HOUR, 1, 3, (Said(T.ACCOUNT_PARKED, "wiki"),), (), "<b>taken</b> by another"),
    Entry("ada", "library", 4, START + 3 * HOUR, 4, 4, (Said(T.ACCOUNT_SUSPENDED, "library"),), ("displayName",)),
]  # fmt: skip


def provision(deployed: Deployed, *arguments: str, command: str = "history") -> str:
    """What a command prints. Raises what the command raises."""
    return stacks.provision(deployed, STACK, command, *arguments)


@pytest.fixture(scope="module")
def stack(deployed: Deployed) -> Deployed:
    """A stack, a bundle, and a person who is known and of whom something is remembered."""
    content = bundle().model_dump(mode="json", by_alias=True)

    async def make() -> None:
        await stacks.stand(STACK)
        await wiring.policies().publish(canonical(content), digest_of(content))
        ada = Identity("ada", {"registry": Record("registry", "k1", 1)}, sequence=1)
        await wiring.table().put_identity(ada, ("registry", "k1"))

    deployed.run(make)
    return deployed


@pytest.fixture
def ada(stack: Deployed) -> Deployed:
    stack.run(lambda: StoredHistory(wiring.rows()).keep(ENTRIES, START + 10**9))
    return stack


@pytest.mark.parametrize("person", ["registry/k1", "ada"])
def test_the_story_is_told_by_time_with_its_causes_and_what_was_sent(ada: Deployed, person: str) -> None:
    told = json.loads(provision(ada, person, "--json"))
    assert told["identity"] == "ada"
    assert [[event["type"] for event in entry["events"]] for entry in told["entries"]] == [
        ["identity.created", "entitlement.granted", "entitlement.granted"], ["account.pending"], ["account.created"],
        ["account.parked"], ["account.suspended"],
    ]  # fmt: skip
    assert told["entries"][0]["events"][1] == {
        "type": "entitlement.granted", "service": "library", "changed": ["standing"], "because": ["readers"],
    }  # fmt: skip
    assert told["entries"][3]["reason"] == "<b>taken</b> by another"


def test_what_an_sp_ever_received_of_a_person_is_answered(ada: Deployed) -> None:
    told = json.loads(provision(ada, "registry/k1", "--service", "library", "--json"))
    assert told["received"] == {
        "library": {
            "displayName": {"first": "2027-01-15T08:00:00Z", "last": "2027-01-15T11:00:00Z"},
            "userName": {"first": "2027-01-15T08:00:00Z", "last": "2027-01-15T08:00:00Z"},
        }
    }
    assert "wiki" not in json.dumps(told)
    assert [event["type"] for event in told["entries"][0]["events"]] == ["entitlement.granted"]
    lines = provision(ada, "registry/k1", "--service", "library")
    assert "library received, or may have:" in lines
    assert "displayName: 2027-01-15T08:00:00+00:00, and last 2027-01-15T11:00:00+00:00" in lines


def test_for_people_it_is_a_table(ada: Deployed) -> None:
    text = provision(ada, "ada")
    for word in ("identity ada (UTC)", "account.parked", "readers", "sent"):
        assert word in text


class Page(HTMLParser):
    """Everything that a page would fetch, and its tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.fetched += [str(value) for name, value in attrs if name in ("src", "href")]


def test_as_a_page_it_stands_alone_and_nothing_that_was_said_is_markup(ada: Deployed, tmp_path: Path) -> None:
    file = tmp_path / "ada.html"
    assert "written" in provision(ada, "ada", "--html", str(file))
    text = file.read_text(encoding="utf-8")
    found = Page(text)
    assert found.fetched == []
    assert "script" not in found.tags
    assert "&lt;b&gt;taken&lt;/b&gt;" in text
    assert found.tags.count("rect") == 2, "active, then suspended"


def test_an_account_is_drawn_as_long_as_it_was_there() -> None:
    told = Told("ada", ENTRIES, bundle_zone())
    now = START + 10 * HOUR
    assert spans(told, "library", now) == [
        (START + HOUR, START + 3 * HOUR, "active"), (START + 3 * HOUR, now, "suspended"),
    ]  # fmt: skip
    assert spans(told, "wiki", now) == []
    assert "<svg" not in page(Told("ada", [], bundle_zone()), now)


def bundle_zone() -> ZoneInfo:
    return ZoneInfo("UTC")


def test_nothing_is_forgotten_by_accident(ada: Deployed) -> None:
    with pytest.raises(InvalidError, match="--yes"):
        provision(ada, "ada", "--erase")
    with pytest.raises(InvalidError, match="without --service"):
        provision(ada, "ada", "--erase", "--yes", "--service", "library")
    assert json.loads(provision(ada, "ada", "--json"))["entries"]


def test_who_is_erased_is_forgotten(ada: Deployed) -> None:
    assert provision(ada, "registry/k1", "--erase", "--yes") == "6 entries of ada are forgotten\n"
    assert json.loads(provision(ada, "ada", "--json")) == {"identity": "ada", "entries": [], "received": {}}
    assert "nothing is remembered" in provision(ada, "ada")


def test_who_is_gone_from_the_table_is_still_remembered_by_their_id(stack: Deployed) -> None:
    gone = [Entry("gone", "", 9, START, 9, 3, (Said(T.IDENTITY_CLOSED, ""),))]
    stack.run(lambda: StoredHistory(wiring.rows()).keep(gone, START + 10**9))
    assert len(json.loads(provision(stack, "gone", "--json"))["entries"]) == 1
    assert json.loads(provision(stack, "gone", "--erase", "--yes", "--json")) == {"identity": "gone", "erased": 1}


@pytest.mark.parametrize("arguments", [["nobody"], ["registry/nobody"], ["nobody", "--erase", "--yes"]])
def test_nobody_is_refused(stack: Deployed, arguments: list[str]) -> None:
    with pytest.raises(InvalidError, match="nobody is known"):
        provision(stack, *arguments)


def test_a_service_that_never_was_is_refused(ada: Deployed) -> None:
    with pytest.raises(InvalidError, match="there is no service 'libary'"):
        provision(ada, "ada", "--service", "libary")


def test_what_the_stream_held_and_nobody_understood_is_listed_and_not_taken_in_again(stack: Deployed) -> None:
    kept = KeptRejections(wiring.rows(), wiring.objects())
    stack.run(lambda: kept.keep(Rejected(STREAM, "001", "I#x A#wiki: ValueError: 'x'", "{}", START)))
    (found,) = json.loads(provision(stack, "--rejected", "--json", command="records"))
    assert (found["source"], found["reason"]) == (STREAM, "I#x A#wiki: ValueError: 'x'")
    (after,) = json.loads(provision(stack, STREAM, "--rejected", "--retry", "all", "--json", command="records"))
    assert after["done"].startswith("nobody can take this in")
