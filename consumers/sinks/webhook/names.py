"""Host names to addresses, by the system's resolver on threads of our own."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor

_THREADS = 32  # lookups at a time; one that finds no server holds its thread for some 10 s


class Names:
    """Looks names up without the event loop's own few threads.

    uvloop has four, the standard loop some six: a handful of sinks whose name servers are away
    would make every other sink wait for its next connection.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="names")

    async def lookup(self, host: str) -> list[str]:
        """Give the host's addresses in the resolver's order of preference.

        Raises OSError (socket.gaierror) when it has none.
        """
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._threads, _addresses, host)
        except UnicodeError:  # an empty label, or one of more than 63 characters
            raise socket.gaierror(socket.EAI_NONAME, "not a host name") from None
        return list(dict.fromkeys(found))

    def close(self) -> None:
        """Take no more lookups; those that run are left to end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _addresses(host: str) -> list[str]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for *_, sockaddr in found]
