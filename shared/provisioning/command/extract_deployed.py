"""What `provision extract` asks of a deployed stack: messages to the queue of extract, its state, and its files."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, Final

from provisioning.command.deployed import Deployed, deployed
from provisioning.core.catalog import Service
from provisioning.core.errors import InvalidError
from provisioning.core.extract import Extracts, Published, Run, acknowledgement_name, is_busy, manifest_name
from provisioning.core.period import Instant, show
from provisioning.core.policy import Policy
from provisioning.runtime.entry import clock
from provisioning.stages.extract_orders import Do, Order, write_order

_FOLDER: Final = re.compile(r"[0-9]{6,12}-(full|delta)")


@dataclass(frozen=True, slots=True)
class _Found:
    """A service that gets files, and how far they have come."""

    ports: Deployed
    service: Service
    item: Extracts

    async def send(self, order: Order) -> None:
        await self.ports.extracts.continue_extract(write_order(order))


@asynccontextmanager
async def _found(stack: str, name: str) -> AsyncIterator[_Found]:
    async with deployed(stack) as ports:
        service = _extract_of(await ports.policies.current(), name)
        yield _Found(ports, service, await ports.extracts.extracts(name))


def _extract_of(policy: Policy, name: str) -> Service:
    """The service. Raises InvalidError if there is none, or if it gets no files."""
    some = ", ".join(service.id for service in policy.services.values() if service.protocol == "extract")
    right = f"one of {some}" if some else "a service with `protocol: extract` in the bundle"
    service = policy.services.get(name)
    if service is None:
        raise InvalidError(f"there is no service {name!r}", right=right)
    if service.protocol != "extract":
        raise InvalidError(f"{name!r} is told by {service.protocol}, not by files", right=right)
    return service


async def start_extract(stack: str, name: str, *, full: bool) -> None:
    """Order an extract. Raises InvalidError if one is being made: the order would be passed over."""
    async with _found(stack, name) as found:
        going = found.item.run
        if going is not None and is_busy(going, clock()):
            raise InvalidError(f"extract {going.number} of {name!r} is being made", right="wait until it is published")
        # An id of its own: if the message is sent twice, it is one start.
        await found.send(Order(Do.START, name, f"command-{token_hex(8)}", full=full))


async def decide(stack: str, name: str, do: Do) -> Run:
    """Order that what is held is released or discarded; the run as it is held. Raises InvalidError if nothing is."""
    async with _found(stack, name) as found:
        going = found.item.run
        if going is None or not going.held:
            raise InvalidError(f"no extract of {name!r} is held", right=f"look at: provision extract status {name}")
        # By its number: another one that is held by the time the message is read stays held.
        await found.send(Order(do, name, number=going.number))
        return going


async def acknowledge_extract(stack: str, name: str, manifest: str) -> str:
    """Store the acknowledgement of an extract, as its SP does; its address. Raises InvalidError if there is no such."""
    folder = next((part for part in manifest.split("/") if _FOLDER.fullmatch(part)), "")
    if not folder:
        raise InvalidError(f"{manifest!r} is no extract", right="its folder or manifest, such as 000012-full")
    async with _found(stack, name) as found:
        place, files = found.service.endpoint, found.ports.files
        if not await files.has(place, manifest_name(folder)):
            published = ", ".join(made.folder for made in found.item.published[-5:]) or "none is published yet"
            raise InvalidError(f"{name!r} has no extract {folder}", right=f"a published one: {published}")
        await files.put(place, acknowledgement_name(folder), b"")
    return f"{place}/{acknowledgement_name(folder)}"


async def state_of(stack: str, name: str) -> dict[str, Any]:
    """The run under way or held, and the last extracts that were published, oldest first."""
    async with _found(stack, name) as found:
        item, options = found.item, found.service.extract
        return {
            "service": name,
            "format": options.format if options is not None else "csv",
            "place": found.service.endpoint,
            "schedule": options.schedule if options is not None else None,
            "run": _run(item.run, clock()) if item.run is not None else None,
            "published": [await _published(found, made) for made in item.published],
            "trouble": item.trouble,
        }


def _run(run: Run, now: Instant) -> dict[str, Any]:
    standing = (
        "held" if run.held else "being made" if is_busy(run, now) else f"nothing came since {show(run.touched_at)}"
    )
    return {
        "number": run.number,
        "folder": run.folder,
        "kind": run.kind.value,
        "because": run.because,
        "rows": run.rows,
        "removed": run.removed,
        "parts": len(run.parts),
        "standing": standing,
        "held": run.held,
    }


async def _published(found: _Found, made: Published) -> dict[str, Any]:
    base = found.item.acknowledged
    if base is not None and made.number == base.number:
        acknowledged = "yes: the base of deltas"
    elif base is not None and made.number < base.number:
        acknowledged = "a later one is"
    elif await found.ports.files.has(found.service.endpoint, acknowledgement_name(made.folder)):
        acknowledged = "yes, as the next start will see"
    else:
        acknowledged = "no"
    return {
        "number": made.number,
        "folder": made.folder,
        "kind": made.kind.value,
        "rows": made.rows,
        "parts": made.parts,
        "watermark": show(made.watermark),
        "published": show(made.at),
        "acknowledged": acknowledged,
    }
