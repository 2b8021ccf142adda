"""asyncio: a server, its clients and a child, in one process."""

from __future__ import annotations

import asyncio


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write((await reader.read())[::-1])
    writer.close()


async def ask(port: int, text: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(text)
    writer.write_eof()
    print(await reader.read())
    writer.close()
    await writer.wait_closed()


async def main() -> None:
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    for text in (b"one", b"two" * 3):
        await ask(server.sockets[0].getsockname()[1], text)
    child = await asyncio.create_subprocess_exec(
        "cat", "notes", stdout=asyncio.subprocess.PIPE
    )
    print((await child.communicate())[0])
    server.close()
    await server.wait_closed()


asyncio.run(main())
