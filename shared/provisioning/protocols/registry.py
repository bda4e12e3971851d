"""Every protocol by its name: click through."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from provisioning.core.catalog import Service
from provisioning.core.errors import InvalidError
from provisioning.protocols import (
    extract,
    ldap,
    ldap_check,
    ldap_groups,
    queue,
    scim,
    scim_check,
    scim_groups,
    spml,
    spml_check,
    spml_groups,
    webhook,
)
from provisioning.protocols.dialogue import Delivery, Dialogue


class Protocol(NamedTuple):
    """What a protocol can do. `make_group` None: it knows no groups. `looks_up`: it can find out what exists.

    `check`: what is wrong with the paths of a service's account, each with what would be right.
    """

    deliver: Callable[[Service, Delivery], Dialogue]
    make_group: Callable[[Service, str, bool], Dialogue] | None
    looks_up: bool
    check: Callable[[Service], Sequence[InvalidError]]


PROTOCOLS: Final[Mapping[str, Protocol]] = {
    "extract": Protocol(extract.deliver, None, looks_up=False, check=extract.check),
    "ldap": Protocol(ldap.deliver, ldap_groups.make_group, looks_up=True, check=ldap_check.check),
    "queue": Protocol(queue.deliver, None, looks_up=False, check=queue.check),
    "scim": Protocol(scim.deliver, scim_groups.make_group, looks_up=True, check=scim_check.check),
    "spml": Protocol(spml.deliver, spml_groups.make_group, looks_up=True, check=spml_check.check),
    "webhook": Protocol(webhook.deliver, None, looks_up=False, check=webhook.check),
}


def check_paths(service: Service) -> Sequence[InvalidError]:
    """What is wrong with the paths of `service.account`, at `services/<id>.account.<path>`; nothing if all is well.

    So that a path that cannot be is found when the bundle is checked, and not by the first delivery.
    """
    return PROTOCOLS[service.protocol].check(service)
