"""Every protocol that can be asked what its SP is like, by its name: click through."""

from collections.abc import Callable, Mapping
from typing import Final

from provisioning.core.catalog import Service
from provisioning.protocols import ldap_probe, scim_probe, spml_probe
from provisioning.protocols.probing import Probing

PROBES: Final[Mapping[str, Callable[[Service], Probing]]] = {
    "ldap": ldap_probe.probe,
    "scim": scim_probe.probe,
    "spml": spml_probe.probe,
}
