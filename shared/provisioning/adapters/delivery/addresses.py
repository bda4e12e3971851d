"""Which addresses may be connected to. Asked of the very address that a socket is made for, after all resolving."""

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from aiohappyeyeballs import AddrInfoType

_SHARED: Final = IPv4Network("100.64.0.0/10")
_TRANSLATED: Final = IPv6Network("64:ff9b::/96")  # NAT64: the IPv4 address is in its last 32 bits


class PrivateAddressError(OSError):
    """The name leads to an address inside: a mistake, or somebody who wants to use us as a way in."""


def is_public(text: str) -> bool:
    """Whether an address belongs to the open internet, also when it wraps an IPv4 address."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    inner = _inner(address)
    if inner is not None:
        address = inner
    return address.is_global and not address.is_multicast and not (address.version == 4 and address in _SHARED)


def _inner(address: IPv4Address | IPv6Address) -> IPv4Address | None:
    if isinstance(address, IPv4Address):
        return None
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


def public_socket(info: AddrInfoType) -> socket.socket:
    """A socket for an address of the open internet. Raises PrivateAddressError for any other.

    The connector calls this for each address that it is about to connect to, so a name that resolves to something
    else the second time gains nothing.
    """
    family, kind, protocol, _, address = info
    if family not in (socket.AF_INET, socket.AF_INET6) or not is_public(str(address[0])):
        raise PrivateAddressError(f"{address[0]} is a private address, which this service does not allow")
    return socket.socket(family, kind, protocol)
