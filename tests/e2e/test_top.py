"""`weir top --by`: who asks more than is usual, on the first line within five seconds; and what retries cost an upstream."""
import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import threading
import time

import pytest
from harness.gateway import binary
from harness.raw import Broken, connect
from harness.service import Service

BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy"
SERVICES = [{"name": "mesh", "service": {"header": "X-Service", "from": ["127.0.0.0/8"]}}]


class Caller:
    """A service that asks at a rate, one request after the other; the rate may be changed while it does."""

    def __init__(self, port, name, rate, target="/"):
        self.rate, self.port = rate, port
        self.request = f"GET {target} HTTP/1.1\r\nHost: a.test\r\nX-Service: {name}\r\n\r\n".encode()
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        connection, due = connect(self.port), time.monotonic()
        while not self.stopped.wait(max(0.0, due - time.monotonic())):
            connection.send(self.request)
            try:
                connection.read_response()
            except (Broken, OSError):
                return
            due = max(due + 1 / self.rate, time.monotonic() - 0.2)   # what was missed for longer is not made up for
        connection.close()

    def stop(self):
        self.stopped.set()
        self.thread.join(5)


@pytest.fixture
def callers():
    made = []

    def make(*arguments, **options):
        made.append(Caller(*arguments, **options))
        return made[-1]
    yield make
    for one in made:
        one.stop()


def top(g, *words):
    """What it prints, for people: at most 100 columns, nothing that a terminal obeys."""
    done = g.command("top", *words, "--once")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\u202e]", done.stdout), done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100, done.stdout
    return done.stdout


def rows(g, by):
    return {row["name"]: row for row in g.api(f"top?by={by}&n=100")["rows"]}


def test_the_service_that_runs_away_is_on_the_first_line_within_five_seconds(gateway, upstream, callers):
    orders, stock = Service(upstream), Service(upstream)
    g = gateway(identity=SERVICES, upstreams=[{"name": name, "endpoints": [f"127.0.0.1:{peer.port}"]} for name, peer in
                                              (("orders", orders), ("stock", stock))],
                routes=[{"name": "to-orders", "match": {"path": "/orders"}, "upstream": "orders"},
                        {"name": "to-stock", "match": {"path": "/stock"}, "upstream": "stock"}])
    assert top(g, "--by", "edge").startswith("IDLE    nothing was asked since")
    for name, target in (("web", "/orders"), ("mobile", "/orders"), ("report", "/stock")):
        callers(g.port, name, 30, target)
    worker = callers(g.port, "worker", 20, "/stock")
    g.eventually(lambda: g.api("top?by=edge")["rows"], what="the first rows")
    assert top(g, "--by", "edge").startswith("YOUNG   ")
    g.eventually(lambda: g.api("top?by=edge")["counted_s"] > 9, timeout=15, what="a past of three seconds")
    first = top(g, "--by", "edge").splitlines()[0]
    assert first.startswith("USUAL   "), first
    worker.rate = 300
    began = time.monotonic()
    g.eventually(lambda: top(g, "--by", "edge").startswith("ABOVE   worker -> stock   "), what="the culprit on the first line")
    assert time.monotonic() - began < 5
    g.eventually(lambda: rows(g, "edge")["worker -> stock"]["times_usual"] > 8, what="all of the surge")
    assert time.monotonic() - began < 5

    edges = rows(g, "edge")
    assert set(edges) == {"web -> orders", "mobile -> orders", "report -> stock", "worker -> stock"}
    assert edges["worker -> stock"]["usual"] == pytest.approx(20, rel=0.2) and edges["web -> orders"]["usual"] == pytest.approx(30, rel=0.2)
    assert edges["web -> orders"]["times_usual"] == pytest.approx(1, abs=0.35) and edges["worker -> stock"]["usual_from"] == "gateway"
    assert list(edges)[0] == "worker -> stock" and edges["worker -> stock"]["caller"] == "worker" and edges["worker -> stock"]["upstream"] == "stock"
    assert top(g, "--by", "caller").startswith("ABOVE   worker   ") and top(g, "--by", "route").startswith("ABOVE   to-stock   ")
    assert top(g, "--by", "endpoint").startswith(f"ABOVE   stock 127.0.0.1:{stock.port}   ")
    shown = top(g, "--by", "edge", "-n", "2").splitlines()
    assert shown[3].split()[:3] == ["EDGE", "rate", "usual"] and shown[4].startswith("worker -> stock ") and shown[6] == "… 2 more: -n N"

    answer = json.loads(g.command("top", "--by", "edge", "-o", "json", "--once").stdout)
    for row in answer["rows"]:
        assert row["rate"] - row["usual"] == pytest.approx(row["above"]) and row["rate"] / row["usual"] == pytest.approx(row["times_usual"])
        assert row["p50_ms"] <= row["p95_ms"] and row["bad_share"] == 0 == row["refused_rate"]
    assert sum(row["rate"] for row in answer["rows"]) == pytest.approx(answer["rate"])


def test_refused_requests_are_shown_as_refused_by_their_rule_and_failures_as_bad(gateway, upstream, callers):
    bad = Service(upstream, BUSY)
    g = gateway(bad, identity=SERVICES, limits=[{"name": "small", "key": "caller", "rate": "1/h", "burst": 1, "for": {"callers": ["greedy"]}}],
                route={"limits": ["small"], "auth": {"require": ["mesh"]}})
    callers(g.port, "greedy", 50)
    callers(g.port, "modest", 50)
    for _ in range(3):
        assert g.get("/")[0].status == 401   # nobody
    g.eventually(lambda: len(rows(g, "caller")) == 3 and rows(g, "caller")["greedy"]["rate"] > 20, what="all three")
    found = rows(g, "edge")
    greedy, modest, nobody = (found[f"{name} -> main"] for name in ("greedy", "modest", "127.0.0.1"))
    assert greedy["refused_by"] == {"cause": "limit_rejected", "rule": "small"} and greedy["refused_rate"] >= greedy["rate"] - 1
    assert greedy["bad_share"] < 0.1
    assert modest["bad_share"] == 1 and modest["refused_rate"] == 0 and modest["refused_by"] is None
    assert nobody["refused_by"]["cause"] == "auth_denied" and nobody["refused_rate"] == nobody["rate"]
    line = next(line for line in top(g, "--by", "edge").splitlines() if line.startswith("greedy -> main"))
    assert line.endswith("small")
    assert rows(g, "endpoint")[f"main 127.0.0.1:{bad.port}"]["bad_share"] == 1


def test_names_of_callers_do_nothing_to_a_terminal(gateway, upstream):
    hostile = "x\u009b31m\u202eevil"   # CSI as one C1 character, and a character that turns the line
    g = gateway(upstream(), start=False, identity=[{"name": "key", "api_key": {"file": "keys.yaml"}}])
    key = g.command("keys", "add", hostile).stdout.split()
    g.start()
    secret = next(word for word in key if word.startswith("weir_"))
    assert g.get("/", headers=[f"X-Api-Key: {secret}"])[0].status == 200
    g.eventually(lambda: g.api("top?by=caller")["rows"], what="the caller")
    for by in ("caller", "edge"):
        assert "evil" in top(g, "--by", by)   # top() looks for what a terminal obeys
        assert json.loads(g.command("top", "--by", by, "--once", "-o", "json").stdout)["rows"][0]["caller"] == hostile


def test_pictures_follow_each_other_until_an_interrupt_which_is_no_failure(gateway, upstream):
    g = gateway(upstream())
    g.get("/")
    shown = subprocess.Popen([binary(), "top", "--by", "caller", "-c", str(g.file)], stdout=subprocess.PIPE, text=True)
    try:
        seen = [shown.stdout.readline() for _ in range(12)]
        assert sum(line.startswith("all ") for line in seen) >= 2 and "\x1b" not in "".join(seen)
        shown.send_signal(signal.SIGINT)
        assert shown.wait(timeout=5) == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            shown.kill()
        shown.stdout.close()


def test_a_terminal_is_drawn_over_and_never_scrolled(gateway, upstream):
    g = gateway(upstream(), identity=SERVICES)
    for number in range(12):
        g.get("/", headers=[f"X-Service: caller-{number}"])
    terminal, inside = pty.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 9, 100, 0, 0))
    shown = subprocess.Popen([binary(), "top", "--by", "caller", "-c", str(g.file)], stdout=inside,
                             env={**{k: v for k, v in os.environ.items() if k != "NO_COLOR"}, "TERM": "xterm"})
    os.close(inside)
    try:
        seen, until = b"", time.monotonic() + 10
        while seen.count(b"\x1b[H") < 2:
            assert select.select([terminal], [], [], max(0.0, until - time.monotonic()))[0], seen
            seen += os.read(terminal, 65536)
        pictures = seen.split(b"\x1b[H")
        assert pictures[1].count(b"\n") == 8 and pictures[1].endswith(b"\x1b[J") and b"caller-" in pictures[1]
    finally:
        shown.send_signal(signal.SIGINT)
        try:
            assert shown.wait(timeout=5) == 0
        finally:
            shown.kill()
            os.close(terminal)


def test_what_is_asked_wrongly_is_said(gateway, upstream):
    g = gateway(upstream())
    for query in ("by=planet", "by=edge&n=0", "by=edge&n=1001", "by=edge&n=x"):
        assert g.admin("/api/v1/top?" + query)[0] == 400
    assert g.command("top", "--by", "planet").returncode == 2


# ---- retries

def test_the_amplification_of_retries_is_what_can_be_worked_out(gateway, upstream):
    """One after the other, every answer a 503: three retries a request may be under way, so each is tried four times."""
    bad = [Service(upstream, BUSY) for _ in range(2)]
    good = Service(upstream)
    g = gateway(upstreams=[{"name": "failing", "endpoints": [f"127.0.0.1:{each.port}" for each in bad], "ejection": False},
                           {"name": "fine", "endpoints": [f"127.0.0.1:{good.port}"]}, {"name": "idle", "endpoints": [f"127.0.0.1:{good.port}"]}],
                routes=[{"name": "failing", "match": {"path": "/failing"}, "upstream": "failing", "retry": {"on": ["503"], "max_retries": 3}},
                        {"name": "fine", "match": {"path": "/fine"}, "upstream": "fine"},
                        {"name": "idle", "match": {"path": "/idle"}, "upstream": "idle"}])
    assert [g.get("/failing")[0].status for _ in range(10)] == [503] * 10
    assert [g.get("/fine")[0].status for _ in range(5)] == [200] * 5
    assert sum(each.taken for each in bad) == 40
    g.eventually(lambda: 'weir_retry_amplification{upstream="fine"}' in g.metrics())   # these came last
    series = g.metrics()
    assert series['weir_retry_amplification{upstream="failing"}'] == 4
    assert series['weir_retry_amplification{upstream="fine"}'] == 1
    assert 'weir_retry_amplification{upstream="idle"}' not in series
    assert {each["name"]: each["retry_amplification"] for each in g.api("upstreams")["upstreams"]} == {"failing": 4, "fine": 1, "idle": None}


def test_the_budget_holds_the_amplification_of_a_storm(gateway, upstream):
    """200 requests, twenty at a time: what the gateway publishes is what the upstream saw."""
    bad = [Service(upstream, BUSY, delay=0.03) for _ in range(2)]
    g = gateway(upstreams=[{"name": "main", "endpoints": [f"127.0.0.1:{each.port}" for each in bad], "ejection": False}],
                route={"upstream": "main", "retry": {"on": ["503"], "max_retries": 3}, "timeouts": {"response": "2s"}})

    def ask():
        for _ in range(10):
            g.get("/x")
    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sent = sum(each.taken for each in bad)
    assert 1 < sent / 200 < 1.5
    g.eventually(lambda: g.metric("weir_retry_amplification", upstream="main") == pytest.approx(sent / 200))   # all 200 are in it
    assert g.api("upstreams")["upstreams"][0]["retry_amplification"] == pytest.approx(sent / 200)


def test_rows_and_seconds_hold_without_a_kind_too(gateway, upstream):
    g = gateway(Service(upstream), listener={"trusted_proxies": ["127.0.0.0/8"]})
    looked = []
    thread = threading.Thread(target=lambda: looked.append(g.command("top", "-n", "40", "--once", "--seconds", "3", "-o", "json")))
    thread.start()
    while thread.is_alive():
        for n in range(40):
            g.get("/", headers=[f"X-Forwarded-For: 192.0.2.{n}"])
    thread.join()
    answer = json.loads(looked[0].stdout)
    assert len(answer["callers"]) == answer["callers_seen"] == 40
    assert g.api("top?n=1&seconds=2")["seconds"] == pytest.approx(2, abs=0.5)
