"""gateway: HTTP → what a source pushes, durable in its queue before it is answered. The clock, for what was left."""

from provisioning.core.period import Instant
from provisioning.runtime.http_entry import http_handler
from provisioning.runtime.wiring import gateway_shell
from provisioning.stages.gateway import Request, Response, gateway, sweep


async def serve(request: Request, now: Instant) -> Response:
    """Answer one request."""
    return await gateway(gateway_shell(), request, now)


async def settle() -> None:
    """Every minute."""
    await sweep(gateway_shell())


handler = http_handler(serve, settle)
