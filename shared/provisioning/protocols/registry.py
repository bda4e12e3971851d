"""Every protocol by its name: click through."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from provisioning.core.account import Desired, Known
from provisioning.core.catalog import Service
from provisioning.core.errors import InvalidError
from provisioning.protocols import (
    authentication_check,
    extract,
    ldap,
    ldap_check,
    ldap_groups,
    ldap_list,
    queue,
    scim,
    scim_check,
    scim_gather,
    scim_groups,
    scim_list,
    spml,
    spml_check,
    spml_groups,
    webhook,
)
from provisioning.protocols.dialogue import Delivery, Dialogue, Members
from provisioning.protocols.listing import Lists


class Protocol(NamedTuple):
    """A protocol that talks. `make_group` None: it knows no groups. `looks_up`: it can find out what exists.

    `change_members`: it can change many members of a group at once; `member_batch`: how many, at this service.
    `check`: what is wrong with the paths of a service's account, each with what would be right. `lists`: how all
    accounts of an SP are listed, None: they cannot be.
    """

    deliver: Callable[[Service, Delivery], Dialogue]
    make_group: Callable[[Service, str, bool], Dialogue] | None
    looks_up: bool
    check: Callable[[Service], Sequence[InvalidError]]
    change_members: Callable[[Service, Members], Dialogue] | None = None
    member_batch: Callable[[Service], int | None] = lambda _: None
    lists: Lists | None = None


class Staging(NamedTuple):
    """A protocol that does not talk: the account is written down as it is wanted, and read from there by another."""

    stage: Callable[[Service, Desired, Known], Known]
    check: Callable[[Service], Sequence[InvalidError]]


PROTOCOLS: Final[Mapping[str, Protocol]] = {
    "ldap": Protocol(
        ldap.deliver,
        ldap_groups.make_group,
        looks_up=True,
        check=ldap_check.check,
        lists=Lists(ldap_list.list_entries, ldap_list.same, canonical=ldap_list.canonical, in_one_go=True),
    ),
    "queue": Protocol(queue.deliver, None, looks_up=False, check=queue.check),
    "scim": Protocol(
        scim.deliver,
        scim_groups.make_group,
        looks_up=True,
        check=scim_check.check,
        change_members=scim_gather.change_members,
        member_batch=scim_gather.member_batch,
        lists=Lists(scim_list.list_users, scim_list.same),
    ),
    "spml": Protocol(spml.deliver, spml_groups.make_group, looks_up=True, check=spml_check.check),
    "webhook": Protocol(webhook.deliver, None, looks_up=False, check=webhook.check),
}
STAGING: Final[Mapping[str, Staging]] = {"extract": Staging(extract.stage, extract.check)}


def member_batch(service: Service) -> int | None:
    """How many members of a group are changed at once by the group's doorbell; None: each with its account."""
    protocol = PROTOCOLS.get(service.protocol)
    return protocol.member_batch(service) if protocol is not None else None


def check_paths(service: Service) -> Sequence[InvalidError]:
    """What is wrong with a service's paths and options, at `services/<id>.account.<path>`; nothing if all is well.

    So that a path that cannot be is found when the bundle is checked, and not by the first delivery.
    """
    own = (STAGING.get(service.protocol) or PROTOCOLS[service.protocol]).check(service)
    return (*own, *authentication_check.check(service))
