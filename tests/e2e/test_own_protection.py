"""The gateway's own protection, with real processes: short of memory, of descriptors, of time; whom it refuses then, and that it
recovers by itself."""
import selectors
import signal
import socket
import threading
import time

from harness.raw import get
from harness.service import Service

PRIORITIES = [{"name": name, "match": {"path": f"/{name}/*"}, "upstream": "main", "priority": name}
              for name in ("critical", "normal", "sheddable")]


def own(g, resource):
    load = g.api("status")["overload"]
    return next(each for each in load["resources"] if each["resource"] == resource)


def all_judged(g, count):
    g.eventually(lambda: g.api("status")["replay"]["judged"] >= count, timeout=10, what="the follower to judge all")
    replay = g.api("status")["replay"]
    assert replay["mismatches"] == 0, replay["examples"]


def test_without_memory_all_is_refused_and_with_it_nothing(gateway, upstream):
    service = Service(upstream)
    g = gateway(service.port, routes=PRIORITIES, overload={"memory": "1MiB"})
    g.eventually(lambda: own(g, "memory")["level"] == 6, what="the gateway to see that it takes more than 1 MiB")
    for name in ("critical", "normal", "sheddable"):
        head, body = get(g.port, f"/{name}/x")
        assert head.status == 503 and b"gateway_overloaded" in body, (head, body)
        assert 1 <= int(head.get("retry-after")) <= 2
        assert b'"rule":"memory"' in body.replace(b": ", b":"), body
        assert head.get("connection") == "close", "connections are memory"
    assert service.taken == 0
    assert "short of memory: " in g.stderr() + g.stdout() and g.metric("weir_overload_level", resource="memory") == 6
    assert "OVERLOADED" in g.command("status").stdout
    g.write(overload={"memory": "64GiB"})
    g.signal(signal.SIGHUP)
    g.eventually(lambda: own(g, "memory")["level"] == 0, what="the new limit")
    assert get(g.port, "/normal/x")[0].status == 200
    g.eventually(lambda: "no longer short of memory" in g.stderr() + g.stdout(), what="to be told that it is over")
    all_judged(g, 4)


def test_switched_off_it_refuses_nobody(gateway, upstream):
    g = gateway(Service(upstream).port, overload={"enabled": False, "memory": "1MiB"})
    assert get(g.port, "/x")[0].status == 200
    assert not g.api("status")["overload"]["on"] and own(g, "memory")["level"] == 0


def test_a_crowd_of_connections_leaves_room_for_critical_requests(gateway, upstream):
    """128 descriptors, some forty of them the gateway's own, and 150 clients that connect and say nothing."""
    service = Service(upstream)
    g = gateway(service.port, routes=PRIORITIES, files=128, workers=1)
    crowd = [g.connect(timeout=2) for _ in range(150)]
    g.eventually(lambda: "short of descriptors: " in g.stderr() + g.stdout(), what="the gateway to be short of descriptors")
    began = time.monotonic()
    for _ in range(20):
        assert get(g.port, "/critical/x", timeout=5)[0].status == 200
    assert time.monotonic() - began < 10
    for connection in crowd:
        connection.close()
    g.eventually(lambda: own(g, "descriptors")["level"] == 0, what="to recover by itself")
    assert get(g.port, "/sheddable/x")[0].status == 200


def test_while_descriptors_are_short_sheddable_requests_are_refused(gateway, upstream):
    """Connections that are busy are not closed: 32 slow requests, with a connection on either side."""
    service = Service(upstream, delay=2.0)
    g = gateway(service.port, routes=PRIORITIES, files=128, workers=1, overload={"from": "50%"})
    busy = [threading.Thread(target=get, args=(g.port, "/critical/slow"), kwargs={"timeout": 10}) for _ in range(32)]
    for thread in busy:
        thread.start()
    g.eventually(lambda: own(g, "descriptors")["level"] >= 2, what="descriptors to become short")
    head, body = get(g.port, "/sheddable/x")
    assert head.status == 503 and b"gateway_overloaded" in body
    for thread in busy:
        thread.join()
    service.delay = 0
    g.eventually(lambda: own(g, "descriptors")["level"] == 0, what="to recover by itself")
    assert get(g.port, "/sheddable/x")[0].status == 200
    assert g.metric("weir_requests_total", cause="gateway_overloaded", code_class="5xx") >= 1


def test_what_waited_longer_than_its_deadline_is_not_sent(gateway, upstream):
    """The gateway stands still for 300 ms, with requests in its sockets whose callers wait 100 ms, 10 s and half a second."""
    service = Service(upstream)
    g = gateway(service.port, listener={"trusted_proxies": ["127.0.0.0/8"]}, deadline={"header": "X-Left"}, workers=1,
                routes=[{"name": "short", "match": {"path": "/short/*"}, "upstream": "main", "timeouts": {"total": "150ms"}},
                        {"name": "all", "match": {"path": "/*"}, "upstream": "main"}])
    connections = [g.connect() for _ in range(3)]
    for connection in connections:
        connection.send("GET /first HTTP/1.1\r\nHost: a.test\r\n\r\n")
        assert connection.read_response()[0].status == 200
    assert service.taken == 3
    g.signal(signal.SIGSTOP)
    time.sleep(0.02)   # until all its threads stand
    try:
        for connection, request in zip(connections, ("GET /a HTTP/1.1\r\nX-Left: 100", "GET /b HTTP/1.1\r\nX-Left: 10000",
                                                     "GET /short/c HTTP/1.1")):
            connection.send(request + "\r\nHost: a.test\r\n\r\n")
        time.sleep(0.3)
    finally:
        g.signal(signal.SIGCONT)
    (late, body), (well, _), (slow, about) = [connection.read_response() for connection in connections]
    assert late.status == 504 and b"deadline_expired" in body
    assert slow.status == 504 and b"deadline_expired" in about
    assert well.status == 200 and service.taken == 4
    left = int(service.heads[-1].get("x-left"))
    assert left <= 9750, "the time it waited is taken off what the upstream is told"
    all_judged(g, 6)


LINE = '198.51.100.1 - - [{:02}/Oct/2026:12:00:{:02} +0000] "GET /normal/x HTTP/1.1" 200 5 "-" "app"\n'


def test_a_known_caller_passes_where_an_unknown_one_is_refused(gateway, upstream, folder):
    """Known by a log of two days; the limit is set so that nearly half of it is taken: level 3 of 6."""
    service = Service(upstream)
    g = gateway(service.port, routes=PRIORITIES, listener={"trusted_proxies": ["127.0.0.0/8"]}, start=False)
    log = folder / "access.log"
    log.write_text("".join(LINE.format(day, second) for day in (1, 2, 3) for second in range(10)))
    assert g.command("import", "--log", str(log)).returncode == 0
    g.start()

    def ask(client, name):
        head, body = get(g.port, f"/{name}/x", headers=[f"X-Forwarded-For: {client}"])
        assert head.status in (200, 503) and (head.status == 200 or b"gateway_overloaded" in body)
        return head.status
    for client in ("198.51.100.1", "198.51.100.2"):
        assert ask(client, "normal") == 200, "nothing is short"
    # From 10 % on, 15 % each: with 47.5 % taken sheddable requests are refused, and normal ones of unknown callers.
    resident = g.memory_kib()
    g.write(overload={"from": "10%", "memory": f"{int(resident / 0.475)}KiB"})
    g.signal(signal.SIGHUP)
    g.eventually(lambda: own(g, "memory")["level"] == 3, what="the limit")
    assert [ask("198.51.100.1", name) for name in ("critical", "normal", "sheddable")] == [200, 200, 503]
    assert [ask("198.51.100.2", name) for name in ("critical", "normal", "sheddable")] == [200, 503, 503]
    all_judged(g, 8)


class Crowd:
    """Keeps one worker busy: so many connections, each with a long row of requests that the gateway answers by itself."""

    def __init__(self, g, connections=100):
        self.row = b"GET /busy HTTP/1.1\r\nHost: a.test\r\n\r\n" * 100
        self.sockets = selectors.DefaultSelector()
        for _ in range(connections):
            connection = socket.create_connection(("127.0.0.1", g.port))
            connection.setblocking(False)
            self.sockets.register(connection, selectors.EVENT_READ | selectors.EVENT_WRITE, [0])   # of the row that is sent: so far
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        while not self.stop.is_set():
            for key, events in self.sockets.select(timeout=0.1):
                if events & selectors.EVENT_READ:
                    key.fileobj.recv(1 << 20)
                if events & selectors.EVENT_WRITE:
                    key.data[0] = (key.data[0] + key.fileobj.send(self.row[key.data[0]:])) % len(self.row)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
        for key in list(self.sockets.get_map().values()):
            key.fileobj.close()


def test_a_worker_that_is_behind_refuses_sheddable_requests(gateway, upstream):
    service = Service(upstream)
    busy = {"name": "busy", "match": {"path": "/busy"}, "respond": {"status": 200, "body": "x"}}
    g = gateway(service.port, routes=[*PRIORITIES, busy], workers=1, overload={"queue_delay": "1ms"})
    with Crowd(g):
        g.eventually(lambda: get(g.port, "/sheddable/x", timeout=5)[0].status == 503, what="a queue to stand")
        assert get(g.port, "/critical/x", timeout=5)[0].status == 200
        assert own(g, "loop")["wait_ms"] > 1
    assert "short of time: requests wait" in g.stderr() + g.stdout()
    g.eventually(lambda: own(g, "loop")["level"] == 0, what="to recover by itself")
    g.eventually(lambda: get(g.port, "/sheddable/x")[0].status == 200, what="the rest of the crowd to be gone")
    assert g.metric("weir_requests_total", cause="gateway_overloaded") >= 1
