"""What the guard lets through: tables of URLs and addresses."""

import asyncio
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.sinks.webhook.addresses import is_public, parse_address
from consumers.sinks.webhook.guard import Forbidden, Guard, Target

PUBLIC = ["93.184.216.34", "1.1.1.1", "9.255.255.255", "172.32.0.1", "100.128.0.1", "223.255.255.1"]
PUBLIC += ["2a02:898:28::1", "2606:4700::1111", "64:ff9b::5db8:d822", "2002:5db8:d822::1"]
PUBLIC += ["::ffff:93.184.216.34"]

INWARD = [
    "0.0.0.0",  # noqa: S104 - to be refused, not bound
    *("0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255"),
    *("100.100.100.200", "127.0.0.1", "127.255.255.254", "169.254.169.254", "168.63.129.16"),
    *("172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1"),
    *("198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1"),
    *("255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:10.0.0.1", "::ffff:7f00:1"),
    *("fe80::1", "febf::1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1"),
    *("2001::1", "2001:0:5db8:d822:0:0:a2a:a2a", "2001:2::1", "2001:10::1", "3fff::1", "100::1"),
    *("5f00::1", "64:ff9b::a00:1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:a00:1::1"),
    *(
        "2002:7f00:1::",
        "2002:a08:808::",
        "2a02:898:28::5efe:10.0.0.1",
        "2a02:898:28::200:5efe:127.0.0.1",
    ),
]


@pytest.fixture
def guard() -> Guard:
    """Give a guard as it is without settings."""
    return Guard()


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses(guard: Guard, address: str) -> None:
    """A public host may be connected to, also by way of NAT64 and 6to4."""
    guard.check_address(address)


@pytest.mark.parametrize("address", INWARD)
def test_inward_addresses(guard: Guard, address: str) -> None:
    """No address of an inner, special or documentation network is, however it is written."""
    with pytest.raises(Forbidden) as error:
        guard.check_address(address)
    assert address not in error.value.fault
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(Forbidden):
        guard.check_url(f"https://{host}/events")


@given(st.ip_addresses(v=4))
def test_nothing_beyond_what_python_calls_global_v4(address: IPv4Address) -> None:
    """Our own table allows no IPv4 address that the standard library calls special."""
    assert not is_public(address) or address.is_global


@given(st.ip_addresses(v=6))
def test_nothing_beyond_what_python_calls_global_v6(address: IPv6Address) -> None:
    """The same for IPv6, but for the two ways to reach a public IPv4 host."""
    tunnel = any(address in ip_network(each) for each in ("64:ff9b::/96", "2002::/16"))
    assert not is_public(address) or address.is_global or tunnel


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://sink.example", Target("https", "sink.example", 443)),
        ("https://sink.example/", Target("https", "sink.example", 443)),
        ("HTTPS://Sink.Example:8443/a/b", Target("https", "sink.example", 8443)),
        ("https://sink.example?x=1&y=%20", Target("https", "sink.example", 443)),
        ("https://my_sink.example/a@b/c;d=e?f=/?", Target("https", "my_sink.example", 443)),
        ("https://sink.example./", Target("https", "sink.example.", 443)),
        ("https://xn--caf-dma.example/", Target("https", "xn--caf-dma.example", 443)),
        ("https://93.184.216.34/", Target("https", "93.184.216.34", 443)),
        ("https://[2606:4700::1111]:8443/", Target("https", "2606:4700::1111", 8443)),
        ("https://0x7f.example/", Target("https", "0x7f.example", 443)),
    ],
)
def test_good_urls(guard: Guard, url: str, target: Target) -> None:
    """An https URL to a name or a public address is fine, and is read one way."""
    assert guard.check_url(url) == target


@pytest.mark.parametrize(
    "url",
    [
        "",
        "sink.example",
        "//sink.example/",
        "/events",
        "http://sink.example/",
        "ftp://sink.example/",
        "file:///etc/passwd",
        "https:sink.example",
        "https:///events",
        "https://",
        "https://user@sink.example/",
        "https://user:secret@sink.example/",
        "https://sink.example@10.0.0.1/",
        "https://sink.example#@10.0.0.1/",
        "https://sink.example/#part",
        "https://sink.example\\@10.0.0.1/",
        "https://10.0.0.1\\.sink.example/",
        "https://sink.example:0/",
        "https://sink.example:65536/",
        "https://sink.example:/",
        "https://sink.example:44 3/",
        "https://sink.example:-1/",
        "https://sink .example/",
        " https://sink.example/",
        "https://sink.example/\n",
        "https://sink.example/\r\nHost: x",
        "https://sink.example/%zz",
        "https://sink.example/%",
        "https://sink.example/\x00",
        "https://10.0.0.1\x00.sink.example/",
        "https://sïnk.example/",
        "https://\u017fink.example/",  # what upper case makes of an s in another alphabet
        "https://①②⑦.0.0.1/",
        "https://127。0。0。1/",
        "https://sink.example/é",
        "https://%31%32%37.0.0.1/",
        "https://[fe80::1%25eth0]/",
        "https://[fe80::1%eth0]/",
        "https://[::1/",
        "https://::1/",
        "https://[sink.example]/",
        "https://[v1.fe80::1]/",
        "https://[2606:4700:::1111]/",
        "https://2130706433/",
        "https://017700000001/",
        "https://0x7f000001/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://127.0.1/",
        "https://1.2.3.4.5/",
        "https://256.1.1.1/",
        "https://093.184.216.34/",
        "https://127.0.0.1./",
        "https://0/",
        "https://0x/",
        "https://sink.example.1/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:0x7f.1]/",
        "https://sink.example/" + "a" * 2048,
    ],
)
def test_bad_urls(guard: Guard, url: str) -> None:
    """Whatever is not plainly an https URL is refused in a sentence."""
    with pytest.raises(Forbidden) as error:
        guard.check_url(url)
    assert error.value.fault.endswith(".")


@pytest.mark.parametrize(
    "url", ["https://2130706433/", "https://0x7f.1/", "https://017700000001/", "https://127.1/"]
)
def test_why_odd_notations_are_refused(url: str) -> None:
    """The system's resolver takes them for loopback: it would, were they let through."""
    host = url.removeprefix("https://").rstrip("/")
    found = socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    assert {sockaddr[0] for *_, sockaddr in found} == {"127.0.0.1"}


def test_http_needs_both_settings() -> None:
    """Plain http goes only where an operator said so, and only when http was allowed at all."""
    listed = Guard(allow_cidrs=["127.0.0.0/8"], allow_hosts=["sink.local"])
    both = Guard(allow_http=True, allow_cidrs=["127.0.0.0/8"], allow_hosts=["sink.local"])
    for url in ("http://127.0.0.1:9000/", "http://sink.local/"):
        with pytest.raises(Forbidden):
            listed.check_url(url)
        both.check_url(url)
    listed.check_url("https://127.0.0.1/")
    for url in ("http://93.184.216.34/", "http://10.0.0.1/"):
        with pytest.raises(Forbidden):
            both.check_url(url)


def test_allowed_networks() -> None:
    """An allowed network opens just itself, also for IPv4 in its IPv6 form."""
    guard = Guard(allow_cidrs=["10.1.0.0/16", "fd00:1::/32"])
    Guard(allow_hosts=["10.2.0.1"]).check_url("https://10.2.0.1/")
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "fd00:1::1"):
        guard.check_address(address)
    for address in ("10.2.0.1", "fd00:2::1", "127.0.0.1", "64:ff9b::a01:203"):
        with pytest.raises(Forbidden):
            guard.check_address(address)


def test_settings_are_checked() -> None:
    """A network that is none is refused at once, not at the first delivery."""
    with pytest.raises(ValueError, match="host bits"):
        Guard(allow_cidrs=["10.0.0.1/8"])


def answering(*addresses: str) -> Guard:
    """Give a guard whose every name has these addresses."""

    async def lookup(_: str) -> list[str]:
        return list(addresses)

    return Guard(
        allow_hosts=["inner.example", ".below.example", ""],
        allow_cidrs=["10.1.0.0/16"],
        allow_http=True,
        lookup=lookup,
    )


async def test_resolve_gives_what_is_allowed() -> None:
    """Of a name's addresses those that may be connected to are given, in their order."""
    guard = answering("10.0.0.1", "93.184.216.34", "::1", "2606:4700::1111", "10.1.0.1")
    expected = ["93.184.216.34", "2606:4700::1111", "10.1.0.1"]
    assert await guard.resolve("x.example") == expected
    assert await guard.resolve("x.example", scheme="http") == ["10.1.0.1"]


async def test_resolve_refuses_what_leads_inward() -> None:
    """A name with inward addresses only is forbidden; one without any is not found."""
    with pytest.raises(Forbidden):
        await answering("10.0.0.1", "::1").resolve("x.example")
    with pytest.raises(OSError, match="no address"):
        await answering().resolve("x.example")


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("inner.example", True),
        ("INNER.example.", True),
        ("a.below.example", True),
        ("a.b.below.example", True),
        ("below.example", False),
        ("xinner.example", False),
        ("inner.example.com", False),
        ("notbelow.example", False),
    ],
)
async def test_allowed_hosts(host: str, *, allowed: bool) -> None:
    """An allowed name may lead anywhere; a leading dot allows all names below and no other."""
    guard = answering("10.0.0.1")
    if allowed:
        assert await guard.resolve(host) == ["10.0.0.1"]
        assert await guard.check_sink(f"http://{host}/") is None
    else:
        with pytest.raises(Forbidden):
            await guard.resolve(host)


async def test_check_sink() -> None:
    """The check at creation says in a sentence what is wrong, and never which address it was."""
    assert await answering("93.184.216.34").check_sink("https://x.example/") is None
    assert await answering().check_sink("https://93.184.216.34/") is None
    fault = await answering("10.9.8.7").check_sink("https://x.example/")
    assert fault is not None
    assert "10.9" not in fault
    assert "https" in (await answering().check_sink("ftp://x.example/") or "")
    assert "resolve" in (await answering().check_sink("https://x.example/") or "")


async def test_check_sink_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that does not answer is a name that does not resolve."""

    async def lookup(_: str) -> list[str]:
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr("consumers.sinks.webhook.guard._CHECK_TIMEOUT", 0.05)
    fault = await Guard(lookup=lookup).check_sink("https://x.example/")
    assert fault is not None
    assert "resolve" in fault


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example", "no-such-host.invalid"])
async def test_system_lookup_of_what_is_no_name(host: str) -> None:
    """Whatever the system's resolver says of it, a name that is none does not resolve."""
    guard = Guard()
    assert "resolve" in (await guard.check_sink(f"https://{host}/") or "")
    guard.close()


def test_parse_address() -> None:
    """IPv4 in IPv6's clothes is read as IPv4, a zone is refused."""
    assert parse_address("::ffff:1.2.3.4") == ip_address("1.2.3.4")
    with pytest.raises(ValueError, match="zone"):
        parse_address("fe80::1%eth0")
