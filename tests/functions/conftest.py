"""The functions' wiring over moto's server, or over the emulator that PROVISIONING_EMULATOR names.

Handlers run on the process's own loop, in a thread of their own: no test's loop is in their way.
"""

import json
import logging
import os
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import pytest

from provisioning.adapters.aws.clients import Clients
from provisioning.runtime import clockwork, entry, wiring
from tests.contracts.backends import REGION, new_bucket, new_table
from tests.contracts.boxes import SqsBox, Taken, new_queue
from tests.moto_server import moto_server

Result = TypeVar("Result")
Handler = Callable[[dict[str, Any], object], dict[str, Any]]
SERVICES: Final = ("library", "badges")


@dataclass
class Deployed:
    """The resources of a deployment, and a thread that stands for the function's process."""

    thread: ThreadPoolExecutor
    queues: dict[str, SqsBox]

    def invoke(self, handler: Handler, event: dict[str, Any]) -> dict[str, Any]:
        """Call a handler as Lambda does."""
        return self.thread.submit(handler, event, None).result()

    def run(self, make: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """Run some work on the loop of the handlers."""
        return self.thread.submit(lambda: entry.run(make())).result()

    def take(self, queue: str) -> list[Taken]:
        """What a queue hands out now; it is gone then."""
        return self.take_from(self.queues[queue])

    def take_from(self, queue: SqsBox) -> list[Taken]:
        """What a queue of a test's own hands out now; it is gone then."""
        return self.run(lambda: _take(queue))


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    given = os.environ.get("PROVISIONING_EMULATOR", "")
    if given:
        yield given
        return
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request says nothing
    with moto_server() as address:
        yield address


@pytest.fixture(scope="module")
def deployed(endpoint: str) -> Iterator[Deployed]:
    """A table, a bucket and queues of their own, and the environment that names them."""
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(1) as thread:
        for name, value in {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
        }.items():
            patch.setenv(name, value)
        patch.delenv("AWS_PROFILE", raising=False)
        made = Deployed(thread, {})
        forget()
        for name, value in made.run(lambda: _make(wiring.clients(), made.queues)).items():
            patch.setenv(name, value)
        yield made
        made.run(lambda: wiring.clients().close())
        forget()


async def _make(clients: Clients, queues: dict[str, SqsBox]) -> dict[str, str]:
    of_poll = ("poll", "campus-changes-personnel", "campus-bulk-personnel")
    for name in ("identities", "campaign", "extract", "badge-system", "reconcile", *of_poll):
        queues[name] = await new_queue(clients, fifo=False)
    for service in SERVICES:
        queues[service] = await new_queue(clients, fifo=True)
    return {
        "PROVISIONING_TABLE": await new_table(clients),
        "PROVISIONING_BUCKET": await new_bucket(clients),
        "PROVISIONING_IDENTITIES_QUEUE": queues["identities"].url,
        "PROVISIONING_CAMPAIGN_QUEUE": queues["campaign"].url,
        "PROVISIONING_EXTRACT_QUEUE": queues["extract"].url,
        "PROVISIONING_DELIVER_QUEUES": json.dumps({service: queues[service].url for service in SERVICES}),
        "PROVISIONING_SERVICE": "badges",
        "PROVISIONING_SOURCES": json.dumps(
            {
                "campus-changes-registry": "registry",
                "campus-changes-personnel": "personnel",
                "campus-bulk-personnel": "personnel",
            }
        ),
        "PROVISIONING_SOURCE": "personnel",
        "PROVISIONING_POLL_QUEUE": queues["poll"].url,
        "PROVISIONING_CHANGES_QUEUE": queues["campus-changes-personnel"].url,
        "PROVISIONING_RECONCILE_QUEUE": queues["reconcile"].url,
        "PROVISIONING_BULK_QUEUE": queues["campus-bulk-personnel"].url,
    }


async def _take(queue: SqsBox) -> list[Taken]:
    taken = list(await queue.receive())
    for item in taken:
        await queue.delete(item)
    return taken


def forget(*kept: object) -> None:
    """A new process has nothing in its caches, but for what is kept."""
    for made in (*vars(wiring).values(), *vars(clockwork).values()):
        if hasattr(made, "cache_clear") and made not in kept:
            made.cache_clear()
