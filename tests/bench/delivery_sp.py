"""The trivial SP of the delivery benchmark: a process of its own that takes every request and counts it.

It says yes to all of SCIM that the engine sends when nothing is odd: a POST is answered with the resource and an id, a
PATCH with the resource as it was made. It parses no JSON, looks at no header but the length, and has no event loop of
asyncio, so that it is never what is measured.
"""

import json
import os
import re
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.request import urlopen

CALLS: Final = "/calls"  # how many calls there were, by method; not counted itself
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_END: Final = b"\r\n\r\n"
_HEAD: Final = b"HTTP/1.1 %d OK\r\nContent-Type: application/scim+json\r\nContent-Length: %d\r\n\r\n%s"
_AWAKE: Final = 0.001  # seconds that it looks again before it sleeps: its clients would have the work of waking it


class Provider:
    """What all connections share: the users as they were made, and the calls so far."""

    def __init__(self) -> None:
        self.users: list[bytes] = []
        self.calls: dict[str, int] = {}

    def answer(self, head: bytes, body: bytes) -> bytes:
        """The whole answer to a request. `head`: its first line and its headers."""
        method, path, _ = head[: head.index(b"\r\n")].decode().split(" ")
        if path == CALLS:
            return self._says(200, json.dumps(self.calls).encode())
        self.calls[method] = self.calls.get(method, 0) + 1
        if method == "POST":
            # As a UUID is written, because ids are that long in general.
            user = b'{"id":"00000000-0000-4000-8000-%012x",%s' % (len(self.users), body[1:])
            self.users.append(user)
            return self._says(201, user)
        if method == "PATCH":
            return self._says(200, self.users[int(path[-12:], 16)])
        if method == "GET":  # there is no group yet
            return self._says(200, b'{"totalResults":0,"Resources":[]}')
        return self._says(501, b"{}")

    def _says(self, status: int, body: bytes) -> bytes:
        return _HEAD % (status, len(body), body)


class Conversation:
    """What is said on one connection."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._held = b""

    def answers(self, data: bytes) -> bytes:
        """The answers to every request that is here as a whole, now that this came."""
        held = self._held + data if self._held else data
        made = b""
        while (end := held.find(_END)) >= 0:
            found = _LENGTH.search(held, 0, end)
            after = end + len(_END) + (int(found[1]) if found is not None else 0)
            if len(held) < after:
                break
            made += self._provider.answer(held[: end + 2], held[end + len(_END) : after])
            held = held[after:]
        self._held = held
        return made


class Provided:
    """A running SP, as the benchmark sees it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def calls(self) -> dict[str, int]:
        """How many it was sent since it began, by method."""
        with urlopen(self.url + CALLS) as answer:  # noqa: S310  ours, on loopback
            counted: dict[str, int] = json.load(answer)
            return counted


@contextmanager
def provided() -> Iterator[Provided]:
    """An SP in a process of its own, on the last core if there are several."""
    command = [sys.executable, "-m", "tests.bench.delivery_sp"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Provided(f"http://127.0.0.1:{int(process.stdout.readline())}")
        finally:
            process.terminate()


def pin(core: int) -> None:
    """Keep this process to one core, by its place among those that it may use; nothing where that cannot be."""
    if sys.platform == "linux":
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[core]})


def _serve(provider: Provider) -> None:
    """Answer until the process is ended. Answers are small, so that a socket always takes them at once."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(listening.getsockname()[1], flush=True)
    selector = selectors.DefaultSelector()
    selector.register(listening, selectors.EVENT_READ)
    asleep_at = 0.0
    while True:
        ready = selector.select(0 if time.perf_counter() < asleep_at else None)
        if ready:
            asleep_at = time.perf_counter() + _AWAKE
        for key, _ in ready:
            if key.data is None:
                connection, _ = listening.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(connection, selectors.EVENT_READ, Conversation(provider))
            else:
                _converse(selector, key)


def _converse(selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
    assert isinstance(key.fileobj, socket.socket)
    data = key.fileobj.recv(1 << 18)
    if data:
        key.fileobj.sendall(key.data.answers(data))
    else:
        selector.unregister(key.fileobj)
        key.fileobj.close()


if __name__ == "__main__":
    pin(-1)
    _serve(Provider())
