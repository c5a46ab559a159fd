"""Both ends of a connection at the level of bytes: Connection (send, strict reading of HTTP/1 messages), RawUpstream
(a script per accepted connection), connect(). The reader here is the test's own and strict: what it cannot read
is a failure of whoever wrote it."""
import re
import select
import socket
import struct
import threading
import time
from dataclasses import dataclass, field

TIMEOUT = 10.0   # of every single wait; a script that needs longer says so
MAX_HEAD = 256 * 1024


class Broken(AssertionError):
    """The peer sent something that is not HTTP/1.1, or ended where it should not."""


class Ended(Broken):
    """The peer ended where it should not."""


@dataclass
class Head:
    start: str
    fields: list = field(default_factory=list)   # (name, value) as received

    def all(self, name):
        return [v for n, v in self.fields if n.lower() == name.lower()]

    def get(self, name, default=None):
        values = self.all(name)
        return values[0] if values else default

    @property
    def status(self):
        return int(self.start.split(" ", 2)[1])

    @property
    def method(self):
        return self.start.split(" ", 1)[0]

    @property
    def target(self):
        return self.start.split(" ")[1]


_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*?)[ \t]*\Z")
_STATUS = re.compile(rb"HTTP/1\.[01] [1-5][0-9][0-9] [^\x00-\x08\x0a-\x1f\x7f]*\Z")
_REQUEST = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [\x21-\x7e]+ HTTP/1\.[01]\Z")


def parse_head(block):
    """`block` ends with the empty line. Anything but RFC 9112 to the letter is Broken."""
    lines = block[:-4].split(b"\r\n")
    for line in lines:
        if b"\r" in line or b"\n" in line:
            raise Broken(f"bare CR or LF in {line!r}")
    if not (_STATUS.match(lines[0]) or _REQUEST.match(lines[0])):
        raise Broken(f"not a start line: {lines[0]!r}")
    head = Head(lines[0].decode("latin-1"))
    for line in lines[1:]:
        match = _FIELD.match(line)
        if not match:
            raise Broken(f"not a field line: {line!r}")
        head.fields.append((match[1].decode(), match[2].decode("latin-1")))
    return head


class Connection:
    def __init__(self, sock, timeout=TIMEOUT):
        self.sock, self.buffer, self.timeout, self.ended = sock, b"", timeout, False
        self.received = 0   # bytes, in all

    # -- sending
    def send(self, data):
        if isinstance(data, str):
            data = data.encode("latin-1")
        self.sock.settimeout(self.timeout)
        self.sock.sendall(data)

    def drip(self, data, pause, step=1):
        for at in range(0, len(data), step):
            self.send(data[at:at + step])
            time.sleep(pause)

    def end(self):
        self.sock.shutdown(socket.SHUT_WR)

    def close(self):
        self.sock.close()

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    # -- reading
    def more(self, timeout=None):
        """One read; b"" when the peer ended. Raises TimeoutError, ConnectionResetError."""
        self.sock.settimeout(self.timeout if timeout is None else timeout)
        got = self.sock.recv(256 * 1024)
        self.buffer += got
        self.received += len(got)
        if not got:
            self.ended = True
        return got

    def read_head(self):
        while b"\r\n\r\n" not in self.buffer:
            if len(self.buffer) > MAX_HEAD:
                raise Broken("a head without end")
            if not self.more():
                raise Ended(f"ended within a head, after {self.buffer[:200]!r}")
        block, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        return parse_head(block + b"\r\n\r\n")

    def read_exact(self, count):
        while len(self.buffer) < count:
            if not self.more():
                raise Ended(f"ended after {len(self.buffer)} of {count} bytes")
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def read_line(self):
        while b"\r\n" not in self.buffer:
            if not self.more():
                raise Ended("ended within a line")
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line

    def read_chunked(self):
        body = b""
        while True:
            line = self.read_line()
            if not re.fullmatch(rb"[0-9a-fA-F]{1,16}", line):
                raise Broken(f"not a chunk size: {line!r}")
            size = int(line, 16)
            if size == 0:
                break
            body += self.read_exact(size)
            if self.read_exact(2) != b"\r\n":
                raise Broken("no CRLF after chunk data")
        while line := self.read_line():
            if not _FIELD.match(line):
                raise Broken(f"not a trailer field: {line!r}")
        return body

    def read_body(self, head, to_method="GET"):
        """The body that belongs to `head`, by RFC 9112 6.3; for a response `to_method` is what was asked."""
        response = head.start.startswith("HTTP/")
        lengths, encodings = head.all("content-length"), head.all("transfer-encoding")
        if response and (to_method == "HEAD" or head.status in (204, 304) or head.status < 200):
            return b""
        if encodings:
            if encodings != ["chunked"] or lengths:
                raise Broken(f"bad framing: {encodings} {lengths}")
            return self.read_chunked()
        if lengths:
            if len(lengths) != 1 or not lengths[0].isdigit():
                raise Broken(f"bad Content-Length: {lengths}")
            return self.read_exact(int(lengths[0]))
        if not response:
            return b""
        while self.more():
            pass
        data, self.buffer = self.buffer, b""
        return data

    def read_response(self, method="GET"):
        """The final response; interim ones are skipped."""
        while True:
            head = self.read_head()
            if head.status >= 200 or head.status == 101:
                return head, self.read_body(head, method)

    def read_request(self):
        head = self.read_head()
        return head, self.read_body(head)

    def expect_end(self, timeout=None):
        """The peer ended in order, and sent nothing more before."""
        if self.buffer:
            raise Broken(f"expected the end, got {self.buffer[:200]!r}")
        if not self.ended and self.more(timeout):
            raise Broken(f"expected the end, got {self.buffer[:200]!r}")

    def pending(self):
        """Bytes that are here and were not read, without waiting."""
        try:
            while not self.ended and select.select([self.sock], [], [], 0)[0] and self.more(0.1):
                pass
        except (OSError, ValueError):
            pass
        return self.buffer


def connect(port, timeout=TIMEOUT, receive_buffer=None, host="127.0.0.1"):
    sock = socket.socket()
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.settimeout(timeout)
    sock.connect((host, port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Connection(sock, timeout)


def get(port, target="/", host="a.test", method="GET", headers=(), body=b"", timeout=TIMEOUT):
    """One request on a connection of its own: (Head, body)."""
    connection = connect(port, timeout)
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    connection.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
    try:
        return connection.read_response(method)
    finally:
        connection.close()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def answer_all(connection, answer=OK):
    """The well-behaved script: answers every request of its connection until the peer ends."""
    while True:
        try:
            connection.read_request()
        except (Broken, OSError):
            return
        connection.send(answer)


class RawUpstream:
    """Listens on a port of its own. The n-th accepted connection runs the n-th script (function of a Connection) on a
    thread; those after the last run `default`. `requests` holds every (Head, body) read through serve()."""

    def __init__(self, *scripts, default=answer_all, host="127.0.0.1", port=0, backlog=1024):
        self.scripts, self.default = list(scripts), default
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((host, port))
        self.listener.listen(backlog)
        self.port = self.listener.getsockname()[1]
        self.connections, self.failures, self.accepted = [], [], 0
        self._lock = threading.Lock()
        self._closing = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(sock)
            with self._lock:
                script = self.scripts[self.accepted] if self.accepted < len(self.scripts) else self.default
                self.accepted += 1
                self.connections.append(connection)
            threading.Thread(target=self._run, args=(script, connection), daemon=True).start()

    def _run(self, script, connection):
        try:
            script(connection)
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            pass   # the gateway hung up: what that means is for the client's side to judge
        except Exception as error:   # noqa: BLE001 - kept for the test to look at
            if not self._closing:
                self.failures.append(error)
        finally:
            connection.sock.close()

    def stop(self):
        self._closing = True
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for connection in self.connections:
            try:
                connection.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
