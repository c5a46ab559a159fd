"""An HTTP/1.1 server for measuring those who measure: one process, one thread, answers of two bytes.

  python3 -m harness.timed_server PORT DELAY_MS [STALL_AT_REQUEST STALL_S]

Each answer leaves DELAY_MS after its request came (0: at once). When request number STALL_AT_REQUEST comes, the whole
server does nothing for STALL_S seconds, as one that collects garbage. On TERM it prints a JSON object: how many requests
came, and when the first and the last of them did."""
import asyncio
import json
import signal
import sys
import time

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Server(asyncio.Protocol):
    count, first, last = 0, 0.0, 0.0
    delay, stall_at, stall = 0.0, 0, 0.0

    def connection_made(self, transport):
        self.transport, self.buffer = transport, b""

    def data_received(self, data):
        self.buffer += data
        while b"\r\n\r\n" in self.buffer:
            self.buffer = self.buffer.split(b"\r\n\r\n", 1)[1]
            Server.count += 1
            Server.last = time.monotonic()
            Server.first = Server.first or Server.last
            if Server.count == Server.stall_at:
                time.sleep(Server.stall)
            if Server.delay:
                asyncio.get_running_loop().call_later(Server.delay, self.transport.write, ANSWER)
            else:
                self.transport.write(ANSWER)


async def main(port):
    loop = asyncio.get_running_loop()
    ended = loop.create_future()
    loop.add_signal_handler(signal.SIGTERM, ended.set_result, None)
    server = await loop.create_server(Server, "127.0.0.1", port, backlog=1024)
    print("ready", flush=True)
    await ended
    server.close()
    print(json.dumps({"requests": Server.count, "first": Server.first, "last": Server.last}), flush=True)


if __name__ == "__main__":
    Server.delay = float(sys.argv[2]) / 1000
    if len(sys.argv) > 3:
        Server.stall_at, Server.stall = int(sys.argv[3]), float(sys.argv[4])
    asyncio.run(main(int(sys.argv[1])))
