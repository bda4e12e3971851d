"""Deployed on the embedded AWS: a source with its operator's own adapter, and one whose messages come in order."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from infra.bundle import build, extras_of, this_machine
from localstack import emulator
from provisioning.command.new import write_source
from provisioning.core.catalog import Bundle, Source
from tests.local.running import Stage, deployed, until, with_badges

pytestmark = [
    pytest.mark.skipif(not emulator.installed(), reason="the emulator is not installed: make setup"),
    pytest.mark.xdist_group("emulator"),
]
IN_ORDER = {
    "id": "registry", "format": "json", "channel": {"fifo": True},
    "record": {"key": "number", "fields": {"name": "string"}, "attributes": {"login": "fields.name"}},
}  # fmt: skip


def tenant(folder: Path) -> Bundle:
    """The bundle, whose own adapter lies in the folder."""
    made = with_badges("own", [IN_ORDER])
    folder.mkdir()
    text = yaml.safe_dump(made.tenant.model_dump(mode="json", by_alias=True))
    (folder / "tenant.yaml").write_text(text, encoding="utf-8")
    write_source(folder, "club")
    club = Source.model_validate(yaml.safe_load((folder / "sources" / "club.yaml").read_text(encoding="utf-8")))
    return made.model_copy(update={"sources": (*made.sources, club)})


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    content = tenant(tmp_path / "own")
    own = build(this_machine(), extras_of(content), tmp_path / "own")
    async with deployed(content, tmp_path, monkeypatch, {}, own) as stage:
        yield stage
    own.file.unlink(missing_ok=True)


async def test_an_operators_own_adapter_is_polled_and_messages_in_order_are_taken_in_order(stage: Stage) -> None:
    knows = stage.knows
    queue = stage.deployment.outputs["PollClubQueue"]
    await stage.clients.sqs.send_message(QueueUrl=queue, MessageBody=json.dumps({"do": "changes"}))
    await until(lambda: knows("club", "1003", "login-3"))

    async def publish(number: str, turn: int, name: str) -> None:
        await stage.clients.sns.publish(
            TopicArn=stage.deployment.topic("registry"), Message=json.dumps({"number": number, "name": name}),
            MessageGroupId=number, MessageDeduplicationId=f"{number}-{turn}",
        )  # fmt: skip

    for turn, name in enumerate(("ada", "countess", "ada")):
        await publish("7", turn, name)
        await publish("8", turn, f"eight-{turn}")
    await until(lambda: knows("registry", "8", "eight-2"))
    await until(lambda: knows("registry", "7", "ada"))
    await stage.clients.sqs.send_message(
        QueueUrl=stage.deployment.outputs["ChangesRegistryQueue"], MessageGroupId="7", MessageDeduplicationId="direct",
        MessageBody=json.dumps({"number": "7", "name": "lovelace"}),
    )  # fmt: skip
    await until(lambda: knows("registry", "7", "lovelace"))
