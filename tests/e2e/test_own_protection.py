"""The gateway's own protection, with real processes: short of memory, of descriptors, of time; whom it refuses then, and that it
recovers by itself."""
import signal
import threading
import time

from harness.load import PATIENT
from harness.raw import get
from harness.service import Service

PRIORITIES = [{"name": name, "match": {"path": f"/{name}/*"}, "upstream": "main", "priority": name}
              for name in ("critical", "normal", "sheddable")]
ROW = 400   # requests; three of them fit a connection's buffers, unread


def own(g, resource):
    load = g.api("status")["overload"]
    return next(each for each in load["resources"] if each["resource"] == resource)


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
    g.eventually(lambda: "short of memory: " in g.stderr() + g.stdout(), what="to be told")
    assert g.metric("weir_overload_level", resource="memory") == 6
    assert "OVERLOADED" in g.command("status").stdout
    told = g.command("explain", "GET", f"http://127.0.0.1:{g.port}/critical/x").stdout
    assert told.startswith("WOULD REFUSE 503 gateway_overloaded") and "overload memory" in told, told
    g.write(overload={"memory": "64GiB"})
    g.signal(signal.SIGHUP)
    g.eventually(lambda: own(g, "memory")["level"] == 0, what="the new limit")
    assert get(g.port, "/normal/x")[0].status == 200
    assert "WOULD FORWARD" in g.command("explain", "GET", f"http://127.0.0.1:{g.port}/critical/x").stdout
    g.eventually(lambda: "no longer short of memory" in g.stderr() + g.stdout(), what="to be told that it is over")
    g.all_judged(4)


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
        head, body = get(g.port, "/critical/x", timeout=5)
        assert head.status == 200, (body, g.descriptors(), g.stderr()[-3000:])
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
    with g.standing_still():
        for connection, request in zip(connections, ("GET /a HTTP/1.1\r\nX-Left: 100", "GET /b HTTP/1.1\r\nX-Left: 10000",
                                                     "GET /short/c HTTP/1.1")):
            connection.send(request + "\r\nHost: a.test\r\n\r\n")
        time.sleep(0.3)
    (late, body), (well, _), (slow, about) = [connection.read_response() for connection in connections]
    assert late.status == 504 and b"deadline_expired" in body
    assert slow.status == 504 and b"deadline_expired" in about
    assert well.status == 200 and service.taken == 4
    left = int(service.heads[-1].get("x-left"))
    assert left <= 9750, "the time it waited is taken off what the upstream is told"
    g.all_judged(6)


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
    g.write(overload={**PATIENT, "from": "10%", "memory": f"{int(resident / 0.475)}KiB"})   # only by memory
    g.signal(signal.SIGHUP)
    g.eventually(lambda: own(g, "memory")["level"] == 3, what="the limit")
    assert [ask("198.51.100.1", name) for name in ("critical", "normal", "sheddable")] == [200, 200, 503]
    assert [ask("198.51.100.2", name) for name in ("critical", "normal", "sheddable")] == [200, 503, 503]
    g.all_judged(8)


def request(target):
    return f"GET {target} HTTP/1.1\r\nHost: a.test\r\n\r\n"


def test_a_worker_that_is_behind_refuses_sheddable_requests(gateway, upstream):
    """It is given a second of work while it stands still, so it is behind however little of the processor the test gets: rows of requests
    that it answers by itself, more connections than one turn takes, long enough for its measurement to be due. Connections take turns: two rows
    of a third of the length end while most of the others are still there, one with a sheddable request, one with a critical one."""
    service = Service(upstream)
    busy = {"name": "busy", "match": {"path": "/busy"}, "respond": {"status": 200, "body": "x"}}
    g = gateway(service.port, routes=[*PRIORITIES, busy], workers=1, overload={"queue_delay": "1ms"})
    crowd = [g.connect(timeout=60) for _ in range(400)]
    for connection in crowd:   # so that all are accepted
        connection.send(request("/busy"))
        assert connection.read_response()[0].status == 200
    with g.standing_still():
        for connection, last in zip(crowd, ("/sheddable/x", "/critical/x")):
            connection.send(request("/busy") * ROW + request(last))
        for connection in crowd[2:]:
            connection.send(request("/busy") * 3 * ROW)
        time.sleep(0.2)
    ends = []
    for connection in crowd[:2]:
        for _ in range(ROW):
            assert connection.read_response()[0].status == 200
        ends.append(connection.read_response())
    (refused, why), (answered, _) = ends
    assert refused.status == 503 and b"gateway_overloaded" in why and b'"rule":"loop"' in why.replace(b": ", b":"), (refused, why)
    assert answered.status == 200
    g.eventually(lambda: "short of time: requests wait" in g.stderr() + g.stdout(), what="to be told")
    for connection in crowd:
        connection.close()
    g.eventually(lambda: own(g, "loop")["level"] == 0, what="to recover by itself")
    assert get(g.port, "/sheddable/x")[0].status == 200
    assert g.metric("weir_requests_total", cause="gateway_overloaded") >= 1
