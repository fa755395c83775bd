"""A TCP proxy that damages connections: cut, stalled, a response lost, a bit flipped.

Each connection gets the next fault of a list; when the list is empty, nothing is damaged.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import attrs

READ_BYTES = 64 * 1024


@attrs.frozen
class Damage:
    """What happens on one connection. Offsets count the bytes of one direction."""

    cut_up: int | None = None
    """The connection is reset after so many bytes to the server."""
    cut_down: int | None = None
    stall_up: int | None = None
    """Nothing passes any more after so many bytes."""
    stall_down: int | None = None
    stalled_s: float = 3600.0
    """How long; then the connection is reset."""
    flip_up: int | None = None
    """The lowest bit of this byte is inverted."""
    flip_down: int | None = None
    lose_response: bool = False
    """The server gets everything; its first response is replaced by a reset."""


@attrs.frozen
class FaultProxy:
    """A running proxy."""

    url: str
    faults: list[Damage]
    """Of the next connections; may be changed at any time."""
    connections: list[Damage]
    """Those that there were, with their faults."""


@asynccontextmanager
async def fault_proxy(port: int, *faults: Damage) -> AsyncIterator[FaultProxy]:
    """Passes connections on to a port of 127.0.0.1 until the end of the `async with`."""
    tasks: set[asyncio.Task[None]] = set()
    waiting = list(faults)
    connections: list[Damage] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        damage = waiting.pop(0) if waiting else Damage()
        connections.append(damage)
        with suppress(ConnectionError, asyncio.CancelledError):
            await _pass_on(reader, writer, port, damage)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield FaultProxy(
            f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", waiting, connections
        )
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, damage: Damage
) -> None:
    server_reader, server_writer = await asyncio.open_connection("127.0.0.1", port)
    stalled_s = damage.stalled_s
    up = _pump(reader, server_writer, damage.cut_up, damage.stall_up, damage.flip_up, stalled_s)
    cut_down = 0 if damage.lose_response else damage.cut_down
    down = _pump(server_reader, writer, cut_down, damage.stall_down, damage.flip_down, stalled_s)
    directions = [asyncio.ensure_future(direction) for direction in (up, down)]
    try:
        await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for direction in directions:
            direction.cancel()
        await asyncio.gather(*directions, return_exceptions=True)
        for end in (writer, server_writer):
            _reset(end)


async def _pump(
    source: asyncio.StreamReader,
    target: asyncio.StreamWriter,
    cut: int | None,
    stall: int | None,
    flip: int | None,
    stalled_s: float,
) -> None:
    """Copies bytes until the end or the fault."""
    position = 0
    while data := await source.read(READ_BYTES):
        if data.startswith(b"HTTP/1.1 100 ") and cut is not None:
            target.write(data)  # not the response yet
            continue
        if flip is not None and position <= flip < position + len(data):
            damaged = bytearray(data)
            damaged[flip - position] ^= 1
            data = bytes(damaged)
        if stall is not None and position + len(data) > stall:
            await asyncio.sleep(stalled_s)
            return
        if cut is not None and position + len(data) > cut:
            target.write(data[: cut - position])
            await target.drain()
            return
        position += len(data)
        target.write(data)
        await target.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Ends a connection with RST, as a broken line does, not with FIN."""
    end = writer.get_extra_info("socket")
    with suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
