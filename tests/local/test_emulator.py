"""The engine as deployed: one template, real queues and functions, third-party SPs. Needs the emulator: make setup."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from infra.bundle import build, extras_of, this_machine
from localstack import clock, emulator
from localstack.campus.cast import Cast, changed
from localstack.check import read_badges, read_rows, read_scim
from localstack.deploy import deploy
from localstack.setup import Place, open_world
from localstack.world import World

pytestmark = [
    pytest.mark.skipif(not emulator.installed(), reason="the emulator is not installed: make setup"),
    pytest.mark.xdist_group("emulator"),
]
PATIENCE = 120.0


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    for name in (*emulator.credentials(), "AWS_ENDPOINT_URL"):
        monkeypatch.setenv(name, "")  # restored afterwards, whatever `use` puts there
    with emulator.emulator(tmp_path / "emulator.log") as endpoint:
        emulator.use(endpoint)
        async with open_world(Place(endpoint), 3600, lambda _: None) as opened:
            yield opened


async def test_a_notification_becomes_accounts_and_a_bad_one_stops_nobody(world: World) -> None:
    cast = Cast(clock.moment().date())
    mei = cast.residents()["mei"]
    library = world.providers["library"]
    paths = tuple(next(service for service in world.bundle.services if service.id == "library").account)

    # 900 kB, sent to the queue itself: larger than the tenant lets a message be.
    queue = world.deployment.outputs["ChangesRegistryQueue"]
    await world.clients.sqs.send_message(QueueUrl=queue, MessageBody="x" * 900_000)
    await world.registry.publish_text("this is not JSON")
    await world.registry.publish([mei])
    await world.quiet(PATIENCE)

    (account,) = (await read_scim(library, paths)).values()
    expected = world.expected("library")["mei"]
    assert (account.phase, account.values, account.groups) == ("active", expected.values, expected.groups)
    assert account.values["title"] == "reader with reservations"
    assert (await read_scim(world.providers["wiki"], ()))["mei"].groups == {"wiki-readers"}
    assert read_badges(world.badges)["mei"].values["doors"] == ["main"]
    assert await read_scim(world.providers["sports"], ()) == {}, "the sports hall is not open"
    reasons = [rejected.reason for rejected in await world.rejections.rejections("registry", 10)]
    assert sorted(reason.split(":")[0] for reason in reasons) == ["message", "message"]
    assert any("900000 bytes" in reason for reason in reasons)

    await world.extract("parking")
    await world.quiet(PATIENCE)
    assert await world.car_park.take_in()
    assert world.car_park.rows == {}, "students do not park; the file says so"

    await world.registry.publish([cast.residents()["sanne"]])
    await world.quiet(PATIENCE)
    await world.extract("parking")
    await world.quiet(PATIENCE)
    assert await world.car_park.take_in()
    assert not await world.car_park.take_in()
    (row,) = read_rows(world.car_park, ("login", "permit")).values()
    assert (row.phase, row.values) == ("active", {"login": "sanne", "permit": "garage"})

    await world.registry.publish([changed(mei, given_name="Mei-Lin")])
    await world.quiet(PATIENCE)
    account = (await read_scim(library, paths))["mei"]
    assert account.values["name.givenName"] == "Mei-Lin"


async def test_a_deployment_that_is_repeated_changes_nothing(world: World) -> None:
    built = build(this_machine(), extras_of(world.bundle))
    assert built.reused
    again = await deploy(world.clients, world.bundle, built.file, built.key, {})
    assert again.outputs == world.deployment.outputs
    assert again.published.sequence == world.deployment.published.sequence + 1


def test_an_emulator_that_has_ended_does_not_answer(tmp_path: Path) -> None:
    with emulator.emulator(tmp_path / "emulator.log") as endpoint:
        assert emulator.healthy(endpoint)
    assert not emulator.healthy(endpoint)
