"""moto as a server. Its tables are dicts that its threads copy and change at once; the real service is not so."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any
from unittest.mock import patch

from moto.dynamodb.responses import DynamoHandler
from moto.server import ThreadedMotoServer


@contextmanager
def moto_server() -> Iterator[str]:
    """A server of this process, at the address that is given; one request about tables at a time."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    turn, real = Lock(), DynamoHandler.call_action

    def one_at_a_time(self: DynamoHandler) -> Any:
        with turn:
            return real(self)

    with patch.object(DynamoHandler, "call_action", one_at_a_time):
        server.start()
        try:
            host, port = server.get_host_and_port()
            yield f"http://{host}:{port}"
        finally:
            server.stop()
