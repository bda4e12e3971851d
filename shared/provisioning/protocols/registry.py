"""Every protocol by its name: click through."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from provisioning.core.catalog import Service
from provisioning.protocols import queue, scim, scim_groups
from provisioning.protocols.dialogue import Delivery, Dialogue


class Protocol(NamedTuple):
    """What a protocol can do. `make_group` None: it knows no groups. `looks_up`: it can find out what exists."""

    deliver: Callable[[Service, Delivery], Dialogue]
    make_group: Callable[[Service, str, bool], Dialogue] | None
    looks_up: bool


PROTOCOLS: Final[Mapping[str, Protocol]] = {
    "queue": Protocol(queue.deliver, None, looks_up=False),
    "scim": Protocol(scim.deliver, scim_groups.make_group, looks_up=True),
}
