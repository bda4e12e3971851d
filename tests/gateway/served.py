"""The gateway behind HTTP: a thin server that calls the handler as Lambda does, with the events of a function URL."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from provisioning.runtime.http_entry import http_handler
from provisioning.stages.gateway import Request, Response, gateway, sweep
from tests.gateway.events import payload_2
from tests.gateway.world import World


@contextmanager
def served(world: World, record: Any = None) -> Iterator[str]:
    """Serve a world's gateway on loopback; yields its URL. `record` is called with each request and its answer."""

    async def serve(request: Request, now: int) -> Response:
        return await gateway(world.shell, request, now)

    handler, loop = http_handler(serve, lambda: sweep(world.shell)), asyncio.new_event_loop()

    async def answer(request: web.Request) -> web.Response:
        body, headers = await request.read(), {**request.headers, "x-forwarded-proto": "http"}
        event = payload_2(request.method, request.path, request.query_string, headers, body, host=request.host)
        # One thread, one invocation after the other: as one process of a function works.
        found = await loop.run_in_executor(thread, handler, event, None)
        if record is not None:
            record(request, body, found)
        return web.Response(status=found["statusCode"], headers=found["headers"], body=found["body"].encode())

    async def start() -> web.AppRunner:
        application = web.Application(client_max_size=4 * 1024 * 1024)
        application.router.add_route("*", "/{rest:.*}", answer)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner

    with ThreadPoolExecutor(1) as thread:
        running = threading.Thread(target=loop.run_forever)
        running.start()
        runner = asyncio.run_coroutine_threadsafe(start(), loop).result()
        try:
            host, port = runner.addresses[0][:2]
            yield f"http://{host}:{port}"
        finally:
            asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            running.join()
            loop.close()
