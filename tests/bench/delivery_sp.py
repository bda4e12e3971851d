"""A trivial SCIM SP in a process of its own: it answers as fast as it can read, and counts.

`python -m tests.bench.delivery_sp` prints its port. POST makes a resource with the next number as its id, PATCH
changes nothing, GET finds nobody; `GET /counts` tells how often each was asked.
"""

import asyncio
import itertools
import json
import sys
from collections import Counter
from collections.abc import Iterator
from typing import ClassVar, Final

_EMPTY: Final = b'{"totalResults":0,"Resources":[]}'
_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length:"


def _answer(status: bytes, body: bytes = b"") -> bytes:
    length = b"content-length: %d\r\n" % len(body) if body or status[:3] != b"204" else b""
    return b"HTTP/1.1 " + status + b"\r\ncontent-type: application/scim+json\r\n" + length + b"\r\n" + body


class Sp(asyncio.Protocol):
    """One connection. Requests come one after the other, with a length."""

    counts: ClassVar[Counter[str]] = Counter()
    numbers: ClassVar[Iterator[int]] = itertools.count(1)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.buffer = transport, b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(_END)) >= 0:
            head = self.buffer[:end].lower()
            at = head.find(_LENGTH)
            length = int(head[at + len(_LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.buffer) < end + len(_END) + length:
                return
            method, path, _ = self.buffer[:end].split(b" ", 2)
            self.buffer = self.buffer[end + len(_END) + length :]
            self.transport.write(self.respond(method.decode(), path))

    def respond(self, method: str, path: bytes) -> bytes:
        if path == b"/counts":
            return _answer(b"200 OK", json.dumps(self.counts).encode())
        self.counts[f"{method} {'Groups' if path.startswith(b'/Groups') else 'Users'}"] += 1
        if method == "POST":
            return _answer(b"201 Created", b'{"id":"%d"}' % next(self.numbers))
        return _answer(b"200 OK", _EMPTY) if method == "GET" else _answer(b"204 No Content")


async def main() -> None:
    """Serve until whoever started this closes our input."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Sp, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
