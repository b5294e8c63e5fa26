"""An echo server with Python's asyncio: `python asyncio_echo.py PORT`.

It ends when stdin closes.
"""

import asyncio
import socket
import sys
import threading


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        while data := await reader.read(16384):
            writer.write(data)
            await writer.drain()  # back-pressure: reads nothing while too much is unsent
    except ConnectionError:
        pass  # the client left
    finally:
        writer.close()


async def main(port: int) -> None:
    server = await asyncio.start_server(echo, "127.0.0.1", port, backlog=4096)
    loop, end = asyncio.get_running_loop(), asyncio.Event()

    def wait_for_end() -> None:  # in a thread, because asyncio cannot read stdin on Windows
        sys.stdin.buffer.read()
        loop.call_soon_threadsafe(end.set)

    threading.Thread(target=wait_for_end, daemon=True).start()
    print(f"ready port={server.sockets[0].getsockname()[1]}", flush=True)
    await end.wait()


asyncio.run(main(int(sys.argv[1])))
