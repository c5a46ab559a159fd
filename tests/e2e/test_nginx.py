"""Through the gateway to a real nginx: files as they are, a GiB down and up at flat memory, 500 keep-alive clients."""
import hashlib
import os
import time

import pytest
from harness.load import PATIENT, Highest, wrk
from harness.raw import connect

MIB = 1024 * 1024
GROWTH_KIB = 8 * 1024   # of the gateway's resident memory, kernel buffers aside


def big_file(path, size):
    """`size` bytes that differ from MiB to MiB, and their digest."""
    digest, block = hashlib.blake2b(), bytearray(os.urandom(MIB))
    with path.open("wb") as file:
        for number in range(size // MIB):
            block[:8] = number.to_bytes(8, "little")
            file.write(block)
            digest.update(block)
    return digest.hexdigest()


def warm(g, target):
    for _ in range(20):
        assert g.get(target)[0].status == 200


def test_files_arrive_as_they_are(gateway, nginx):
    server = nginx()
    contents = {"empty.txt": b"", "small.txt": b"hello\n", "page.html": os.urandom(70_000), "sub.bin": os.urandom(3 * MIB + 7)}
    for name, content in contents.items():
        (server.files / name).write_bytes(content)
    g = gateway(server)
    connection = g.connect()
    for name, content in contents.items():
        connection.send(f"GET /{name} HTTP/1.1\r\nHost: a.test\r\n\r\n")
        head, body = connection.read_response()
        assert head.status == 200 and body == content
        assert head.get("content-length") == str(len(content))
    connection.send("GET /small.txt HTTP/1.1\r\nHost: a.test\r\nRange: bytes=1-3\r\n\r\n")
    head, body = connection.read_response()
    assert (head.status, body, head.get("content-range")) == (206, b"ell", "bytes 1-3/6")
    connection.send(f'GET /small.txt HTTP/1.1\r\nHost: a.test\r\nIf-None-Match: {head.get("etag")}\r\n\r\n')
    assert connection.read_response()[0].status == 304
    connection.send("GET /missing HTTP/1.1\r\nHost: a.test\r\n\r\n")
    assert connection.read_response()[0].status == 404


def test_a_gib_comes_down_whole_at_flat_memory(gateway, nginx):
    server = nginx()
    size = 1024 * MIB
    digest = big_file(server.files / "big", size)
    (server.files / "ok").write_text("ok")
    g = gateway(server)
    warm(g, "/ok")
    connection = g.connect()
    connection.send("GET /big HTTP/1.1\r\nHost: a.test\r\n\r\n")
    got, received, view = hashlib.blake2b(), 0, memoryview(bytearray(MIB))
    before = g.memory_kib()
    with Highest(g.memory_kib) as highest:
        head = connection.read_head()
        assert head.status == 200 and head.get("content-length") == str(size)
        got.update(connection.buffer)
        received = len(connection.buffer)
        while received < size and (count := connection.sock.recv_into(view)):
            got.update(view[:count])
            received += count
    assert received == size and got.hexdigest() == digest
    assert highest.value - before < GROWTH_KIB, f"{before} KiB before, {highest.value} KiB at most"


def test_a_slow_reader_of_a_gib_costs_no_memory(gateway, nginx):
    server = nginx()
    big_file(server.files / "big", 256 * MIB)
    g = gateway(server)
    before = g.memory_kib()
    readers = [connect(g.port, receive_buffer=4096) for _ in range(20)]
    for reader in readers:
        reader.send("GET /big HTTP/1.1\r\nHost: a.test\r\n\r\n")
    with Highest(g.memory_kib) as highest:
        for _ in range(40):
            for reader in readers:
                assert reader.sock.recv(65536)
    assert highest.value - before < GROWTH_KIB, f"{before} KiB before, {highest.value} KiB at most"


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_gib_goes_up_whole_at_flat_memory(gateway, nginx, framing):
    server = nginx()
    size = 1024 * MIB
    g = gateway(server)
    (server.files / "ok").write_text("ok")
    warm(g, "/ok")
    block, digest = bytearray(os.urandom(MIB)), hashlib.blake2b()
    connection = g.connect(timeout=60)
    field = f"Content-Length: {size}" if framing == "length" else "Transfer-Encoding: chunked"
    before = g.memory_kib()
    with Highest(g.memory_kib) as highest:
        connection.send(f"PUT /upload/big HTTP/1.1\r\nHost: a.test\r\n{field}\r\n\r\n")
        for number in range(size // MIB):
            block[:8] = number.to_bytes(8, "little")
            digest.update(block)
            connection.send(b"100000\r\n" + block + b"\r\n" if framing == "chunked" else block)
        if framing == "chunked":
            connection.send(b"0\r\n\r\n")
        head, _ = connection.read_response("PUT")
    assert head.status == 201
    stored = server.files / "upload/big"
    assert stored.stat().st_size == size
    with stored.open("rb") as file:
        assert hashlib.file_digest(file, "blake2b").hexdigest() == digest.hexdigest()
    assert highest.value - before < GROWTH_KIB, f"{before} KiB before, {highest.value} KiB at most"


def test_500_keep_alive_clients_are_all_answered(gateway, nginx):
    server = nginx()
    (server.files / "ok").write_text("ok")
    g = gateway(server, overload=PATIENT)
    result = wrk(g.port, connections=500, seconds=5, path="/ok")
    assert result["errors"] == 0 and result["bad"] == 0, result["text"]
    assert result["requests"] > 5000, result["text"]
    connects = g.metric("weir_upstream_connects_total")
    assert 0 < connects <= 500 * 2 + 0.01 * result["requests"], "at least 99 % reused, the first connection of each client aside"


def test_connections_are_reused_by_two_workers(gateway, nginx):
    """At most one request in a hundred opens a connection once as many are open as 64 clients need."""
    g = gateway(nginx(), workers=2, overload=PATIENT)
    wrk(g.port, connections=64, seconds=2, path="/ok")

    def counted():
        return g.metric("weir_requests_total"), g.metric("weir_upstream_connects_total")

    def settled():
        before = counted()
        time.sleep(0.3)
        return before if counted() == before else None
    requests, connects = g.eventually(settled, what="the counts to rest")
    assert 0 < connects < requests, "it counts"
    result = wrk(g.port, connections=64, seconds=3, path="/ok")
    assert result["errors"] == 0 and result["bad"] == 0, result["text"]
    after = g.eventually(settled, what="the counts to rest")
    requests, connects = after[0] - requests, after[1] - connects
    assert requests >= result["requests"] > 5000, result["text"]
    assert connects <= 0.01 * requests, f"{connects} of {requests}"
