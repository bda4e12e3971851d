"""Every protocol that can be asked what its SP is like, by its name: click through."""

from collections.abc import Callable, Mapping
from typing import Final

from provisioning.core.catalog import Model, Service
from provisioning.core.scim_presets import options_of
from provisioning.protocols import ldap_probe, scim_probe, spml_probe
from provisioning.protocols.probing import Probing


def held(service: Service) -> Mapping[str, Model]:
    """The blocks of a service's settings as they hold in the end, by their names in its file."""
    blocks = {"ldap": service.ldap, "scim": options_of(service), "spml": service.spml}
    return {name: block for name, block in blocks.items() if block is not None}


PROBES: Final[Mapping[str, Callable[[Service], Probing]]] = {
    "ldap": ldap_probe.probe,
    "scim": scim_probe.probe,
    "spml": spml_probe.probe,
}
