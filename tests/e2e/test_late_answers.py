"""Timeouts after which the answer is still waited for, with real processes: the client is told at the timeout as ever, and of one
in twenty it is known what would have come. And an upstream that cuts its own work, named by its own time."""
import json
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.gateway import run_weir
from harness.load import PATIENT
from harness.raw import connect, get
from harness.service import Service

GET = b"GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n"


def at_once(port, count, **options):
    """So many requests, up to a hundred at a time: their heads."""
    with ThreadPoolExecutor(100) as pool:
        return [head for head, _ in pool.map(lambda _: get(port, "/x", **options), range(count))]


def late_of(g, heads):
    """The `late` parts of these exchanges, those that were not probed left out."""
    exchanges = [g.exchange(head) for head in heads]
    return [exchange for exchange in exchanges if exchange["late"] is not None]


class Deaf:
    """Its system takes connections, and nobody ever answers: any number of them at once, without a thread."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.port = self.listener.getsockname()[1]


@pytest.fixture
def deaf():
    one = Deaf()
    yield one
    one.listener.close()


@pytest.mark.alone   # it is about milliseconds
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_would_have_come_is_known(gateway, upstream, method):
    service = Service(upstream, delay=0.5)
    g = gateway(service, route={"timeouts": {"response": "300ms"}})
    began = time.monotonic()
    heads = at_once(g.port, 300, method=method, body=b"once" if method == "POST" else b"")
    assert {head.status for head in heads} == {504}
    assert time.monotonic() - began < 3
    late = late_of(g, heads)
    assert 0 < len(late) <= 60   # of 300 about 15
    for exchange in late:
        assert exchange["status"] == 504 and exchange["cause"] == "response_timeout"
        assert exchange["late"]["result"] == "success" and exchange["late"]["status"] == 200
        assert 490 < exchange["late"]["ms"] < 700 and 295 < exchange["total_ms"] < 450
    assert g.metric("weir_late_answers_total", upstream="main", result="success") == len(late)
    assert g.metric("weir_requests_total", cause="response_timeout") == 300
    assert service.taken == 300   # each was sent once
    told = run_weir("explain", late[0]["request_id"], "-c", str(g.file), cwd=g.folder)
    assert "its answer came after" in told.stdout, told.stdout + told.stderr
    # What was read to its end is used again, and the next one has its own answer.
    service.delay = 0
    head, body = get(g.port, "/x")
    assert head.status == 200 and body == b"ok"
    g.stop()
    rows = [json.loads(line) for line in run_weir("export", str(g.data)).stdout.splitlines()]
    probed = [row for row in rows if row["late"] is not None]
    assert sorted(row["request_id"] for row in probed) == sorted(exchange["request_id"] for exchange in late)
    assert {(row["late"], row["late_status"], row["status"]) for row in probed} == {("success", 200, 504)}


def test_what_was_not_sent_whole_is_not_probed(gateway, upstream):
    service = Service(upstream)
    g = gateway(service, route={"timeouts": {"total": "200ms"}})
    connections = [connect(g.port) for _ in range(200)]
    for connection in connections:
        connection.send(b"POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\nhalf")
    assert {connection.read_response("POST")[0].status for connection in connections} == {504}
    g.eventually(lambda: g.metric("weir_requests_total") == 200)
    assert g.metric("weir_late_answers_total") == 0


@pytest.mark.alone   # it is about a second
def test_thirty_two_at_most_and_a_drain_ends_them(gateway, deaf):
    g = gateway(deaf, route={"timeouts": {"response": "400ms"}}, overload=PATIENT)
    connections = [connect(g.port) for _ in range(1500)]
    for connection in connections:
        connection.send(GET)
    assert {connection.read_response()[0].status for connection in connections} == {504}
    g.eventually(lambda: g.metric("weir_requests_total") == 1500 - 32)
    g.eventually(lambda: g.metric("weir_late_answers_total", result="none") == 32)
    assert g.metric("weir_requests_total") == 1500
    for connection in connections[:400]:
        connection.send(GET)
    assert {connection.read_response()[0].status for connection in connections[:400]} == {504}
    began = time.monotonic()
    for connection in connections:
        connection.close()
    g.signal(signal.SIGTERM)
    g.wait()
    assert time.monotonic() - began < 1
    rows = [json.loads(line) for line in run_weir("export", str(g.data)).stdout.splitlines()]
    assert len(rows) == 1900 and all(row["status"] == 504 for row in rows)
    assert any(row["late"] == "dropped" for row in rows)


@pytest.mark.alone   # it is about a second
def test_none_while_the_breaker_is_open(gateway, deaf):
    g = gateway(upstreams=[{"name": "main", "endpoints": [f"127.0.0.1:{deaf.port}"], "ejection": False,
                            "breaker": {"failure_ratio": "50%", "min_requests": 200, "open": "20s"}}],
                route={"upstream": "main", "timeouts": {"response": "500ms"}})   # of 200 cut before it opens some are probed
    connections = [connect(g.port) for _ in range(400)]
    for connection in connections:
        connection.send(GET)
    assert {connection.read_response()[0].status for connection in connections} <= {504, 503}
    g.eventually(lambda: g.metric("weir_requests_total") == 400, timeout=1.2)
    assert g.metric("weir_late_answers_total", result="dropped") > 0
    assert g.metric("weir_late_answers_total", result="none") == 0


@pytest.mark.alone   # it is about a second
def test_switched_off(gateway, deaf):
    g = gateway(upstreams=[{"name": "main", "endpoints": [f"127.0.0.1:{deaf.port}"], "late_probe": False}],
                route={"upstream": "main", "timeouts": {"response": "50ms"}})
    heads = at_once(g.port, 200)
    assert {head.status for head in heads} == {504}
    g.eventually(lambda: g.metric("weir_requests_total") == 200, timeout=1)
    assert g.metric("weir_late_answers_total") == 0


@pytest.mark.alone   # it is about milliseconds
def test_advise_and_plan_go_by_late_answers(gateway, upstream):
    service = Service(upstream, delay=0.5)
    g = gateway(service, route={"timeouts": {"response": "200ms"}})
    assert {head.status for head in at_once(g.port, 1100)} == {504}
    g.eventually(lambda: g.metric("weir_requests_total") == 1100)
    known = g.metric("weir_late_answers_total")
    assert known >= 10 and g.metric("weir_late_answers_total", result="success") >= 0.95 * known
    g.stop()
    advice = json.loads(run_weir("advise", g.file, "--recording", g.data, "--skip", "unused", "--skip", "capacity", "-o", "json", cwd=g.folder).stdout)
    finding, = [each for each in advice["findings"] if each["check"] == "timeout-short"]
    numbers = finding["numbers"]
    assert numbers["late_known"] == known and 0.85 * known <= numbers["late_in_time"] <= known
    assert 500 <= numbers["late_ms"] <= 800
    assert f"{numbers['late_in_time']} of {int(known)} late answers would have come within" in finding["text"]
    assert finding["proposal"]["set"] == [f"routes.all.timeouts.response={numbers['late_ms']:.0f}ms"]
    # Planned: nearly all of the 1,100 pass; with 400 ms none would.
    for value, least, most in ((f"{numbers['late_ms']:.0f}ms", 0.85 * 1100, 1100), ("400ms", 0, 0)):
        words = ("plan", g.file, "--recording", g.data, "--set", f"routes.all.timeouts.response={value}")
        longer = json.loads(run_weir(*words, "-o", "json", cwd=g.folder).stdout)["timeouts"][0]["longer"]
        assert longer["known"] == known and longer["cut_then"] > 1000
        assert least <= longer["newly_allowed"] <= most and longer["low"] <= longer["newly_allowed"] <= longer["high"]
        assert "late answers came in time" in run_weir(*words, cwd=g.folder).stdout


def test_an_upstream_that_cuts_its_own_work_is_named(gateway, drill):
    service = drill("upstream", "--latency", "exponential(12ms)", "--timeout", "30ms", "--workers", "64")
    g = gateway(service, route={"timeouts": {"response": "500ms"}})
    done, lock = [], threading.Lock()

    def ask():
        connection = connect(g.port)
        for _ in range(75):
            connection.send(GET)
            with lock:
                done.append(connection.read_response()[0].status)
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    cut = done.count(504)   # of 600 about 49: e^-2.5 of them take longer than 30 ms
    assert 20 <= cut <= 100 and cut == service.counts()["own_timeouts"] and set(done) == {200, 504}
    g.eventually(lambda: g.metric("weir_requests_total") == 600)
    g.stop()
    advice = json.loads(run_weir("advise", g.file, "--recording", g.data, "-o", "json", cwd=g.folder).stdout)
    finding, = [each for each in advice["findings"] if each["check"] == "upstream-timeout"]
    assert finding["subject"] == {"kind": "upstream", "name": "main"} and finding["proposal"] is None
    numbers = finding["numbers"]
    assert numbers["near_ms"] == pytest.approx(30, abs=4) and numbers["failures"] == cut
    assert numbers["near"] >= 0.6 * cut and numbers["timeout_ms"] == 500
    assert "cuts its own work near 3" in finding["text"] and "not the gateway's timeout (500 ms)" in finding["text"]
