"""The line to a Postgres, in the hands of a test: it can fall silent, or break at a word."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit


@asynccontextmanager
async def line_to(
    url: str, *, cut_after: bytes | None = None
) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """Give another address for the same Postgres, and an event: nothing passes while it is cleared.

    Once `cut_after` has passed on its way to the server, the client hears no more of it.
    """
    parts = urlsplit(url)
    open_ = asyncio.Event()
    open_.set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(parts.hostname, parts.port)

        async def answer() -> None:
            while data := await up_reader.read(65536):
                await open_.wait()
                writer.write(data)
            writer.close()

        answering = asyncio.create_task(answer())
        while data := await reader.read(65536):
            await open_.wait()
            cut = cut_after is not None and cut_after in data
            if cut:
                answering.cancel()
            up_writer.write(data)
            if cut:
                break
        await up_writer.drain()
        answering.cancel()
        writer.transport.abort()
        up_writer.close()
        await asyncio.gather(answering, up_writer.wait_closed(), return_exceptions=True)

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        netloc = f"{parts.username}:{parts.password}@127.0.0.1:{port}"
        yield urlunsplit(parts._replace(netloc=netloc)), open_
        open_.set()
