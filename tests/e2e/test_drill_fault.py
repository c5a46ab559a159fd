"""The fault proxy, each fault through real sockets: what the two ends see of it, alone and with the gateway between."""
import contextlib
import os
import socket
import threading
import time

import pytest
from harness.gateway import run_weir
from harness.ports import free_port
from harness.raw import Broken, answer_all, connect, get

GET = b"GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n"


@pytest.fixture
def proxy(drill):
    """proxy(port of a server, *faults)."""
    def make(server, *faults):
        words = [word for fault in faults for word in ("--fault", fault)]
        return drill("fault", "--to", f"127.0.0.1:{server}", *words)
    return make


def echo(connection):
    while data := connection.sock.recv(65536):
        connection.sock.sendall(data)


def sends(data):
    """Sends `data` when it has been asked for anything, then waits for the end."""
    def script(connection):
        connection.more()
        connection.send(data)
        with contextlib.suppress(OSError):
            while connection.more():
                pass
    return script


def timed(action):
    begun = time.monotonic()
    result = action()
    return time.monotonic() - begun, result


def receive(connection, count, timeout=20):
    connection.timeout = timeout
    return connection.read_exact(count)


def everything(connection, timeout=10):
    """All bytes until the end, and how it ended: "end", "reset" or "silence"."""
    try:
        while connection.more(timeout):
            pass
        return connection.buffer, "end"
    except ConnectionResetError:
        return connection.buffer, "reset"
    except TimeoutError:
        return connection.buffer, "silence"


def accepted(server, which=0):
    """The server's side of a connection; it may be accepted a moment after the client's."""
    until = time.monotonic() + 3
    while len(server.connections) <= which:
        assert time.monotonic() < until
        time.sleep(0.005)
    return server.connections[which]


def test_without_a_fault_every_byte_passes_both_ways_and_so_does_the_end(proxy, upstream):
    p = proxy(upstream(default=echo).port)
    data = os.urandom(3_000_000)
    connection = connect(p.port)
    sender = threading.Thread(target=lambda: (connection.sock.sendall(data), connection.end()))
    sender.start()
    got, ending = everything(connection)
    sender.join()
    assert got == data and ending == "end"
    counts = p.counts()
    assert (counts["bytes_up"], counts["bytes_down"], counts["connections"]) == (len(data), len(data), 1)


@pytest.mark.alone
def test_delay_shifts_each_way_and_keeps_the_order(proxy, upstream):
    p = proxy(upstream(default=echo).port, "delay 100ms up", "delay 200ms down")
    connection = connect(p.port)
    connection.send(b"a")
    took, _ = timed(lambda: receive(connection, 1))
    assert 0.29 < took < 0.6
    # What comes every 20 ms comes out every 20 ms, 300 ms later: the delay is a pipe, not a queue of waits.
    begun = time.monotonic()
    for i in range(20):
        connection.send(bytes([i]))
        time.sleep(0.02)
    assert receive(connection, 20) == bytes(range(20))
    assert 0.65 < time.monotonic() - begun < 1.2


@pytest.mark.alone
def test_jitter_spreads_the_delay(proxy, upstream):
    p = proxy(upstream(default=echo).port, "delay 60ms jitter 50ms up")
    connection = connect(p.port)
    times = []
    for _ in range(40):
        connection.send(b"a")
        times.append(timed(lambda: receive(connection, 1))[0])
    assert min(times) < 0.035 and max(times) > 0.085 and min(times) >= 0.009


@pytest.mark.alone
def test_a_rate_is_kept(proxy, upstream):
    p = proxy(upstream(default=sends(b"x" * 30_000)).port, "rate 10KiB/s down")
    connection = connect(p.port)
    connection.send(b"go")
    took, _ = timed(lambda: receive(connection, 30_000))
    assert 2.7 < took < 3.6   # 30,000 / 10,240 = 2.93 s


@pytest.mark.alone
def test_a_trickle_is_a_drop_at_a_time(proxy, upstream):
    p = proxy(upstream(default=sends(b"0123456789")).port, "trickle 2B every 100ms down")
    connection = connect(p.port)
    connection.send(b"go")
    pieces = []
    begun = time.monotonic()
    while sum(map(len, pieces)) < 10:
        pieces.append(connection.sock.recv(100))
    assert pieces == [b"01", b"23", b"45", b"67", b"89"]
    assert 0.38 < time.monotonic() - begun < 1.0


def test_corruption_changes_its_share_of_the_bytes_and_no_length(proxy, upstream):
    data = bytes(200_000)
    p = proxy(upstream(default=sends(data)).port, "corrupt 1% down")
    connection = connect(p.port)
    connection.send(b"go")
    got = receive(connection, len(data))
    changed = sum(byte != 0 for byte in got)
    assert 2000 - 180 < changed < 2000 + 180   # 200,000 x 1 %, give or take four deviations of 44.5
    assert p.counts()["bytes_corrupted"] == changed
    assert p.counts()["bytes_up"] == 2


def test_a_reset_comes_before_the_server_has_seen_the_request(proxy, upstream):
    server = upstream()
    p = proxy(server.port, "reset")
    connection = connect(p.port)
    connection.send(GET)
    assert everything(connection) == (b"", "reset")
    assert accepted(server).pending() == b""
    assert p.counts()["resets"] == 1


def test_a_reset_after_so_much_of_the_answer_cuts_it_there(proxy, upstream):
    p = proxy(upstream(default=sends(b"x" * 100_000)).port, "reset after 1000B")
    connection = connect(p.port)
    connection.send(b"go")
    assert everything(connection) == (b"x" * 1000, "reset")


def test_a_reset_after_counts_each_turn_anew(proxy, upstream):
    p = proxy(upstream().port, "reset after 100B")   # longer than the answers
    connection = connect(p.port)
    for _ in range(10):
        connection.send(GET)
        assert connection.read_response()[1] == b"ok"
    assert p.counts()["resets"] == 0 and p.counts()["turns"] == 10


def test_half_open_the_server_is_gone_and_the_client_is_not_told(proxy, upstream):
    server = upstream(default=lambda connection: connection.more())
    p = proxy(server.port, "half-open")
    connection = connect(p.port)
    connection.send(GET)
    assert everything(connection, timeout=1) == (b"", "silence")
    for _ in range(3):   # and takes whatever the client sends still
        connection.send(b"x" * 100_000)
    assert everything(connection, timeout=0.2)[1] == "silence"
    assert accepted(server).ended and accepted(server).buffer == b""   # the server saw an end, and no byte
    p.set("{faults: []}")                # it does not come back to life
    assert everything(connection, timeout=0.2)[1] == "silence"
    assert get(proxy(upstream().port).port)[1] == b"ok"


def test_half_open_within_an_answer(proxy, upstream):
    p = proxy(upstream(default=sends(b"x" * 5000)).port, "half-open after 2KiB")
    connection = connect(p.port)
    connection.send(b"go")
    assert everything(connection, timeout=1) == (b"x" * 2048, "silence")
    assert p.counts()["silenced"] == 1


def refuses_to_connect(port, timeout=0.7):
    with pytest.raises(TimeoutError):
        connect(port, timeout=timeout)
    return True


def test_a_blackhole_swallows_syns_and_stops_what_is_connected_until_it_ends(proxy, upstream):
    p = proxy(upstream(default=echo).port)
    connection = connect(p.port)
    connection.send(b"before")
    assert receive(connection, 6) == b"before"
    p.set("{faults: [blackhole]}")
    refuses_to_connect(p.port)
    connection.send(b"within")
    assert everything(connection, timeout=0.5) == (b"", "silence")
    refuses_to_connect(p.port)
    p.set("{faults: []}")
    assert receive(connection, 6, timeout=3) == b"within"   # TCP goes on where it stood
    late = connect(p.port, timeout=5)
    late.send(b"after")
    assert receive(late, 5) == b"after"


def test_a_blackhole_may_be_there_from_the_start_and_come_again(proxy, upstream):
    p = proxy(upstream(default=echo).port, "blackhole")
    for _ in range(3):
        refuses_to_connect(p.port, 0.4)
        p.set("{faults: [delay 1ms]}")
        connection = connect(p.port, timeout=5)
        connection.send(b"a")
        assert receive(connection, 1) == b"a"
        p.set("{faults: [blackhole]}")


def test_a_share_of_the_requests_on_connections_that_stay(proxy, upstream):
    p = proxy(upstream().port, "reset on 10%")
    resets = 0
    connection = connect(p.port)
    for _ in range(600):
        connection.send(GET)
        try:
            connection.read_response()
        except (ConnectionResetError, Broken):
            resets += 1
            connection = connect(p.port)
    assert 60 - 30 < resets < 60 + 30   # four deviations of 7.3
    assert p.counts()["turns"] == 600 and p.counts()["resets"] == resets


def test_the_same_seed_hits_the_same_requests(drill, upstream):
    def hits(seed):
        p = drill("fault", "--to", f"127.0.0.1:{upstream().port}", "--fault", "reset on 30%", "--seed", str(seed))
        found = []
        for i in range(60):
            connection = connect(p.port)
            connection.send(GET)
            with contextlib.suppress(ConnectionResetError, Broken):
                connection.read_response()
                found.append(i)
            connection.close()
        return found
    first = hits(4)
    assert hits(4) == first and hits(5) != first


def test_a_slow_path_pushes_back_and_holds_little(proxy, upstream):
    server = upstream(default=sends(b"x" * 60_000_000))
    p = proxy(server.port, "rate 1KiB/s down")
    connection = connect(p.port)
    connection.send(b"go")
    time.sleep(1)
    with open(f"/proc/{p.process.pid}/status") as status:
        resident = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    assert resident < 40_000   # KiB: a megabyte is held, not sixty


def test_a_server_that_is_not_there(proxy):
    p = proxy(free_port())
    try:
        assert everything(connect(p.port))[1] == "reset"
    except ConnectionResetError:
        pass   # it came before the connect was seen
    assert p.counts()["unreachable"] == 1


def test_a_client_that_resets_and_a_server_that_resets_are_passed_on(proxy, upstream):
    def resets(connection):
        connection.more()
        connection.reset()
    came = threading.Event()
    def waits_for_a_reset(connection):
        connection.more()
        with pytest.raises(ConnectionResetError):
            connection.more(3)
        came.set()
    waiting = upstream(resets, waits_for_a_reset)
    p = proxy(waiting.port)
    connection = connect(p.port)
    connection.send(b"go")
    assert everything(connection) == (b"", "reset")
    connection = connect(p.port)
    connection.send(b"go")
    time.sleep(0.2)
    connection.reset()
    assert came.wait(4)


def test_faults_change_while_a_transfer_is_under_way(proxy, upstream):
    p = proxy(upstream(default=sends(b"x" * 100_000)).port, "rate 1KiB/s down")
    connection = connect(p.port)
    connection.send(b"go")
    receive(connection, 100)
    p.set("{faults: []}")
    took, _ = timed(lambda: receive(connection, 99_000))
    assert took < 2


@pytest.mark.parametrize("fault", ["delay 20s down", "trickle 1B every 20s down", "delay 20s up"])
def test_what_is_held_leaves_when_its_fault_is_lifted(proxy, upstream, fault):
    p = proxy(upstream(default=sends(b"0123456789")).port, fault)
    connection = connect(p.port)
    connection.send(b"go")
    time.sleep(0.3)
    p.set("{faults: []}")
    took, got = timed(lambda: receive(connection, 10))
    assert got == b"0123456789" and took < 2


@pytest.mark.alone   # what comes before the blackhole is missing from the time
def test_a_rate_is_kept_after_a_standstill(proxy, upstream):
    p = proxy(upstream(default=sends(b"x" * 60_000)).port, "rate 10KiB/s down")
    connection = connect(p.port)
    connection.send(b"go")
    receive(connection, 100)
    p.set("{faults: [blackhole]}")
    time.sleep(2)
    p.set("{faults: [rate 10KiB/s down]}")
    took, _ = timed(lambda: receive(connection, 30_000))
    assert took > 2   # 30,000 / 10,240 = 2.93 s, less what came before the blackhole and a slice or two; with what two seconds saved up, 0.93 s


def test_a_change_that_is_wrong_is_answered_and_changes_nothing(proxy, upstream):
    p = proxy(upstream().port, "delay 5ms")
    for body, said in [("{faults: [dely 5ms]}", "did you mean delay?"), ("{fault: []}", "did you mean faults?"), ("", "write one mapping"),
                       ("{faults: [blackhole down]}", "no place"), ("[", ""), ("{faults: [" + "reset, " * 20 + "reset]}", "at most 16")]:
        status, text = p.ask("PUT", body)
        assert status == 400 and said in text, (body, text)
    assert p.ask("POST", "{faults: []}")[0] == 405
    assert p.ask("GET", path="/x")[0] == 404
    assert p.ask("PUT", "#" * 70_000)[0] == 413
    assert get(p.control, "/", host="evil.test:80", method="PUT", body=b"{faults: []}")[0].status == 421   # DNS rebinding
    assert p.state()["faults"] == ["delay 5ms"]


@pytest.mark.parametrize("words, said", [
    (["--to", "127.0.0.1:1", "--fault", "slow"], "is not a fault"),
    (["--to", "nowhere"], "nowhere"),
    ([], "--to"),
    (["--to", "127.0.0.1:1", "--control", "0.0.0.0:0"], "not on loopback"),
])
def test_wrong_words(words, said):
    done = run_weir("drill", "fault", *words, timeout=5)
    assert done.returncode == 2 and said in done.stderr, done.stderr


# --- what the gateway makes of each, between a client and an upstream behind the proxy

BIG = b"HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n" + b"x" * 50_000


def answers_big(connection):
    answer_all(connection, BIG)


@pytest.mark.parametrize("fault, cause, status", [
    ("delay 800ms down", "response_timeout", 504),
    ("reset", "upstream_closed", 502),
    ("reset after 10B", "upstream_closed", 502),
    ("reset after 2KiB", "body_truncated", 200),
    ("half-open", "response_timeout", 504),
    ("half-open after 2KiB", "response_timeout", 200),
    ("blackhole", "connect_failed", 502),
    ("corrupt 100% down", "upstream_protocol_error", 502),
    ("trickle 1B every 20ms down", "response_timeout", 504),   # the head alone takes a second
    ("rate 10KiB/s down", "none", 200),                        # slow, but neither silent nor late
])
def test_what_the_gateway_says(proxy, upstream, gateway, fault, cause, status):
    p = proxy(upstream(default=answers_big).port, fault)
    g = gateway(p.port, defaults={"timeouts": {"connect": "400ms", "response": "500ms", "idle": "500ms"}})
    begun = time.monotonic()
    connection = g.connect()
    connection.send(GET)
    head = connection.read_head()
    whole = True
    try:
        body = connection.read_body(head)
    except (Broken, ConnectionResetError):
        body, whole = b"", False
    took = time.monotonic() - begun
    assert head.status == status
    if status >= 500:
        assert f"urn:weir:cause:{cause}".encode() in body and took < 2
    elif cause == "none":
        assert whole and body == b"x" * 50_000 and took > 4
    else:
        assert not whole   # cut, never ended cleanly
        g.eventually(lambda: g.metric("weir_requests_total", cause=cause) == 1, what=cause)
