"""Which addresses are somebody's public host: pure, and ours rather than the Python version's.

The tables follow IANA's special-purpose address registries (RFC 6890 and its updates).
"""

from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_REFUSED_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network; 0.0.0.0 reaches the machine itself
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers (CGNAT); a cloud's metadata too
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # a cloud's platform address, though publicly numbered
        "169.254.0.0/16",  # link-local; the metadata of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; a cloud's metadata too
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays, withdrawn
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
_GLOBAL_V6 = IPv6Network("2000::/3")  # all else is unspecified, loopback, ULA, link-local, …
_REFUSED_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
        "2001:db8::/32",  # documentation
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")  # how a network without IPv4 reaches an IPv4 host
_6TO4 = IPv6Network("2002::/16")
_ISATAP = 0x00005EFE  # the third quarter of an address that tunnels to the IPv4 address in its last


def parse_address(text: str) -> Address:
    """Read an address, and one that is IPv4 written as IPv6 (`::ffff:…`) as the IPv4 it is.

    Raises ValueError for anything else, a zone (`%eth0`) included.
    """
    if "%" in text:
        raise ValueError("an address with a zone means another host on every machine")
    address = ip_address(text)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def is_public(address: Address) -> bool:
    """Say whether the address, and every IPv4 address tunnelled inside it, is a public host's."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _REFUSED_V4)
    tunnelled = _tunnelled(address)
    if tunnelled is not None and not is_public(tunnelled):
        return False
    if address in _NAT64:
        return True
    return address in _GLOBAL_V6 and not any(address in network for network in _REFUSED_V6)


def _tunnelled(address: IPv6Address) -> IPv4Address | None:
    bits = int(address)
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(bits & 0xFFFFFFFF)
    if address in _6TO4:
        return IPv4Address(bits >> 80 & 0xFFFFFFFF)
    if bits >> 32 & 0xFDFFFFFF == _ISATAP:
        return IPv4Address(bits & 0xFFFFFFFF)
    return None
