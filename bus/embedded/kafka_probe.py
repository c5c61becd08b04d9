"""Asks a Kafka broker whether it serves, by one request written by hand."""

import asyncio
import struct

_METADATA = 3  # the request's number in Kafka's protocol
_VERSION = 1  # the oldest that can ask for no topics; every broker since 0.10 answers it
_CLIENT = b"gemeentebus"
_WITHIN = 2.0  # seconds
_LARGEST_ANSWER = 65_536


async def serves(port: int) -> bool:
    """Say whether the broker on this loopback port answers, and knows a broker for clients to use.

    That the port is open says little: a broker that still registers with its controller accepts
    connections and names nobody.
    """
    try:
        async with asyncio.timeout(_WITHIN):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                return await _brokers(reader, writer) > 0
            finally:
                writer.close()
                await writer.wait_closed()
    except (OSError, TimeoutError, EOFError, ValueError, struct.error):
        return False


async def _brokers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    """Ask for metadata of no topic; give the number of brokers in the answer."""
    header = struct.pack(f">hhih{len(_CLIENT)}s", _METADATA, _VERSION, 0, len(_CLIENT), _CLIENT)
    request = header + struct.pack(">i", 0)
    writer.write(struct.pack(">i", len(request)) + request)
    (size,) = struct.unpack(">i", await reader.readexactly(4))
    if not 8 <= size <= _LARGEST_ANSWER:
        raise ValueError("not an answer of Kafka")
    _, brokers = struct.unpack_from(">ii", await reader.readexactly(size))
    return int(brokers)
